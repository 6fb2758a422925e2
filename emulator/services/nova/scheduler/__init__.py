"""nova-scheduler: chooses a compute host for each new server."""

from emulator.services.nova.scheduler.service import service, wait_for_hosts

__all__ = ["service", "wait_for_hosts"]

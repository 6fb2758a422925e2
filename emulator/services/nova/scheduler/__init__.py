"""nova-scheduler: chooses a compute host for each new server."""

from emulator.services.nova.scheduler.service import service

__all__ = ["service"]

"""nova-compute: builds, changes and destroys servers on one host."""

from emulator.services.nova.compute.service import service

__all__ = ["service"]

"""glance-api: the images that servers boot from. Those of a fresh cloud are pretended; what users upload is kept."""

from emulator.services.glance.api import service

__all__ = ["service"]

"""glance, the image service: images, their data, members and tags."""

from emulator.services.glance.api import service

__all__ = ["service"]

"""glance, the image service: images, their bytes, their members and tags."""

from emulator.services.glance.api import service

__all__ = ["service"]

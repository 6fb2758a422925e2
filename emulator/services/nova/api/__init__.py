"""nova-api: Nova's REST API, and the records of servers that users see."""

from emulator.services.nova.api.service import BUILD_SECONDS, service

__all__ = ["BUILD_SECONDS", "service"]

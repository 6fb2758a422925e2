"""nova-api: Nova's REST API, and the records of servers that users see."""

from emulator.services.nova.api.service import service

__all__ = ["service"]

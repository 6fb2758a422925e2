"""What nova-api asks the scheduler about its hosts, and what that replies."""

from typing import ClassVar

import msgspec

from emulator.services.nova.messages import Size

__all__ = ["HostSeen", "ListHosts"]


class ListHosts(msgspec.Struct, frozen=True):
    """To the scheduler, which replies with a list of `HostSeen`."""

    METHOD: ClassVar[str] = "list_hosts"


class HostSeen(msgspec.Struct, frozen=True):
    """A compute host: what it has, what is claimed on it for how many servers, and when it last reported."""

    name: str
    total: Size
    claimed: Size
    servers: int
    up: bool
    seconds_ago: float

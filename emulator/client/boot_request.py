"""What a user asks for: the server to boot, and the attributes by which its trace is found again."""

from dataclasses import dataclass, replace

from emulator.faults import Fault
from emulator.instrumentation import Attributes

__all__ = ["BootRequest", "numbered_requests", "server_name"]

LONGEST_VALUE = 255
"""Longer values are cut: nova refuses longer names (`"maxLength": 255` in its schemas), and a search needs no more."""


@dataclass(frozen=True, slots=True)
class BootRequest:
    """The server to boot. Image and network by name (of the seed data) or by id, the flavor by name."""

    name: str = "demo"
    image: str = "cirros"
    flavor: str = "m1.tiny"
    network: str = "private"
    fault: Fault | None = None
    """The fault to inject. It travels as baggage of the request for the server."""

    @property
    def attributes(self) -> Attributes:
        """The attributes of the root span that say what was requested, as the user wrote it.

        `openstack.boot.fault` is on the root. `openstack.fault.name` is on the span where the fault acts.
        """
        requested = {
            **server_name(self.name),
            "openstack.server.image": self.image[:LONGEST_VALUE],
            "openstack.server.flavor": self.flavor[:LONGEST_VALUE],
            "openstack.server.network": self.network[:LONGEST_VALUE],
        }
        return requested if self.fault is None else {**requested, "openstack.boot.fault": self.fault.name}


def server_name(name: str) -> Attributes:
    """Return the attribute with the name of a server."""
    return {"openstack.server.name": name[:LONGEST_VALUE]}


def numbered_requests(request: BootRequest, count: int) -> list[BootRequest]:
    """Return `count` requests like this one. Several are named `name-1`, `name-2` …, as nova names them."""
    names = [request.name] if count == 1 else [f"{request.name}-{number + 1}" for number in range(count)]
    return [replace(request, name=name) for name in names]

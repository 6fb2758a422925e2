"""Routes that a subnet's devices are told: `host_routes`."""

from collections.abc import Sequence

from msgspec import Struct

from emulator.runtime.errors import BadRequest
from emulator.services.neutron.cidrs import InvalidInput, read_address, read_cidr
from emulator.services.neutron.request_bodies import Text

__all__ = ["HostRoute", "read_routes"]

FIELD = "host_routes"
MOST = 20
"""How many a subnet may have, as in neutron."""


class HostRoutesExhausted(BadRequest):
    """There are too many."""

    error_type = "neutron.HostRoutesExhausted"

    def __init__(self) -> None:
        super().__init__(f"Invalid input for {FIELD}. Reason: The number of host routes exceeds the limit {MOST}.")


class HostRoute(Struct, forbid_unknown_fields=True):
    """Where a range of addresses is reached."""

    destination: Text
    nexthop: Text


def read_routes(wanted: Sequence[HostRoute], ip_version: int) -> list[dict[str, str]]:
    """Return routes as a subnet of this IP version keeps them. Raises BadRequest."""
    if len(wanted) > MOST:
        raise HostRoutesExhausted
    read: list[dict[str, str]] = []
    for route in wanted:
        if (one := _read(route, ip_version)) in read:
            raise BadRequest(f"Invalid input for {FIELD}. Reason: Duplicate hostroute '{one}'.")
        read.append(one)
    return read


def _read(route: HostRoute, ip_version: int) -> dict[str, str]:
    destination = read_cidr(route.destination, ip_version, f"{FIELD}.destination")
    nexthop = read_address(route.nexthop, f"{FIELD}.nexthop")
    if nexthop.version != ip_version:
        raise InvalidInput(f"{FIELD}.nexthop '{nexthop}' does not match the ip_version '{ip_version}'")
    return {"destination": str(destination), "nexthop": str(nexthop)}

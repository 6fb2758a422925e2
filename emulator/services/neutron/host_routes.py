"""`host_routes`: the routes that DHCP announces to the devices of a subnet."""

from collections.abc import Sequence
from ipaddress import ip_interface

from msgspec import Struct

from emulator.runtime.errors import BadRequest
from emulator.services.neutron.cidrs import InvalidInput, read_address, read_cidr
from emulator.services.neutron.request_bodies import Text

__all__ = ["HostRoute", "read_host_routes"]

FIELD = "host_routes"
MAX_ROUTES = 20
"""How many a subnet may have: neutron's default for `max_subnet_host_routes`."""


class HostRoutesExhausted(BadRequest):
    """The request has too many routes."""

    error_type = "neutron.HostRoutesExhausted"

    def __init__(self) -> None:
        super().__init__(
            f"Invalid input for {FIELD}. Reason: The number of host routes exceeds the limit {MAX_ROUTES}."
        )


class HostRoute(Struct, forbid_unknown_fields=True):
    """A route to a CIDR through a next hop."""

    destination: Text
    nexthop: Text


def read_host_routes(routes: Sequence[HostRoute], ip_version: int) -> list[dict[str, str]]:
    """Return routes as a subnet of this IP version stores them. Raises BadRequest."""
    if len(routes) > MAX_ROUTES:
        raise HostRoutesExhausted
    stored: list[dict[str, str]] = []
    for route in routes:
        entry = _read(route, ip_version)
        if entry in stored:
            raise BadRequest(f"Invalid input for {FIELD}. Reason: Duplicate hostroute '{entry}'.")
        stored.append(entry)
    return stored


def _read(route: HostRoute, ip_version: int) -> dict[str, str]:
    destination = read_cidr(route.destination, ip_version, f"{FIELD}.destination")
    if ip_interface(route.destination).ip != destination.network_address:  # `validate_route_cidr` in neutron_lib
        raise BadRequest(f"Invalid input for {FIELD}.destination. Reason: '{route.destination}' is not a valid CIDR.")
    nexthop = read_address(route.nexthop, f"{FIELD}.nexthop")
    if nexthop.version != ip_version:
        raise InvalidInput(f"{FIELD}.nexthop '{nexthop}' does not match the ip_version '{ip_version}'")
    return {"destination": str(destination), "nexthop": str(nexthop)}

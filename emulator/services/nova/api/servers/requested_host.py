"""The host that an admin names for a new server: as `host`, `hypervisor_hostname`, or in the zone, `ZONE:HOST:NODE`."""

from aiohttp import web

from emulator.runtime.errors import BadRequest
from emulator.runtime.http_server import IDENTITY
from emulator.services.auth.fernet_tokens import Identity
from emulator.services.nova.api.hosts import all_hosts
from emulator.services.nova.api.microversions import microversion
from emulator.services.nova.api.policy import not_authorized
from emulator.services.nova.api.servers.create_request import NewServer

__all__ = ["requested_host"]

REQUESTABLE = (2, 74)
"""The microversion from which on there are `host` and `hypervisor_hostname`."""


class ComputeHostNotFound(BadRequest):
    """No host of this name has reported."""

    error_type = "nova.ComputeHostNotFound"

    def __init__(self, name: str) -> None:
        super().__init__(f"Compute host {name} could not be found.")


async def requested_host(request: web.Request, wanted: NewServer) -> str | None:
    """Return the only host that a server may be built on, None for any: then nobody is asked which hosts there are.

    Raises PolicyNotAuthorized, ComputeHostNotFound, and BadRequest for two ways of add_compute_request_id one.
    """
    named = _named(request, wanted)
    if not named:
        return None
    known = {host.name for host in await all_hosts(request.app)}
    for name in named:  # a host and its hypervisor, or node, have one name here
        if name not in known or name != named[0]:
            raise ComputeHostNotFound(name)
    return named[0]


def _named(request: web.Request, wanted: NewServer) -> list[str]:
    user: Identity = request[IDENTITY]
    _, *place = wanted.place
    forced = [name for name in place if name]
    requested = [name for name in (wanted.host, wanted.hypervisor_hostname) if name is not None]
    if microversion(request) < REQUESTABLE:
        requested = []
    if forced and not user.is_admin:
        raise not_authorized("servers:create:forced_host")
    if requested and not user.is_admin:
        raise not_authorized("servers:create:requested_destination", "compute")
    if forced and requested:
        raise BadRequest(
            "One mechanism with host and/or hypervisor_hostname and another mechanism with zone:host:node "
            "are mutually exclusive."
        )
    return forced or requested

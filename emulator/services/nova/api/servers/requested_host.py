"""The host that an admin requests for a new server: by `host`, `hypervisor_hostname`, or a zone "ZONE:HOST:NODE"."""

from aiohttp import web

from emulator.runtime.errors import BadRequest
from emulator.runtime.http_server import IDENTITY
from emulator.services.auth.fernet_tokens import Identity
from emulator.services.nova.api.hosts import all_hosts
from emulator.services.nova.api.microversions import microversion
from emulator.services.nova.api.policy import not_authorized
from emulator.services.nova.api.servers.create_request import NewServer

__all__ = ["requested_host"]

HOST_SINCE = (2, 74)
"""The microversion that added the fields `host` and `hypervisor_hostname`."""


class ComputeHostNotFound(BadRequest):
    """No host of this name has reported."""

    error_type = "nova.ComputeHostNotFound"

    def __init__(self, name: str) -> None:
        super().__init__(f"Compute host {name} could not be found.")


async def requested_host(request: web.Request, new: NewServer) -> str | None:
    """Return the only host that a server may be built on, or None for any.

    The scheduler is asked for the hosts only if one is requested. Raises PolicyNotAuthorized, ComputeHostNotFound,
    and BadRequest if the host is requested in two ways.
    """
    names = _names(request, new)
    if not names:
        return None
    known = {host.name for host in await all_hosts(request.app)}
    for name in names:  # a host and its node have the same name in the emulator
        if name not in known or name != names[0]:
            raise ComputeHostNotFound(name)
    return names[0]


def _names(request: web.Request, new: NewServer) -> list[str]:
    user: Identity = request[IDENTITY]
    _, *host_and_node = new.zone_host_node
    forced = [name for name in host_and_node if name]
    requested = [name for name in (new.host, new.hypervisor_hostname) if name is not None]
    if microversion(request) < HOST_SINCE:
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

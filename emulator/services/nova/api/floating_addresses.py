"""The floating IPs of servers, as nova-api knows them: neutron tells it when they change."""

from aiohttp import web

from emulator.runtime.request_context import annotate
from emulator.services.notifications import NetworkChanged
from emulator.services.nova.api.lifecycle import SERVERS

__all__ = ["network_changed"]


async def network_changed(app: web.Application, change: NetworkChanged) -> None:
    """Take over which floating IPs lead to a server. One that is not there any more has none."""
    annotate(server__id=change.server_id)
    server = app[SERVERS].get(change.server_id)
    if server is not None:
        server.floating = change.floating

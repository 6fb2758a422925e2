"""Servers over HTTP: users ask nova-api for them, look at them, and delete them."""

import secrets
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web

from emulator.runtime.amqp_connection import BusUnavailable
from emulator.runtime.http_server import IDENTITY, json_response, read_json
from emulator.runtime.request_context import annotate
from emulator.services.auth.fernet_tokens import Identity
from emulator.services.nova.api.lifecycle import remove_server, schedule_build, set_deadline, terminate
from emulator.services.nova.api.links import links_to
from emulator.services.nova.api.microversions import microversion
from emulator.services.nova.api.servers.create import new_servers
from emulator.services.nova.api.servers.create_request import CreateServer, NewServer
from emulator.services.nova.api.servers.listing import requested_project, select_servers
from emulator.services.nova.api.servers.requested_host import requested_host
from emulator.services.nova.api.servers.requested_networks import requested_networks
from emulator.services.nova.api.servers.serializer import describe, summarize
from emulator.services.nova.objects.instance_action import INSTANCE_ACTIONS
from emulator.services.nova.objects.server import SERVERS, Server
from emulator.services.oslo.pagination import page

__all__ = ["SERVER_ROUTES", "delete_server", "find_server"]


async def create_server(request: web.Request) -> web.Response:
    """Record a server and ask the scheduler for a host. 202: the rest happens on the bus.

    With a `max_count` above 1 there are several, named `name-1` …, and fewer where the quota allows no more, but not
    less than `min_count`; the answer tells of the first.
    """
    wanted = (await read_json(request, CreateServer, strict=False)).server
    networks = requested_networks(wanted.networks, microversion(request), wanted.counts[1])
    host = await requested_host(request, wanted)
    new = new_servers(request, wanted)
    servers = request.app[SERVERS]
    for server in new:
        servers.add(server)
    try:
        for server in new:
            await schedule_build(request.app, server, networks, host)
    except BusUnavailable:  # all or none: what the scheduler has got already ends when its first news finds no record
        for server in new:
            remove_server(request.app, server)
        raise
    annotate(server__id=new[0].id)
    return _accepted(request, wanted, new[0])


def _accepted(request: web.Request, wanted: NewServer, server: Server) -> web.Response:
    """Answer that a server will be built, with a password that nobody keeps."""
    links = links_to(request, "servers", server.id)
    if wanted.return_reservation_id:
        return json_response({"reservation_id": server.options.reservation_id}, HTTPStatus.ACCEPTED)
    answer = {
        "id": server.id,
        "links": links,
        "OS-DCF:diskConfig": server.options.disk_config,
        "security_groups": [{"name": name} for name in server.options.security_groups],
        "adminPass": wanted.admin_password or secrets.token_urlsafe(9),
    }
    return json_response({"server": answer}, HTTPStatus.ACCEPTED, {"Location": links[0]["href"]})


async def show_server(request: web.Request) -> web.Response:
    """Show a server of the caller's project; any to admins."""
    return json_response({"server": describe(request, find_server(request), alone=True)})


async def list_servers(request: web.Request) -> web.Response:
    """List servers: ids and names."""
    return _list(request, summarize)


async def list_servers_in_detail(request: web.Request) -> web.Response:
    """List servers, as `show_server` shows them."""
    return _list(request, describe)


def _list(request: web.Request, view: Callable[[web.Request, Server], dict[str, Any]]) -> web.Response:
    found = select_servers(request, request.app[SERVERS].of_project(requested_project(request)))
    shown = page(request, found, lambda server: server.id)
    listed = [view(request, server) for server in shown.items]
    return json_response({"servers": listed, **shown.links("servers")})


async def delete_server(request: web.Request) -> web.Response:
    """Begin to delete a server. 204: it is gone when its host has released it, and a GET answers 404."""
    app, server, user = request.app, find_server(request), request[IDENTITY]
    server.check_lock(user)
    before = server.task_state, server.current_action
    action = app[INSTANCE_ACTIONS].start(server.id, "delete", user.project_id, user.user_id)
    server.task_state, server.current_action = "deleting", action
    try:
        somebody_will = server.host is not None and await terminate(app, server.id, server.host, server.kept_ports)
    except BusUnavailable:
        app[INSTANCE_ACTIONS].withdraw(action)
        server.task_state, server.current_action = before
        raise
    server.cancel_deadline()
    if not somebody_will:
        remove_server(app, server)
    elif app[SERVERS].get(server.id) is server:  # else it is gone already
        set_deadline(app, server)
    return web.Response(status=HTTPStatus.NO_CONTENT)


def find_server(request: web.Request) -> Server:
    """Return the server that the path names. Raises InstanceNotFound."""
    user: Identity = request[IDENTITY]
    project_id = None if user.sees_all else user.project_id
    server = request.app[SERVERS].find(request.match_info["server_id"], project_id)
    annotate(server__id=server.id)
    return server


SERVER_ROUTES = (
    web.post("/v2.1/servers", create_server),
    web.get("/v2.1/servers", list_servers),
    web.get("/v2.1/servers/detail", list_servers_in_detail),
    web.get("/v2.1/servers/{server_id}", show_server),
    web.delete("/v2.1/servers/{server_id}", delete_server),
)

"""`/servers`: users create, list, show and delete servers."""

import secrets
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web

from emulator.runtime.amqp_session import BusUnavailable
from emulator.runtime.http_server import IDENTITY, json_response, read_json
from emulator.runtime.request_context import annotate
from emulator.services.auth.fernet_tokens import Identity
from emulator.services.nova.api.lifecycle import remove_server, schedule_build, set_deadline, terminate
from emulator.services.nova.api.links import links_to
from emulator.services.nova.api.microversions import microversion
from emulator.services.nova.api.servers.create import new_servers
from emulator.services.nova.api.servers.create_request import CreateServer, NewServer
from emulator.services.nova.api.servers.listing import requested_project, select_servers
from emulator.services.nova.api.servers.requested_groups import requested_groups
from emulator.services.nova.api.servers.requested_host import requested_host
from emulator.services.nova.api.servers.requested_networks import requested_networks
from emulator.services.nova.api.servers.serializer import describe, summarize
from emulator.services.nova.objects.instance_action import INSTANCE_ACTIONS
from emulator.services.nova.objects.server import SERVERS, Server
from emulator.services.oslo.pagination import page

__all__ = ["SERVER_ROUTES", "delete_server", "find_server"]


async def create_server(request: web.Request) -> web.Response:
    """Record new servers and send their builds to the scheduler. Answers 202 before they are built.

    With a `max_count` above 1 there are several, named `name-1`, `name-2` …: as many as the quota allows, but at least
    `min_count`. The response describes the first.
    """
    new = (await read_json(request, CreateServer, strict=False)).server
    networks = requested_networks(new.networks, microversion(request), new.counts[1])
    host = await requested_host(request, new)
    groups = await requested_groups(request, new)
    servers = new_servers(request, new)
    for server in servers:
        request.app[SERVERS].add(server)
    try:
        for server in servers:
            await schedule_build(request.app, server, networks, groups, host)
    except (
        BusUnavailable
    ):  # all or none: the first update of a build that was sent finds no record, which ends the build
        for server in servers:
            request.app[SERVERS].withdraw(server)
            request.app[INSTANCE_ACTIONS].server_deleted(server.id)
        raise
    annotate(server__id=servers[0].id)
    return _accepted(request, new, servers[0])


def _accepted(request: web.Request, new: NewServer, server: Server) -> web.Response:
    """Return the 202 for a new server. As in nova, its password is returned but not stored."""
    links, groups = links_to(request, "servers", server.id), new.security_groups
    if new.return_reservation_id:
        return json_response({"reservation_id": server.options.reservation_id}, HTTPStatus.ACCEPTED)
    created = {
        "id": server.id,
        "links": links,
        "OS-DCF:diskConfig": server.options.disk_config,
        "security_groups": [{"name": "default"}] if groups is None else groups,
        "adminPass": new.admin_password or secrets.token_urlsafe(9),
    }
    return json_response({"server": created}, HTTPStatus.ACCEPTED, {"Location": links[0]["href"]})


async def show_server(request: web.Request) -> web.Response:
    """Show a server of the caller's project; admins can see any."""
    return json_response({"server": describe(request, find_server(request), listed=False)})


async def list_servers(request: web.Request) -> web.Response:
    """List servers with ids and names only."""
    return _list(request, summarize)


async def list_servers_in_detail(request: web.Request) -> web.Response:
    """List servers with all details."""
    return _list(request, describe)


def _list(request: web.Request, view: Callable[[web.Request, Server], dict[str, Any]]) -> web.Response:
    servers = select_servers(request, request.app[SERVERS].of_project(requested_project(request), deleted=True))
    shown = page(request, servers, lambda server: server.id)
    listed = [view(request, server) for server in shown.items]
    return json_response({"servers": listed, **shown.links("servers")})


async def delete_server(request: web.Request) -> web.Response:
    """Start the deletion of a server and answer 204. Once its host has released it, a GET answers 404."""
    app, server, user = request.app, find_server(request), request[IDENTITY]
    server.check_lock(user)
    before = server.task_state, server.current_action
    action = app[INSTANCE_ACTIONS].start(server.id, "delete", user.project_id, user.user_id)
    server.task_state, server.current_action = "deleting", action
    try:
        host_will_report = server.host is not None and await terminate(app, server.id, server.host, server.kept_ports)
    except BusUnavailable:
        app[INSTANCE_ACTIONS].withdraw(action)
        server.task_state, server.current_action = before
        raise
    server.cancel_deadline()
    if not host_will_report:  # it has no host, or one that is down: compare `_local_delete` in nova.compute.api
        remove_server(app, server)
    elif app[SERVERS].get(server.id) is server:  # otherwise the host has reported already
        set_deadline(app, server)
    return web.Response(status=HTTPStatus.NO_CONTENT)


def find_server(request: web.Request) -> Server:
    """Return the server in the path. Raises InstanceNotFound."""
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

"""Servers over HTTP: users ask nova-api for them, look at them, and delete them."""

import re
from http import HTTPStatus

from aiohttp import web

from emulator.plumbing.amqp_link import BusUnavailable
from emulator.plumbing.http_server import IDENTITY, json_response, read_json
from emulator.plumbing.scene import annotate, current_scene
from emulator.plumbing.service import ACTOR
from emulator.services.fresh import PROJECTS, Flavor
from emulator.services.nova.builds import SERVERS, ask_for_a_host, forget, set_deadline, terminate
from emulator.services.nova.instance_actions import INSTANCE_ACTIONS
from emulator.services.nova.microversions import microversion
from emulator.services.nova.orders import CreateServer, NewServer, check
from emulator.services.nova.requested_networks import requested_networks
from emulator.services.nova.servers import QuotaExceeded, Server
from emulator.services.tokens import Identity

__all__ = ["SERVER_ROUTES", "delete_server", "find_server"]


async def create_server(request: web.Request) -> web.Response:
    """Record a server and ask the scheduler for a host. 202: the rest happens on the bus.

    With a `max_count` above 1 there are several, named `name-1` …; the answer tells of the first.
    """
    wanted = (await read_json(request, CreateServer)).server
    flavor = check(wanted)
    owner: Identity = request[IDENTITY]
    count = max(wanted.min_count, wanted.max_count or 1)
    networks = requested_networks(wanted.networks, microversion(request), count)
    servers = request.app[SERVERS]
    _check_quota(owner, count, sum(1 for _ in servers.of(owner.project_id)))
    new = [_new_server(request.app, wanted, flavor, owner, number, count) for number in range(1, count + 1)]
    for server in new:
        servers.add(server)
    try:
        for server in new:
            await ask_for_a_host(request.app, server, networks)
    except BusUnavailable:  # all or none: what the scheduler has got already ends when its first news finds no record
        for server in new:
            forget(request.app, server)
        raise
    annotate(server__id=new[0].id)
    link = {"rel": "self", "href": f"{request.url.origin()}/v2.1/servers/{new[0].id}"}
    return json_response({"server": {"id": new[0].id, "links": [link]}}, HTTPStatus.ACCEPTED)


def _check_quota(owner: Identity, count: int, used: int) -> None:
    quota = next((project.instances for project in PROJECTS if project.id == owner.project_id), 0)
    if used + count > quota:
        raise QuotaExceeded(count, used, quota)


def _new_server(
    app: web.Application, wanted: NewServer, flavor: Flavor, owner: Identity, number: int, count: int
) -> Server:
    return Server(
        id=app[ACTOR].chance.uuid("server", current_scene().request_id, number),
        name=wanted.name if count == 1 else f"{wanted.name}-{number}",
        project_id=owner.project_id,
        user_id=owner.user_id,
        image_id=wanted.image,
        flavor=flavor,
        metadata=dict(wanted.metadata),
    )


async def show_server(request: web.Request) -> web.Response:
    """Show a server of the caller's project."""
    server = find_server(request)
    return json_response({"server": server.describe()})


async def list_servers(request: web.Request) -> web.Response:
    """List the servers of the caller's project: ids and names."""
    found = [{"id": server.id, "name": server.name} for server in _selected(request)]
    return json_response({"servers": found})


async def list_servers_in_detail(request: web.Request) -> web.Response:
    """List the servers of the caller's project, as `show_server` shows them."""
    return json_response({"servers": [server.describe() for server in _selected(request)]})


async def delete_server(request: web.Request) -> web.Response:
    """Begin to delete a server. 204: it is gone when its host has released it, and a GET answers 404."""
    app, server, user = request.app, find_server(request), request[IDENTITY]
    server.check_lock(user)
    before = server.task_state, server.doing
    action = app[INSTANCE_ACTIONS].begin(server.id, "delete", user.project_id, user.user_id)
    server.task_state, server.doing = "deleting", action
    try:
        somebody_will = server.host is not None and await terminate(app, server.id, server.host, server.kept_ports)
    except BusUnavailable:
        app[INSTANCE_ACTIONS].withdraw(action)
        server.task_state, server.doing = before
        raise
    server.forget_deadline()
    if not somebody_will:
        forget(app, server)
    elif app[SERVERS].get(server.id) is server:  # else it is gone already
        set_deadline(app, server)
    return web.Response(status=HTTPStatus.NO_CONTENT)


def find_server(request: web.Request) -> Server:
    """Return the server that the path names. Raises ServerNotFound."""
    server = request.app[SERVERS].find(request.match_info["server_id"], request[IDENTITY].project_id)
    annotate(server__id=server.id)
    return server


def _selected(request: web.Request) -> list[Server]:
    """The project's servers, those whose name the `name` asked for is found in; `^` and `$` stand for its ends.

    In nova it is a regular expression. Clients need no more of it than this, and this takes no time to match.
    """
    asked = request.query.get("name", "")
    text = asked.removeprefix("^").removesuffix("$")
    fits = re.compile(f"{'^' * asked.startswith('^')}{re.escape(text)}{'$' * asked.endswith('$')}")
    servers = request.app[SERVERS].of(request[IDENTITY].project_id)
    return [server for server in servers if fits.search(server.name)]


SERVER_ROUTES = (
    web.post("/v2.1/servers", create_server),
    web.get("/v2.1/servers", list_servers),
    web.get("/v2.1/servers/detail", list_servers_in_detail),
    web.get("/v2.1/servers/{server_id}", show_server),
    web.delete("/v2.1/servers/{server_id}", delete_server),
)

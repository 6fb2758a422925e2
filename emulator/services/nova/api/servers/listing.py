"""What a list of servers is to show, and in which order: the query of `GET /servers`."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from aiohttp import web

from emulator.runtime.errors import BadRequest
from emulator.runtime.http_server import IDENTITY
from emulator.services.auth.fernet_tokens import Identity
from emulator.services.nova.api.policy import not_authorized
from emulator.services.nova.api.servers.filters import filters, truth
from emulator.services.nova.objects.server import Server

__all__ = ["requested_project", "select_servers"]

SORT_KEYS: Mapping[str, Callable[[Server], str | int | datetime | None]] = {
    "created_at": lambda server: server.created,
    "updated_at": lambda server: server.updated,
    "launched_at": lambda server: server.launched_at,
    "display_name": lambda server: server.name,
    "display_description": lambda server: server.description,
    "uuid": lambda server: server.id,
    "id": lambda server: server.number,
    "vm_state": lambda server: server.vm_state,
    "task_state": lambda server: server.task_state,
    "power_state": lambda server: server.power_state,
    "host": lambda server: server.host,
    "node": lambda server: server.host,
    "hostname": lambda server: server.options.hostname,
    "image_ref": lambda server: server.image_id,
    "instance_type_id": lambda server: server.flavor.id,
    "project_id": lambda server: server.project_id,
    "user_id": lambda server: server.user_id,
    "key_name": lambda server: server.options.key_name,
    "availability_zone": lambda server: server.options.availability_zone,
    "config_drive": lambda server: server.options.config_drive,
    "launch_index": lambda server: server.options.launch_index,
    "locked": lambda server: server.locked,
}


def requested_project(request: web.Request) -> str | None:
    """Return whose servers are to be listed: the caller's project, or any, None for all, if an admin says so."""
    user: Identity = request[IDENTITY]
    query = request.query
    named = query.get("project_id") or query.get("tenant_id")
    every = any(key in query and truth(key, query[key]) for key in ("all_tenants", "all_projects"))
    if every and not user.is_admin:
        list_of = "detail" if request.path.endswith("/detail") else "index"
        raise not_authorized(f"servers:{list_of}:get_all_tenants")
    if user.is_admin and named:
        return named
    return None if every else user.project_id


def select_servers(request: web.Request, servers: Iterator[Server]) -> list[Server]:
    """Return those of the servers that a request asks for, in the order that it wants: the newest first by default.

    Raises BadRequest, which names the key, for values that make no sense.
    """
    tests = list(filters(request))
    found = [server for server in servers if all(fits(server) for fits in tests)]
    keys, directions = request.query.getall("sort_key", []), request.query.getall("sort_dir", [])
    found.sort(key=lambda server: server.number, reverse=True)
    for number, key in reversed(list(enumerate(keys))):
        direction = directions[number] if number < len(directions) else "desc"
        if key not in SORT_KEYS or direction.lower() not in {"asc", "desc"}:
            raise BadRequest(f"Invalid input for query parameters sort_key, sort_dir: {key!r}, {direction!r}.")
        found.sort(key=_sorting(SORT_KEYS[key]), reverse=direction.lower() == "desc")
    return found


def _sorting(value: Callable[[Server], str | int | datetime | None]) -> Callable[[Server], tuple[bool, object]]:
    def place(server: Server) -> tuple[bool, object]:
        found = value(server)
        return found is not None, found if found is not None else ""

    return place

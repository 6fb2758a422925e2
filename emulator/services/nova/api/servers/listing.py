"""The servers that `GET /servers` lists, and their order."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from aiohttp import web

from emulator.runtime.errors import BadRequest
from emulator.runtime.http_server import IDENTITY
from emulator.services.auth.fernet_tokens import Identity
from emulator.services.nova.api.policy import not_authorized
from emulator.services.nova.api.servers.filters import bool_parameter, server_filters
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
    """Return the project whose servers to list, None for all. Without `all_tenants` that is always the caller's.

    Source: `_get_servers` in `nova.api.openstack.compute.servers`, which ignores `tenant_id` then.
    """
    user: Identity = request[IDENTITY]
    query = request.query
    all_projects = any(key in query and bool_parameter(key, query[key]) for key in ("all_tenants", "all_projects"))
    if all_projects and not user.is_admin:
        listing = "detail" if request.path.endswith("/detail") else "index"
        raise not_authorized(f"servers:{listing}:get_all_tenants")
    if not all_projects:
        return user.project_id
    return query.get("project_id") or query.get("tenant_id")


def select_servers(request: web.Request, servers: Iterator[Server]) -> list[Server]:
    """Return the servers that pass the query's filters, in the requested order, by default the newest first.

    Raises BadRequest, naming the parameter, for invalid values.
    """
    predicates = list(server_filters(request))
    found = [server for server in servers if all(passes(server) for passes in predicates)]
    keys, directions = request.query.getall("sort_key", []), request.query.getall("sort_dir", [])
    found.sort(key=lambda server: server.number, reverse=True)
    # the last key first: each sort is stable, so earlier keys take precedence
    for number, key in reversed(list(enumerate(keys))):
        direction = directions[number] if number < len(directions) else "desc"
        if key not in SORT_KEYS or direction.lower() not in {"asc", "desc"}:
            raise BadRequest(f"Invalid input for query parameters sort_key, sort_dir: {key!r}, {direction!r}.")
        found.sort(key=_sort_key(SORT_KEYS[key]), reverse=direction.lower() == "desc")
    return found


def _sort_key(field: Callable[[Server], str | int | datetime | None]) -> Callable[[Server], tuple[bool, object]]:
    def key(server: Server) -> tuple[bool, object]:
        value = field(server)
        return value is not None, value if value is not None else ""  # None sorts before everything, as in a database

    return key

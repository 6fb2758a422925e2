"""`/servers/{id}/metadata`: the key-value pairs that users attach to a server."""

from http import HTTPStatus

import msgspec
from aiohttp import web

from emulator.runtime.errors import BadRequest, NotFound
from emulator.runtime.http_server import IDENTITY, json_response, read_json
from emulator.services.nova.api.servers.validation import check_metadata
from emulator.services.nova.api.servers.views import find_server
from emulator.services.nova.objects.quotas import QUOTAS
from emulator.services.nova.objects.server import Server
from emulator.services.nova.objects.states import STABLE_VM_STATES, InstanceInvalidState

__all__ = ["METADATA_ROUTES"]


class MetadataItemNotFound(NotFound):
    """The server has no metadata item with this key."""

    error_type = "nova.MetadataItemNotFound"

    def __init__(self) -> None:
        super().__init__("Metadata item was not found")


class Metadata(msgspec.Struct):
    """The body of requests for all items."""

    metadata: dict[str, str]


class MetadataItem(msgspec.Struct):
    """The body of requests for one item."""

    meta: dict[str, str]


async def show_metadata(request: web.Request) -> web.Response:
    """Show all items."""
    return json_response({"metadata": find_server(request).metadata})


async def add_metadata(request: web.Request) -> web.Response:
    """Add or replace items; the others stay."""
    added = (await read_json(request, Metadata)).metadata
    server = _find_modifiable(request, "update metadata")
    return json_response({"metadata": _set(request, server, {**server.metadata, **added})})


async def replace_metadata(request: web.Request) -> web.Response:
    """Replace all items."""
    metadata = (await read_json(request, Metadata)).metadata
    return json_response({"metadata": _set(request, _find_modifiable(request, "update metadata"), metadata)})


async def show_item(request: web.Request) -> web.Response:
    """Show one item."""
    metadata, key = find_server(request).metadata, request.match_info["key"]
    if key not in metadata:
        raise MetadataItemNotFound
    return json_response({"meta": {key: metadata[key]}})


async def put_item(request: web.Request) -> web.Response:
    """Add or replace one item."""
    item = (await read_json(request, MetadataItem)).meta
    server, key = _find_modifiable(request, "update metadata"), request.match_info["key"]
    if len(item) != 1:
        raise BadRequest("Invalid input for field meta: it must have exactly one item.")
    if key not in item:
        raise BadRequest("Request body and URI mismatch")
    _set(request, server, {**server.metadata, **item})
    return json_response({"meta": item})


async def delete_item(request: web.Request) -> web.Response:
    """Delete one item."""
    server, key = _find_modifiable(request, "delete metadata"), request.match_info["key"]
    if key not in server.metadata:
        raise MetadataItemNotFound
    server.metadata = {name: value for name, value in server.metadata.items() if name != key}
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _find_modifiable(request: web.Request, action: str) -> Server:
    """Return the server in the path. Raises InstanceIsLocked, or InstanceInvalidState unless it is built."""
    server = find_server(request)
    server.check_lock(request[IDENTITY])
    if server.vm_state not in STABLE_VM_STATES:
        raise InstanceInvalidState(action, server.id, "vm_state", server.vm_state)
    return server


def _set(request: web.Request, server: Server, metadata: dict[str, str]) -> dict[str, str]:
    check_metadata(metadata, request.app[QUOTAS].of_project(server.project_id)["metadata_items"])
    server.metadata = metadata
    return metadata


METADATA_ROUTES = (
    web.get("/v2.1/servers/{server_id}/metadata", show_metadata),
    web.post("/v2.1/servers/{server_id}/metadata", add_metadata),
    web.put("/v2.1/servers/{server_id}/metadata", replace_metadata),
    web.get("/v2.1/servers/{server_id}/metadata/{key}", show_item),
    web.put("/v2.1/servers/{server_id}/metadata/{key}", put_item),
    web.delete("/v2.1/servers/{server_id}/metadata/{key}", delete_item),
)

"""`PUT /servers/{id}`: the fields of a server's record that users can change."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from aiohttp import web

from emulator.runtime.http_server import json_response, read_json
from emulator.services.nova.api.microversions import Microversion, microversion
from emulator.services.nova.api.servers.serializer import describe_updated
from emulator.services.nova.api.servers.validation import check_name
from emulator.services.nova.api.servers.views import find_server
from emulator.services.nova.field_types import DiskConfig, HostName, canonical_address, check_addresses
from emulator.services.nova.objects.server import ServerOptions

__all__ = ["SERVER_UPDATE_ROUTES"]

DESCRIPTION_SINCE, HOST_NAME_SINCE = (2, 19), (2, 90)


class ServerChanges(msgspec.Struct):
    """The fields to change. Unknown fields are ignored."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] | msgspec.UnsetType = msgspec.UNSET
    description: Annotated[str, msgspec.Meta(max_length=255)] | msgspec.UnsetType | None = msgspec.UNSET
    access_ipv4: str | msgspec.UnsetType = msgspec.field(name="accessIPv4", default=msgspec.UNSET)
    access_ipv6: str | msgspec.UnsetType = msgspec.field(name="accessIPv6", default=msgspec.UNSET)
    hostname: HostName | msgspec.UnsetType = msgspec.UNSET
    disk_config: DiskConfig | msgspec.UnsetType = msgspec.field(name="OS-DCF:diskConfig", default=msgspec.UNSET)


class UpdateServer(msgspec.Struct):
    """The body of `PUT /servers/{id}`."""

    server: ServerChanges


async def update_server(request: web.Request) -> web.Response:
    """Change a server's name, description, access addresses, host name or disk config."""
    changes, version = (await read_json(request, UpdateServer)).server, microversion(request)
    server = find_server(request)
    check_addresses(changes.access_ipv4, changes.access_ipv6)
    if isinstance(changes.name, str):
        check_name(changes.name)
        server.name = changes.name
    if changes.description is not msgspec.UNSET and version >= DESCRIPTION_SINCE:
        server.description = changes.description
    server.options = _changed(server.options, changes, version)
    server.updated = datetime.now(UTC)
    return json_response({"server": describe_updated(request, server)})


def _changed(options: ServerOptions, changes: ServerChanges, version: Microversion) -> ServerOptions:
    hostname = changes.hostname if version >= HOST_NAME_SINCE else msgspec.UNSET
    return replace(
        options,
        access_ipv4=_new_or_current(changes.access_ipv4, options.access_ipv4),
        access_ipv6=canonical_address(_new_or_current(changes.access_ipv6, options.access_ipv6)),
        hostname=_new_or_current(hostname, options.hostname),
        disk_config=_new_or_current(changes.disk_config, options.disk_config),
    )


def _new_or_current(new: str | msgspec.UnsetType, current: str) -> str:
    return current if new is msgspec.UNSET else new


SERVER_UPDATE_ROUTES = (web.put("/v2.1/servers/{server_id}", update_server),)

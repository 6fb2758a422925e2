"""What users change about a server itself: its name, its description and what else its guest does not learn of."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from aiohttp import web

from emulator.runtime.http_server import json_response, read_json
from emulator.services.nova.api.microversions import microversion
from emulator.services.nova.api.servers.serializer import describe
from emulator.services.nova.api.servers.validation import check_name
from emulator.services.nova.api.servers.views import find_server
from emulator.services.nova.field_types import DiskConfig, HostName, check_addresses
from emulator.services.nova.objects.server import ServerOptions

__all__ = ["SERVER_CHANGE_ROUTES"]

DESCRIPTIONS, HOST_NAMES = (2, 19), (2, 90)
"""The microversions from which on there are descriptions, and host names that users choose."""


class ServerChange(msgspec.Struct):
    """What is to be otherwise. What else clients send is of no effect here."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] | msgspec.UnsetType = msgspec.UNSET
    description: Annotated[str, msgspec.Meta(max_length=255)] | msgspec.UnsetType | None = msgspec.UNSET
    access_ipv4: str | msgspec.UnsetType = msgspec.field(name="accessIPv4", default=msgspec.UNSET)
    access_ipv6: str | msgspec.UnsetType = msgspec.field(name="accessIPv6", default=msgspec.UNSET)
    hostname: HostName | msgspec.UnsetType = msgspec.UNSET
    disk_config: DiskConfig | msgspec.UnsetType = msgspec.field(name="OS-DCF:diskConfig", default=msgspec.UNSET)


class UpdateServer(msgspec.Struct):
    """The body of `PUT /servers/{id}`."""

    server: ServerChange


async def update_server(request: web.Request) -> web.Response:
    """Give a server another name, or another description …; its guest does not learn of it."""
    wanted, version = (await read_json(request, UpdateServer)).server, microversion(request)
    server = find_server(request)
    check_addresses(wanted.access_ipv4, wanted.access_ipv6)
    if isinstance(wanted.name, str):
        check_name(wanted.name)
        server.name = wanted.name
    if wanted.description is not msgspec.UNSET and version >= DESCRIPTIONS:
        server.description = wanted.description
    server.options = _options(server.options, wanted, named=version >= HOST_NAMES)
    server.updated = datetime.now(UTC)
    return json_response({"server": describe(request, server, alone=True)})


def _options(options: ServerOptions, wanted: ServerChange, *, named: bool) -> ServerOptions:
    """Return a server's options with those that are to be otherwise; a host name only where it may be `named`."""
    return replace(
        options,
        access_ipv4=_or(wanted.access_ipv4, options.access_ipv4),
        access_ipv6=_or(wanted.access_ipv6, options.access_ipv6),
        hostname=_or(wanted.hostname, options.hostname) if named else options.hostname,
        disk_config=_or(wanted.disk_config, options.disk_config),
    )


def _or(wanted: str | msgspec.UnsetType, before: str) -> str:
    return before if wanted is msgspec.UNSET else wanted


SERVER_CHANGE_ROUTES = (web.put("/v2.1/servers/{server_id}", update_server),)

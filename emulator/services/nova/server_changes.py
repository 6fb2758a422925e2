"""What users change about a server itself: its name and its description, `PUT /servers/{id}`."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from aiohttp import web

from emulator.plumbing.http_server import json_response, read_json
from emulator.services.nova.microversions import microversion
from emulator.services.nova.server_view import describe
from emulator.services.nova.servers_api import find_server
from emulator.services.nova.words import check_name

__all__ = ["SERVER_CHANGE_ROUTES"]

DESCRIPTIONS = (2, 19)
"""The microversion from which on there are descriptions."""


class ServerChange(msgspec.Struct):
    """What is to be otherwise. What else clients send is of no effect here."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] | msgspec.UnsetType = msgspec.UNSET
    description: Annotated[str, msgspec.Meta(max_length=255)] | msgspec.UnsetType | None = msgspec.UNSET


class UpdateServer(msgspec.Struct):
    """The body of `PUT /servers/{id}`."""

    server: ServerChange


async def update_server(request: web.Request) -> web.Response:
    """Give a server another name, or another description; its guest does not learn of it."""
    wanted = (await read_json(request, UpdateServer)).server
    server = find_server(request)
    if isinstance(wanted.name, str):
        check_name(wanted.name)
        server.name = wanted.name
    if wanted.description is not msgspec.UNSET and microversion(request) >= DESCRIPTIONS:
        server.description = wanted.description
    server.updated = datetime.now(UTC)
    return json_response({"server": describe(request, server, alone=True)})


SERVER_CHANGE_ROUTES = (web.put("/v2.1/servers/{server_id}", update_server),)

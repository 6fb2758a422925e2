"""The tags of a server: words that users find it by, `/servers/{id}/tags`, since 2.26."""

from collections.abc import Iterable
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

import msgspec
from aiohttp import web

from emulator.runtime.errors import BadRequest, NotFound
from emulator.runtime.http_server import json_response, read_json
from emulator.services.nova.api.links import links_to
from emulator.services.nova.api.microversions import microversion
from emulator.services.nova.api.servers.create_request import MAX_TAGS, Tag
from emulator.services.nova.api.servers.views import find_server
from emulator.services.nova.objects.server import Server
from emulator.services.nova.objects.states import STABLE_VM_STATES, InstanceInvalidState

__all__ = ["SERVER_TAG_ROUTES"]

TAGGED = (2, 26)
"""The microversion from which on there are tags."""


class TagNotFound(NotFound):
    """The server has not this tag."""

    error_type = "nova.TagNotFound"

    def __init__(self, server_id: str, tag: str, kind: str = "Server") -> None:
        super().__init__(f"{kind} {server_id} has no tag '{tag}'")


class TooManyTags(BadRequest):
    """The server has as many tags as there may be."""

    error_type = "nova.TooManyTags"

    def __init__(self) -> None:
        super().__init__(f"The number of tags exceeded the per-server limit {MAX_TAGS}")


class InvalidTag(BadRequest):
    """What the path names cannot be a tag."""

    error_type = "nova.InvalidTag"

    def __init__(self, tag: str, why: object) -> None:
        super().__init__(
            f"Tag '{tag}' is invalid. It must be a non empty string without characters '/' and ','. "
            f"Validation error message: {why}"
        )


class TagsBody(msgspec.Struct):
    """The body for all tags of a server."""

    tags: Annotated[list[Tag], msgspec.Meta(max_length=MAX_TAGS)]


async def list_tags(request: web.Request) -> web.Response:
    """List the tags of a server."""
    return json_response({"tags": _find(request).options.tags})


async def replace_tags(request: web.Request) -> web.Response:
    """Give a server these tags and no others."""
    tags = (await read_json(request, TagsBody)).tags
    server = _changeable(request, "update tags")
    _set(server, tags)
    return json_response({"tags": server.options.tags})


async def remove_tags(request: web.Request) -> web.Response:
    """Take all tags off a server."""
    _set(_changeable(request, "delete tags"), ())
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def show_tag(request: web.Request) -> web.Response:
    """Tell whether a server has a tag: 204, else 404."""
    server, tag = _find(request), request.match_info["tag"]
    if tag not in server.options.tags:
        raise TagNotFound(server.id, tag)
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def add_tag(request: web.Request) -> web.Response:
    """Put one more tag on a server: 201, or 204 where it has it."""
    server, tag = _changeable(request, "update tag"), request.match_info["tag"]
    try:
        msgspec.convert(tag, Tag)
    except msgspec.ValidationError as error:
        raise InvalidTag(tag, error) from None
    tags = server.options.tags
    if len(tags) >= MAX_TAGS:
        raise TooManyTags
    if tag in tags:
        return web.Response(status=HTTPStatus.NO_CONTENT)
    _set(server, (*tags, tag))
    here = f"{links_to(request, 'servers', server.id)[0]['href']}/tags/{quote(tag)}"
    return web.Response(status=HTTPStatus.CREATED, headers={"Location": here})


async def remove_tag(request: web.Request) -> web.Response:
    """Take one tag off a server."""
    server, tag = _changeable(request, "delete tag"), request.match_info["tag"]
    if tag not in server.options.tags:
        raise TagNotFound(server.id, tag, "Instance")
    _set(server, (other for other in server.options.tags if other != tag))
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _find(request: web.Request) -> Server:
    if microversion(request) < TAGGED:
        raise NotFound("The resource could not be found.")
    return find_server(request)


def _changeable(request: web.Request, action: str) -> Server:
    server = _find(request)
    if server.vm_state not in STABLE_VM_STATES:
        raise InstanceInvalidState(action, server.id, "vm_state", server.vm_state)
    return server


def _set(server: Server, tags: Iterable[str]) -> None:
    server.options = replace(server.options, tags=tuple(dict.fromkeys(tags)))


SERVER_TAG_ROUTES = (
    web.get("/v2.1/servers/{server_id}/tags", list_tags),
    web.put("/v2.1/servers/{server_id}/tags", replace_tags),
    web.delete("/v2.1/servers/{server_id}/tags", remove_tags),
    web.get("/v2.1/servers/{server_id}/tags/{tag}", show_tag),
    web.put("/v2.1/servers/{server_id}/tags/{tag}", add_tag),
    web.delete("/v2.1/servers/{server_id}/tags/{tag}", remove_tag),
)

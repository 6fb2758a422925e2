"""`/servers/{id}/tags`: labels by which lists of servers can be filtered, since microversion 2.26."""

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
from emulator.services.nova.api.servers.create_request import MAX_TAGS
from emulator.services.nova.api.servers.views import find_server
from emulator.services.nova.field_types import Tag
from emulator.services.nova.objects.server import Server
from emulator.services.nova.objects.states import STABLE_VM_STATES, InstanceInvalidState

__all__ = ["SERVER_TAG_ROUTES"]

TAGS_SINCE = (2, 26)


class TagNotFound(NotFound):
    """The server does not have the tag."""

    error_type = "nova.TagNotFound"

    def __init__(self, server_id: str, tag: str, kind: str = "Server") -> None:
        super().__init__(f"{kind} {server_id} has no tag '{tag}'")


class TooManyTags(BadRequest):
    """The server has the maximum number of tags."""

    error_type = "nova.TooManyTags"

    def __init__(self) -> None:
        super().__init__(f"The number of tags exceeded the per-server limit {MAX_TAGS}")


class InvalidTag(BadRequest):
    """The tag in the path is too long or contains a comma or a slash."""

    error_type = "nova.InvalidTag"

    def __init__(self, tag: str, reason: object) -> None:
        super().__init__(
            f"Tag '{tag}' is invalid. It must be a non empty string without characters '/' and ','. "
            f"Validation error message: {reason}"
        )


class TagsBody(msgspec.Struct):
    """The body of requests for all tags."""

    tags: Annotated[list[Tag], msgspec.Meta(max_length=MAX_TAGS)]


async def list_tags(request: web.Request) -> web.Response:
    """List a server's tags."""
    return json_response({"tags": _find(request).options.tags})


async def replace_tags(request: web.Request) -> web.Response:
    """Replace all tags of a server."""
    tags = (await read_json(request, TagsBody)).tags
    server = _find_modifiable(request, "update tags")
    _set(server, tags)
    return json_response({"tags": server.options.tags})


async def remove_tags(request: web.Request) -> web.Response:
    """Remove all tags from a server."""
    _set(_find_modifiable(request, "delete tags"), ())
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def show_tag(request: web.Request) -> web.Response:
    """Answer 204 if a server has a tag, else 404."""
    server, tag = _find(request), request.match_info["tag"]
    if tag not in server.options.tags:
        raise TagNotFound(server.id, tag)
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def add_tag(request: web.Request) -> web.Response:
    """Add a tag to a server. Answers 201, or 204 if the server has it already."""
    server, tag = _find_modifiable(request, "update tag"), request.match_info["tag"]
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
    location = f"{links_to(request, 'servers', server.id)[0]['href']}/tags/{quote(tag)}"
    return web.Response(status=HTTPStatus.CREATED, headers={"Location": location})


async def remove_tag(request: web.Request) -> web.Response:
    """Remove a tag from a server."""
    server, tag = _find_modifiable(request, "delete tag"), request.match_info["tag"]
    if tag not in server.options.tags:
        raise TagNotFound(server.id, tag, "Instance")
    _set(server, (other for other in server.options.tags if other != tag))
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _find(request: web.Request) -> Server:
    if microversion(request) < TAGS_SINCE:
        raise NotFound("The resource could not be found.")
    return find_server(request)


def _find_modifiable(request: web.Request, action: str) -> Server:
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

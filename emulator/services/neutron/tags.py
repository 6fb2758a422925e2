"""Tags of networks, ports, floating IPs …, by which lists can be filtered.

Source: https://docs.openstack.org/api-ref/network/v2/#standard-attributes-tag-extension
"""

from collections.abc import Callable
from http import HTTPStatus

from aiohttp import web
from msgspec import Struct

from emulator.runtime.errors import BadRequest, NotFound
from emulator.runtime.http_server import IDENTITY, json_response, read_json
from emulator.services.auth import Identity
from emulator.services.neutron.database import DATABASE, Database
from emulator.services.neutron.models import Record
from emulator.services.neutron.policy import check_owner
from emulator.services.neutron.security_groups import find_group

__all__ = ["TAG_ROUTES"]

MAX_TAG_LENGTH = 255

FINDERS: dict[str, Callable[[Database, str, Identity], Record]] = {
    "networks": Database.network,
    "subnets": Database.subnet,
    "ports": Database.port,
    "floatingips": Database.floating_ip,
    "security-groups": find_group,
}


class TagNotFound(NotFound):
    """The resource does not have this tag."""

    error_type = "neutron.TagNotFound"

    def __init__(self, tag: str) -> None:
        super().__init__(f"Tag {tag} could not be found.")


class TagsBody(Struct):
    """The body of a request that replaces all tags."""

    tags: list[str]


async def list_tags(request: web.Request) -> web.Response:
    """List the tags of a resource."""
    return json_response({"tags": _find(request).tags})


async def replace_tags(request: web.Request) -> web.Response:
    """Replace all tags of a resource."""
    tags = (await read_json(request, TagsBody)).tags
    record = _find(request, "update_tags")
    for tag in tags:
        _check(tag)
    record.tags = sorted(set(tags))
    record.revision.bump()
    return json_response({"tags": record.tags})


async def remove_tags(request: web.Request) -> web.Response:
    """Remove all tags from a resource."""
    record = _find(request, "delete_tags")
    record.tags = []
    record.revision.bump()
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def show_tag(request: web.Request) -> web.Response:
    """Answer 204 if a resource has a tag, 404 if not."""
    _check_has(_find(request), request.match_info["tag"])
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def add_tag(request: web.Request) -> web.Response:
    """Add a tag to a resource."""
    record, tag = _find(request, "update_tags"), request.match_info["tag"]
    _check(tag)
    record.tags = sorted({*record.tags, tag})
    record.revision.bump()
    return web.Response(status=HTTPStatus.CREATED)


async def remove_tag(request: web.Request) -> web.Response:
    """Remove a tag from a resource."""
    record, tag = _find(request, "delete_tags"), request.match_info["tag"]
    _check_has(record, tag)
    record.tags = [other for other in record.tags if other != tag]
    record.revision.bump()
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _find(request: web.Request, action: str | None = None) -> Record:
    """Return the resource in the path. For an `action` it must belong to the caller's project."""
    find = FINDERS[request.match_info["collection"]]
    record = find(request.app[DATABASE], request.match_info["id"], request[IDENTITY])
    if action is not None:
        check_owner(request[IDENTITY], record, action)
    return record


def _check(tag: str) -> None:
    if not 0 < len(tag) <= MAX_TAG_LENGTH:
        raise BadRequest(f"Invalid input for tags. Reason: '{tag[:20]}' must have 1 to {MAX_TAG_LENGTH} characters.")


def _check_has(record: Record, tag: str) -> None:
    if tag not in record.tags:
        raise TagNotFound(tag)


TAGS = f"/v2.0/{{collection:{'|'.join(FINDERS)}}}/{{id}}/tags"

TAG_ROUTES = (
    web.get(TAGS, list_tags),
    web.put(TAGS, replace_tags),
    web.delete(TAGS, remove_tags),
    web.get(TAGS + "/{tag}", show_tag),
    web.put(TAGS + "/{tag}", add_tag),
    web.delete(TAGS + "/{tag}", remove_tag),
)

"""Tags on networks, ports, floating IPs …: words that users find them by."""

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
from emulator.services.neutron.security_groups.defaults import find_group

__all__ = ["TAG_ROUTES"]

LONGEST = 255

FIND: dict[str, Callable[[Database, str, Identity], Record]] = {
    "networks": Database.network,
    "subnets": Database.subnet,
    "ports": Database.port,
    "floatingips": Database.floating_ip,
    "security-groups": find_group,
}


class TagNotFound(NotFound):
    """The thing has not this tag."""

    error_type = "neutron.TagNotFound"

    def __init__(self, tag: str) -> None:
        super().__init__(f"Tag {tag} could not be found.")


class TagsBody(Struct):
    """The body of a request."""

    tags: list[str]


async def list_tags(request: web.Request) -> web.Response:
    """List the tags of something."""
    return json_response({"tags": _find(request).tags})


async def replace_tags(request: web.Request) -> web.Response:
    """Give something these tags and no others."""
    tags = (await read_json(request, TagsBody)).tags
    record = _find(request, "update_tags")
    for tag in tags:
        _check(tag)
    record.tags = sorted(set(tags))
    record.stamp.touch()
    return json_response({"tags": record.tags})


async def remove_tags(request: web.Request) -> web.Response:
    """Take all tags off something."""
    record = _find(request, "delete_tags")
    record.tags = []
    record.stamp.touch()
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def show_tag(request: web.Request) -> web.Response:
    """Tell whether something has a tag: 204, else 404."""
    _have(_find(request), request.match_info["tag"])
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def add_tag(request: web.Request) -> web.Response:
    """Put one more tag on something."""
    record, tag = _find(request, "update_tags"), request.match_info["tag"]
    _check(tag)
    record.tags = sorted({*record.tags, tag})
    record.stamp.touch()
    return web.Response(status=HTTPStatus.CREATED)


async def remove_tag(request: web.Request) -> web.Response:
    """Take one tag off something."""
    record, tag = _find(request, "delete_tags"), request.match_info["tag"]
    _have(record, tag)
    record.tags = [other for other in record.tags if other != tag]
    record.stamp.touch()
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _find(request: web.Request, action: str | None = None) -> Record:
    """What the path names; the caller's own, if there is an `action`."""
    find = FIND[request.match_info["collection"]]
    record = find(request.app[DATABASE], request.match_info["id"], request[IDENTITY])
    if action is not None:
        check_owner(request[IDENTITY], record, action)
    return record


def _check(tag: str) -> None:
    if not 0 < len(tag) <= LONGEST:
        raise BadRequest(f"Invalid input for tags. Reason: '{tag[:20]}' has not 1 to {LONGEST} characters.")


def _have(record: Record, tag: str) -> None:
    if tag not in record.tags:
        raise TagNotFound(tag)


TAGS = f"/v2.0/{{collection:{'|'.join(FIND)}}}/{{id}}/tags"

TAG_ROUTES = (
    web.get(TAGS, list_tags),
    web.put(TAGS, replace_tags),
    web.delete(TAGS, remove_tags),
    web.get(TAGS + "/{tag}", show_tag),
    web.put(TAGS + "/{tag}", add_tag),
    web.delete(TAGS + "/{tag}", remove_tag),
)

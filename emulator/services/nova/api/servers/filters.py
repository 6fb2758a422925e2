"""Which servers a list is to show: the filters that `GET /servers` understands."""

from collections.abc import Callable, Iterator, Mapping

from aiohttp import web

from emulator.runtime.errors import BadRequest
from emulator.runtime.http_server import IDENTITY
from emulator.services.nova.api.microversions import microversion
from emulator.services.nova.api.servers.safe_regex import Pattern, PatternRefused
from emulator.services.nova.field_types import ZONE
from emulator.services.nova.objects.server import Server
from emulator.services.oslo.policy import PolicyNotAuthorized
from emulator.services.oslo.strutils import bool_from_query
from emulator.services.oslo.timeutils import parse_isotime

__all__ = ["filters", "truth"]

Fits = Callable[[Server], bool]


VALUES: Mapping[str, Callable[[Server], str | None]] = {
    "image": lambda server: server.image_id,
    "flavor": lambda server: server.flavor.id,
    "reservation_id": lambda server: server.options.reservation_id,
}
"""What anybody may filter by, beside name, status, address and time."""

VALUES_FOR_ADMINS: Mapping[str, Callable[[Server], str | None]] = {
    "host": lambda server: server.host,
    "node": lambda server: server.host,
    "hostname": lambda server: server.options.hostname,
    "user_id": lambda server: server.user_id,
    "uuid": lambda server: server.id,
    "vm_state": lambda server: server.vm_state,
    "task_state": lambda server: server.task_state,
    "power_state": lambda server: str(server.power_state),
    "key_name": lambda server: server.options.key_name,
    "availability_zone": lambda server: server.options.availability_zone or ZONE,
    "description": lambda server: server.description,
}
"""What admins may filter by, too. From others these are ignored, as what nobody knows is."""


def filters(request: web.Request) -> Iterator[Fits]:
    """Yield what a server must pass. Raises BadRequest, which names the key, for values that make no sense."""
    query, is_admin, version = request.query, request[IDENTITY].is_admin, microversion(request)
    values = {**VALUES, **VALUES_FOR_ADMINS} if is_admin else VALUES
    for key, value in values.items():
        if key in query:
            yield _equal(value, {asked.rsplit("/", 1)[-1] for asked in query.getall(key)})
    for key, test in PATTERNS.items():
        if key in query:
            yield test(_pattern(key, query[key]))
    if "status" in query:
        yield _in_status({status.upper() for status in query.getall("status")}, is_admin=is_admin)
    if is_admin and "deleted" in query and truth("deleted", query["deleted"]):
        yield lambda _: False  # who is deleted is forgotten
    if "locked" in query and version >= (2, 73):
        locked = truth("locked", query["locked"])
        yield lambda server: server.locked == locked
    yield from _tagged(request)
    yield from _changed(request)


def _in_status(statuses: set[str], *, is_admin: bool) -> Fits:
    if "DELETED" in statuses and not is_admin:
        raise PolicyNotAuthorized("Only administrators may list deleted servers")
    return lambda server: server.status in statuses


def _equal(value: Callable[[Server], str | None], asked: set[str]) -> Fits:
    return lambda server: value(server) in asked


def _named(pattern: Pattern) -> Fits:
    return lambda server: pattern.is_in(server.name)


def _addressed(pattern: Pattern) -> Fits:
    def fitting(server: Server) -> bool:
        return any(pattern.is_in(each["addr"]) for addresses in server.all_addresses.values() for each in addresses)

    return fitting


PATTERNS: Mapping[str, Callable[[Pattern], Fits]] = {"name": _named, "ip": _addressed, "ip6": _addressed}
"""What is looked for by a regular expression."""


def _pattern(key: str, asked: str) -> Pattern:
    try:
        return Pattern(asked)
    except PatternRefused as why:
        raise BadRequest(
            f"Invalid input for query parameter {key}: {asked[:300]!r} is no regular expression: {why}."
        ) from None


def _tagged(request: web.Request) -> Iterator[Fits]:
    """All of `tags`, any of `tags-any`, not all of `not-tags`, none of `not-tags-any`."""

    def asked(key: str) -> set[str]:
        said = request.query.get(key, "") if microversion(request) >= (2, 26) else ""
        return set(filter(None, said.split(",")))

    every, some, not_every, none = map(asked, ("tags", "tags-any", "not-tags", "not-tags-any"))
    if every:
        yield lambda server: every <= {*server.options.tags}
    if some:
        yield lambda server: bool(some & {*server.options.tags})
    if not_every:
        yield lambda server: not not_every <= {*server.options.tags}
    if none:
        yield lambda server: not none & {*server.options.tags}


def _changed(request: web.Request) -> Iterator[Fits]:
    if "changes-since" in request.query:
        since = parse_isotime("changes-since", request.query["changes-since"])
        yield lambda server: server.updated >= since
    if "changes-before" in request.query and microversion(request) >= (2, 66):
        before = parse_isotime("changes-before", request.query["changes-before"])
        yield lambda server: server.updated <= before


def truth(key: str, said: str) -> bool:
    """Return what a query says of something that is or is not; an empty word is a yes. Raises BadRequest."""
    return not said or bool_from_query(key, said)

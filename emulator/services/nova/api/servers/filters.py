"""The filters of `GET /servers`: each query parameter becomes a predicate on servers."""

from collections.abc import Callable, Iterator, Mapping

from aiohttp import web

from emulator.runtime.errors import BadRequest
from emulator.runtime.http_server import IDENTITY
from emulator.services.nova.api.microversions import microversion
from emulator.services.nova.api.servers.safe_regex import InvalidPattern, Pattern
from emulator.services.nova.field_types import ZONE
from emulator.services.nova.objects.server import Server
from emulator.services.oslo.policy import PolicyNotAuthorized
from emulator.services.oslo.strutils import bool_from_query
from emulator.services.oslo.timeutils import parse_isotime

__all__ = ["bool_parameter", "server_filters"]

Predicate = Callable[[Server], bool]
Field = Callable[[Server], str | None]

TAGS_SINCE, CHANGES_BEFORE_SINCE, LOCKED_SINCE = (2, 26), (2, 66), (2, 73)

EXACT: Mapping[str, Field] = {
    "image": lambda server: server.image_id,
    "flavor": lambda server: server.flavor.id,
    "reservation_id": lambda server: server.options.reservation_id,
}
"""Filters by the exact value of a field, for all users."""

EXACT_FOR_ADMINS: Mapping[str, Field] = {
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
"""Further filters for admins. For other users nova ignores them, like unknown parameters."""


def server_filters(request: web.Request) -> Iterator[Predicate]:
    """Yield a predicate for each filter of a request. Raises BadRequest, naming the parameter, for invalid values."""
    query, is_admin, version = request.query, request[IDENTITY].is_admin, microversion(request)
    fields = {**EXACT, **EXACT_FOR_ADMINS} if is_admin else EXACT
    for key, field in fields.items():
        if key in query:  # images and flavors can also be given as URLs
            yield _one_of(field, {value.rsplit("/", 1)[-1] for value in query.getall(key)})
    for key, matching in BY_PATTERN.items():
        if key in query:
            yield matching(_pattern(key, query[key]))
    if "status" in query:
        yield _with_status({status.upper() for status in query.getall("status")}, is_admin=is_admin)
    yield from _by_deletion(request)
    if "locked" in query and version >= LOCKED_SINCE:
        locked = bool_parameter("locked", query["locked"])
        yield lambda server: server.locked == locked
    yield from _by_tags(request)
    yield from _by_change_time(request)


def bool_parameter(key: str, value: str) -> bool:
    """Parse a boolean query parameter; nova takes an empty value for true. Raises BadRequest."""
    return not value or bool_from_query(key, value)


def _with_status(statuses: set[str], *, is_admin: bool) -> Predicate:
    if "DELETED" in statuses and not is_admin:
        raise PolicyNotAuthorized("Only administrators may list deleted servers")
    return lambda server: server.status in statuses


def _one_of(field: Field, values: set[str]) -> Predicate:
    return lambda server: field(server) in values


def _name_matches(pattern: Pattern) -> Predicate:
    return lambda server: pattern.search(server.name)


def _address_matches(pattern: Pattern) -> Predicate:
    def matches(server: Server) -> bool:
        return any(pattern.search(each["addr"]) for addresses in server.all_addresses.values() for each in addresses)

    return matches


BY_PATTERN: Mapping[str, Callable[[Pattern], Predicate]] = {
    "name": _name_matches,
    "ip": _address_matches,
    "ip6": _address_matches,
}
"""Filters by a regular expression that may match anywhere in the value."""


def _pattern(key: str, text: str) -> Pattern:
    try:
        return Pattern(text)
    except InvalidPattern as error:
        raise BadRequest(
            f"Invalid input for query parameter {key}: {text[:300]!r} is not a supported regular expression: {error}."
        ) from None


def _by_tags(request: web.Request) -> Iterator[Predicate]:
    """Yield predicates for `tags` (all of them), `tags-any`, `not-tags` (not all of them) and `not-tags-any`."""
    if microversion(request) < TAGS_SINCE:
        return

    def tags_in(key: str) -> set[str]:
        return set(filter(None, request.query.get(key, "").split(",")))

    every, some, not_every, none = map(tags_in, ("tags", "tags-any", "not-tags", "not-tags-any"))
    if every:
        yield lambda server: every <= {*server.options.tags}
    if some:
        yield lambda server: bool(some & {*server.options.tags})
    if not_every:
        yield lambda server: not not_every <= {*server.options.tags}
    if none:
        yield lambda server: not none & {*server.options.tags}


def _by_deletion(request: web.Request) -> Iterator[Predicate]:
    """Yield the predicate that excludes deleted servers, or existing ones. Only admins may ask for deleted servers.

    A query by change time finds both, so that its sender learns about deletions.
    """
    query = request.query
    if not request[IDENTITY].is_admin or "deleted" not in query:
        wanted = "DELETED" in {status.upper() for status in query.getall("status", [])}
        if not wanted and not _changes(request):
            yield lambda server: server.terminated_at is None
        return
    deleted = bool_parameter("deleted", query["deleted"])
    yield lambda server: (server.terminated_at is not None) is deleted


def _changes(request: web.Request) -> set[str]:
    """Return the filters by change time that the request has."""
    known = {"changes-since"} | ({"changes-before"} if microversion(request) >= CHANGES_BEFORE_SINCE else set())
    return known & {*request.query}


def _by_change_time(request: web.Request) -> Iterator[Predicate]:
    """Yield predicates on the last change, in whole seconds as nova's database has it and the API shows it."""
    bounds = {key: parse_isotime(key, request.query[key]) for key in _changes(request)}
    since, before = bounds.get("changes-since"), bounds.get("changes-before")
    if since is not None and before is not None and before < since:
        raise BadRequest("The value of changes-since must be less than or equal to changes-before.")
    if since is not None:
        yield lambda server: server.updated.replace(microsecond=0) >= since
    if before is not None:
        yield lambda server: server.updated.replace(microsecond=0) <= before

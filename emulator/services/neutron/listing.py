"""What a caller wants of a list: filters by any attribute, an order, a page, and only some fields."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiohttp import web

from emulator.runtime.errors import BadRequest
from emulator.runtime.http_server import IDENTITY, json_response
from emulator.services.neutron.policy import shown
from emulator.services.oslo.pagination import Page, page
from emulator.services.oslo.strutils import bool_from_string

__all__ = ["answer_list", "answer_one"]

Described = Mapping[str, Any]


def answer_list(request: web.Request, collection: str, described: Iterable[Described]) -> web.Response:
    """Answer those of the things described that the request asks for, as it asks for them. Raises BadRequest.

    Repeated keys are alternatives, different keys hold together; what no thing has is no filter. What the caller may
    not see no thing has: else filters and orders would tell of it.
    """
    wanted = {key: request.query.getall(key) for key in request.query}
    seen = (shown(request[IDENTITY], each) for each in described)
    found: list[Described] = [each for each in seen if all(_fits(each, *filtered) for filtered in wanted.items())]
    part = _page(request, _in_order(request, found))
    items = [_with_fields(request, each) for each in part.items]
    return json_response({collection: items, **_links(request, collection, part)})


def answer_one(request: web.Request, name: str, described: Described, status: int = 200) -> web.Response:
    """Answer one thing, or the fields of it that the request asks for."""
    return json_response({name: _with_fields(request, shown(request[IDENTITY], described))}, status)


def _with_fields(request: web.Request, seen: Described) -> Described:
    fields = request.query.getall("fields", [])
    return {key: value for key, value in seen.items() if key in fields} if fields else seen


def _fits(each: Described, key: str, values: Sequence[str]) -> bool:
    if key == "fixed_ips":
        return _has_address(each.get(key, ()), values)
    if key in {"tags", "tags-any", "not-tags", "not-tags-any"}:
        return _has_tags(each.get("tags", ()), key, {tag for value in values for tag in value.split(",")})
    if key not in each:
        return True
    held = each[key] if isinstance(each[key], list) else [each[key]]
    return any(_equal(one, value) for one in held for value in values)


def _equal(held: object, asked: str) -> bool:
    if isinstance(held, bool):
        return held == bool_from_string(asked)
    return asked == ("" if held is None else str(held))


def _has_tags(held: Iterable[str], key: str, asked: set[str]) -> bool:
    """`tags` wants all of them, `tags-any` one; with `not-` those that would fit do not."""
    has = bool(asked & set(held)) if key.endswith("-any") else asked <= set(held)
    return has is not key.startswith("not-")


def _has_address(fixed_ips: Iterable[Mapping[str, str]], values: Sequence[str]) -> bool:
    """`fixed_ips=subnet_id=S&fixed_ips=ip_address=A`: one address that has all of this; also `ip_address_substr`."""
    asked: dict[str, set[str]] = {}
    for value in values:
        key, _, what = value.partition("=")
        asked.setdefault(key, set()).add(what)
    parts = asked.pop("ip_address_substr", {""})
    return any(
        all(fixed.get(key) in alternatives for key, alternatives in asked.items())
        and any(part in fixed["ip_address"] for part in parts)
        for fixed in fixed_ips
    )


def _in_order(request: web.Request, found: list[Described]) -> list[Described]:
    keys, directions = request.query.getall("sort_key", []), request.query.getall("sort_dir", [])
    if directions and len(directions) != len(keys):
        raise BadRequest("The number of sort_keys and sort_dirs must be same.")
    if wrong := [direction for direction in directions if direction not in {"asc", "desc"}]:
        raise BadRequest(f"Invalid input for sort_dir. Reason: '{wrong[0]}' is not in ('asc', 'desc').")
    for key, direction in reversed([*zip(keys, directions or ["asc"] * len(keys), strict=True)]):
        if unknown := [each for each in found if isinstance(each.get(key, []), list | dict)]:
            raise BadRequest(
                f"Invalid input for sort_key. Reason: '{key}' is no attribute of {unknown[0]['id']} to sort by."
            )
        found.sort(key=lambda each, key=key: (each[key] is not None, each[key]), reverse=direction == "desc")  # type: ignore[misc]
    return found


def _page(request: web.Request, found: list[Described]) -> Page[Described]:
    """The page that follows the marker; with `page_reverse` the one that ends before it."""
    if not _backwards(request):
        return page(request, found, lambda each: str(each["id"]))
    part = page(request, found[::-1], lambda each: str(each["id"]))
    return Page(part.items[::-1], part.next)


def _backwards(request: web.Request) -> bool:
    return bool_from_string(request.query.get("page_reverse", ""))


def _links(request: web.Request, collection: str, part: Page[Described]) -> dict[str, Any]:
    if not _backwards(request):
        return part.links(collection)
    return {} if part.next is None else {f"{collection}_links": [{"rel": "previous", "href": part.next}]}

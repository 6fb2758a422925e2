"""Answers with one resource or a list: filters, sort order, pages, and the selection of fields.

Source: https://docs.openstack.org/api-ref/network/v2/#filtering-and-column-selection
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiohttp import web

from emulator.runtime.errors import BadRequest
from emulator.runtime.http_server import IDENTITY, json_response
from emulator.services.neutron.policy import visible_attributes
from emulator.services.oslo.pagination import Page, page
from emulator.services.oslo.strutils import bool_from_string

__all__ = ["answer_list", "answer_many", "answer_one"]

Described = Mapping[str, Any]


def answer_list(request: web.Request, collection: str, described: Iterable[Described]) -> web.Response:
    """Return an answer with a page of the resources that match the query. Raises BadRequest.

    A repeated key matches any of its values; different keys must all match; a key that no resource has is ignored.
    Attributes that the caller may not see are removed first, so that filters and sort orders do not reveal them.
    """
    filters = {key: request.query.getall(key) for key in request.query}
    visible = (visible_attributes(request[IDENTITY], each) for each in described)
    found: list[Described] = [
        each for each in visible if all(_matches(each, key, values) for key, values in filters.items())
    ]
    part = _page(request, _sort(request, found))
    items = [_with_fields(request, each) for each in part.items]
    return json_response({collection: items, **_links(request, collection, part)})


def answer_one(request: web.Request, name: str, described: Described, status: int = 200) -> web.Response:
    """Return an answer with one resource, or with those of its fields that the query selects."""
    return json_response({name: _with_fields(request, visible_attributes(request[IDENTITY], described))}, status)


def answer_many(request: web.Request, collection: str, described: Iterable[Described], status: int) -> web.Response:
    """Return an answer with all of the resources, or with those of their fields that the query selects."""
    caller = request[IDENTITY]
    items = [_with_fields(request, visible_attributes(caller, each)) for each in described]
    return json_response({collection: items}, status)


def _with_fields(request: web.Request, visible: Described) -> Described:
    fields = request.query.getall("fields", [])
    return {key: value for key, value in visible.items() if key in fields} if fields else visible


def _matches(each: Described, key: str, values: Sequence[str]) -> bool:
    if key == "fixed_ips":
        return _has_address(each.get(key, ()), values)
    if key in {"tags", "tags-any", "not-tags", "not-tags-any"}:
        return _has_tags(each.get("tags", ()), key, {tag for value in values for tag in value.split(",")})
    if key not in each:
        return True
    held = each[key] if isinstance(each[key], list) else [each[key]]
    return any(_equal(one, value) for one in held for value in values)


def _equal(held: object, text: str) -> bool:
    if isinstance(held, bool):
        return held == bool_from_string(text)
    return text == ("" if held is None else str(held))


def _has_tags(held: Iterable[str], key: str, tags: set[str]) -> bool:
    """`tags` matches resources with all of the tags, `tags-any` with any; a `not-` before it inverts the match."""
    has = bool(tags & set(held)) if key.endswith("-any") else tags <= set(held)
    return has is not key.startswith("not-")


def _has_address(fixed_ips: Iterable[Mapping[str, str]], values: Sequence[str]) -> bool:
    """`fixed_ips=subnet_id=S&fixed_ips=ip_address=A` matches ports with one fixed IP that fits all of this.

    `ip_address_substr` matches a part of the address.
    """
    filters: dict[str, set[str]] = {}
    for value in values:
        key, _, text = value.partition("=")
        filters.setdefault(key, set()).add(text)
    parts = filters.pop("ip_address_substr", {""})
    return any(
        all(fixed.get(key) in alternatives for key, alternatives in filters.items())
        and any(part in fixed["ip_address"] for part in parts)
        for fixed in fixed_ips
    )


def _sort(request: web.Request, found: list[Described]) -> list[Described]:
    keys, directions = request.query.getall("sort_key", []), request.query.getall("sort_dir", [])
    if directions and len(directions) != len(keys):
        raise BadRequest("The number of sort_keys and sort_dirs must be same.")
    if wrong := [direction for direction in directions if direction not in {"asc", "desc"}]:
        raise BadRequest(f"Invalid input for sort_dir. Reason: '{wrong[0]}' is not in ('asc', 'desc').")
    for key, direction in reversed([*zip(keys, directions or ["asc"] * len(keys), strict=True)]):
        if any(isinstance(each.get(key, []), list | dict) for each in found):  # a missing attribute is refused as well
            raise BadRequest(f"Invalid input for sort_key. Reason: '{key}' is not an attribute that can be sorted by.")
        # each sort is stable, so the first key takes precedence; resources without a value come first
        found.sort(key=lambda each, key=key: (each[key] is not None, each[key]), reverse=direction == "desc")  # type: ignore[misc]
    return found


def _page(request: web.Request, found: list[Described]) -> Page[Described]:
    """Return the page after the marker, or the one before it with `page_reverse`."""
    if not _backwards(request):
        return page(request, found, lambda each: str(each["id"]), zero_means_all=True)
    part = page(request, found[::-1], lambda each: str(each["id"]), zero_means_all=True)
    return Page(part.items[::-1], part.next)


def _backwards(request: web.Request) -> bool:
    return bool_from_string(request.query.get("page_reverse", ""))


def _links(request: web.Request, collection: str, part: Page[Described]) -> dict[str, Any]:
    if not _backwards(request):
        return part.links(collection)
    return {} if part.next is None else {f"{collection}_links": [{"rel": "previous", "href": part.next}]}

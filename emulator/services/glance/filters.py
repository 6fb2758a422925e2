"""Filters and sort order of `GET /v2/images`.

Source: https://docs.openstack.org/api-ref/image/v2/#list-images
"""

import csv
import operator
from collections.abc import Callable, Collection, Mapping
from typing import Any, get_args

from aiohttp import web
from multidict import MultiMapping

from emulator.runtime.errors import BadRequest
from emulator.runtime.http_server import IDENTITY
from emulator.services.auth import Identity
from emulator.services.glance.images import IMAGES, Image, MemberStatus, Visibility
from emulator.services.oslo.timeutils import isotime, parse_isotime

__all__ = ["select_images"]

SORT_KEYS = ("name", "status", "container_format", "disk_format", "size", "id", "created_at", "updated_at")
NOT_FILTERS = {"limit", "marker", "sort", "sort_key", "sort_dir", "member_status", "fields"}
VISIBILITIES = {*get_args(Visibility), "all"}
MEMBER_STATUSES = {*get_args(MemberStatus), "all"}
COMPARISONS = {
    how: getattr(operator, name)
    for how, name in {"lt": "lt", "lte": "le", "gt": "gt", "gte": "ge", "eq": "eq", "neq": "ne"}.items()
}
IN_FILTERS = {"id", "name", "status", "container_format", "disk_format"}
"""The fields whose filters accept several values: `id=in:a,b`."""


def select_images(request: web.Request) -> list[Image]:
    """Return the images that the caller may see and that match the query, in the requested order. Raises BadRequest."""
    caller: Identity = request[IDENTITY]
    filters = [_filter(name, value) for name, value in request.query.items() if name not in NOT_FILTERS]
    if "os_hidden" not in request.query:  # hidden images are listed only on request
        filters.append(lambda described: not described["os_hidden"])
    if request.query.get("visibility") in {"community", "all"}:
        visible = [image for image in request.app[IMAGES] if image.is_visible_to(caller)]
    else:
        member_status = _check_choice("member_status", request.query.get("member_status", "accepted"), MEMBER_STATUSES)
        visible = [image for image in request.app[IMAGES] if image.is_listed_for(caller, member_status)]
    return _sort([image for image in visible if all(matches(image.describe()) for matches in filters)], request.query)


Matches = Callable[[Mapping[str, Any]], bool]


def _filter(name: str, value: str) -> Matches:
    if name in FILTERS:
        return FILTERS[name](name, value)
    if name in IN_FILTERS and value.startswith("in:"):
        values = next(
            csv.reader([value.removeprefix("in:")])
        )  # a value with a comma is quoted: glance.common.utils.split_filter_value_for_quotes
        return lambda described: described[name] in values
    return lambda described: str(described.get(name, "")) == value


def _tag(_: str, value: str) -> Matches:
    return lambda described: value in described["tags"]


def _visibility(name: str, value: str) -> Matches:
    _check_choice(name, value, VISIBILITIES)
    return lambda described: value in {"all", described["visibility"]}


def _check_choice(name: str, value: str, allowed: Collection[str]) -> str:
    if value not in allowed:
        raise BadRequest(
            f"Invalid input for query parameter {name}: {value!r} is none of {', '.join(sorted(allowed))}."
        )
    return value


def _flag(name: str, value: str) -> Matches:
    if value.lower() not in {"true", "false"}:
        raise BadRequest(f"Invalid input for query parameter {name}: {value!r} is neither true nor false.")
    flag = value.lower() == "true"
    return lambda described: described[name] == flag


def _size(name: str, value: str) -> Matches:
    if not (value.isascii() and value.isdigit()):
        raise BadRequest(f"Invalid input for query parameter {name}: {value!r} is not a number of bytes.")
    bound = int(value[:20])  # int() refuses very long strings; 20 digits are above any size
    if name == "size_min":
        return lambda described: (described["size"] or 0) >= bound
    return lambda described: (described["size"] or 0) <= bound


def _time(name: str, value: str) -> Matches:
    """Compare with a time: `gte:2026-11-24T12:00:00Z`. Without an operator the times must be equal."""
    how, _, text = value.partition(":") if value.partition(":")[0] in COMPARISONS else ("eq", "", value)
    time = isotime(parse_isotime(name, text))
    return lambda described: COMPARISONS[how](described[name], time)


FILTERS: Mapping[str, Callable[[str, str], Matches]] = {
    "os_hidden": _flag,
    "protected": _flag,
    "size_min": _size,
    "size_max": _size,
    "tag": _tag,
    "visibility": _visibility,
    "created_at": _time,
    "updated_at": _time,
}
"""The filters that do more than compare the field of their name with the value."""


def _sort(images: list[Image], query: MultiMapping[str]) -> list[Image]:
    """Sort by `sort=key:dir,…`, or by repeated `sort_key` and `sort_dir`; by default the newest image comes first."""
    for key, direction in reversed(_order(query)):  # each sort is stable, so the first key takes precedence
        if key not in SORT_KEYS:
            raise BadRequest(f"Invalid input for sort key: {key!r} is none of {', '.join(SORT_KEYS)}.")
        if direction not in {"asc", "desc"}:
            raise BadRequest(f"Invalid input for sort direction: {direction!r} is neither asc nor desc.")
        images = sorted(images, key=lambda image: _rank(image, key), reverse=direction == "desc")
    return images


def _order(query: MultiMapping[str]) -> list[tuple[str, str]]:
    if "sort" in query:
        parts = [part.partition(":") for part in query["sort"].split(",")]
        return [(key.strip(), direction.strip() or "desc") for key, _, direction in parts]
    keys, directions = query.getall("sort_key", ["created_at"]), query.getall("sort_dir", ["desc"])
    return [(key, directions[min(number, len(directions) - 1)]) for number, key in enumerate(keys)]


def _rank(image: Image, key: str) -> tuple[bool, Any]:
    """Return a value to sort by. Images without a value come first."""
    value = {"created_at": image.created, "updated_at": image.updated}.get(key, image.describe()[key])
    return value is not None, value or ""

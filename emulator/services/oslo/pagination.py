"""Pagination by the query parameters `limit` and `marker`, as in all of OpenStack's APIs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from aiohttp import web

from emulator.runtime.errors import BadRequest

__all__ = ["Page", "page"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a list, and the URL of the next page, None on the last one."""

    items: Sequence[T]
    next: str | None

    def links(self, name: str) -> dict[str, Any]:
        """Return the `{name}_links` that nova and neutron put beside a list that has a next page."""
        return {} if self.next is None else {f"{name}_links": [{"rel": "next", "href": self.next}]}


MAX_LIMIT = 1000
"""The default of nova's `[api] max_limit` and of glance's `api_limit_max`."""


def page(
    request: web.Request, items: Sequence[T], id_of: Callable[[T], str], *, zero_means_all: bool = False
) -> Page[T]:
    """Return the requested page: at most `limit` items after the one whose id is the `marker`.

    No limit means MAX_LIMIT. A limit of 0 is an empty page in nova and glance, and no limit in neutron. Raises
    BadRequest for a limit that is not a number, and for an unknown marker.
    """
    limit, begin = min(_limit(request), MAX_LIMIT), 0
    if zero_means_all:
        limit = limit or MAX_LIMIT
    marker = request.query.get("marker")
    if marker:
        positions = [position for position, item in enumerate(items, 1) if id_of(item) == marker]
        if not positions:
            raise BadRequest(f"Invalid input for query parameter marker: marker [{marker}] not found.")
        begin = positions[0]
    shown = items[begin : begin + limit]
    if not shown or begin + limit >= len(items):
        return Page(shown, None)
    return Page(shown, str(request.url.update_query(marker=id_of(shown[-1]))))


def _limit(request: web.Request) -> int:
    limit = request.query.get("limit")
    if limit is None:
        return MAX_LIMIT
    if not (limit.isascii() and limit.isdigit()):
        raise BadRequest(f"Invalid input for query parameter limit: {limit!r} is not an integer of 0 or more.")
    return int(limit[:10])  # more digits are above any maximum, and int() refuses very long texts

"""Long lists in pages: `limit` and `marker`, which all APIs of OpenStack have alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from aiohttp import web

from emulator.runtime.errors import BadRequest

__all__ = ["Page", "page"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list, and the URL of the next part, None where there is none."""

    items: Sequence[T]
    next: str | None

    def links(self, name: str) -> dict[str, Any]:
        """Return the `name_links` that nova and neutron put beside a list of which there is more."""
        return {} if self.next is None else {f"{name}_links": [{"rel": "next", "href": self.next}]}


def page(request: web.Request, items: Sequence[T], id_of: Callable[[T], str], most: int = 1000) -> Page[T]:
    """Return what a request asks for of a list: what follows the `marker`, an id, and no more than `limit`, or `most`.

    A limit of 0 is none. Raises BadRequest for another that is no number, and for a marker that is not in the list.
    """
    limit, begin = min(_limit(request) or most, most), 0
    marker = request.query.get("marker")
    if marker:
        found = [place for place, item in enumerate(items, 1) if id_of(item) == marker]
        if not found:
            raise BadRequest(f"Invalid input for query parameter marker: marker [{marker}] not found.")
        begin = found[0]
    shown = items[begin : begin + limit]
    if not shown or begin + limit >= len(items):
        return Page(shown, None)
    return Page(shown, str(request.url.update_query(marker=id_of(shown[-1]))))


def _limit(request: web.Request) -> int:
    asked = request.query.get("limit")
    if asked is None:
        return 0
    if not (asked.isascii() and asked.isdigit()):
        raise BadRequest(f"Invalid input for query parameter limit: {asked!r} is not an integer from 0 on.")
    return int(asked[:10])

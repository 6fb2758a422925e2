"""Collections of keystone's, as lists and one by one. They are for admins; what is somebody's own, the same may see."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from emulator.runtime.http_server import IDENTITY, json_response
from emulator.services.auth.fernet_tokens import Identity
from emulator.services.keystone.errors import ForbiddenAction, ResourceNotFound
from emulator.services.oslo.pagination import page

__all__ = ["Collection", "Document", "listed", "routes_of"]

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Collection:
    """All of one kind. `filters` are the fields by which a list of them can be asked for.

    `own` says what is for a caller to see that is no admin, by ids. `for_all` is for everybody.
    """

    name: str
    one: str
    documents: Callable[[web.Application], Iterable[Document]]
    filters: Sequence[str]
    own: Callable[[Identity], str | None] = lambda _: None
    for_all: bool = False


def routes_of(collection: Collection) -> list[web.RouteDef]:
    """Return the routes that list a collection, and show one of it."""
    key = f"{collection.one}_id"

    async def list_all(request: web.Request) -> web.Response:
        if not (collection.for_all or request[IDENTITY].is_admin):
            raise ForbiddenAction(f"list_{collection.name}")
        return listed(request, collection.name, collection.documents(request.app), collection.filters)

    async def show(request: web.Request) -> web.Response:
        wanted, caller = request.match_info[key], request[IDENTITY]
        if not (collection.for_all or caller.is_admin or wanted == collection.own(caller)):
            raise ForbiddenAction(f"get_{collection.one}")
        for document in collection.documents(request.app):
            if document["id"] == wanted:
                return json_response({collection.one: _linked(request, collection.name, document)})
        raise ResourceNotFound(collection.one, wanted)

    path = f"/v3/{collection.name}"
    return [web.get(path, list_all), web.get(f"{path}/{{{key}}}", show)]


def listed(request: web.Request, name: str, documents: Iterable[Document], filters: Sequence[str]) -> web.Response:
    """Answer those of some documents that fit the query, a page of them at a time."""
    wanted = {key: request.query.getall(key) for key in filters if key in request.query}
    found = [
        document
        for document in documents
        if all(any(_is(document.get(key), value) for value in values) for key, values in wanted.items())
    ]
    shown = page(request, found, lambda document: str(document["id"]))
    return json_response(
        {
            name: [_linked(request, name, document) for document in shown.items],
            "links": {"self": str(request.url), "previous": None, "next": shown.next},
        }
    )


def _linked(request: web.Request, name: str, document: Document) -> Document:
    """Return a document with a link to itself."""
    return {**document, "links": {"self": f"{request.url.origin()}/v3/{name}/{document['id']}"}}


def _is(value: object, asked: str) -> bool:
    """Whether a field is what a query asks for. As in keystone, to be true is what is not said to be false."""
    if isinstance(value, bool):
        return value == (asked.lower() not in {"0", "false", "no"})
    return asked == ("" if value is None else value)

"""Keystone's collections over HTTP: a list and one resource each. Admins see all, others what is their own."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from emulator.runtime.http_server import IDENTITY, json_response
from emulator.services.auth import Identity
from emulator.services.keystone.errors import ForbiddenAction, ResourceNotFound
from emulator.services.oslo.pagination import page

__all__ = ["Collection", "Document", "list_response", "routes_of"]

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection of resources. `filters` are the fields that its list can be filtered by.

    `own` returns the id of the resource that a caller without the role `admin` may see. `open_to_all` opens it to all.
    """

    name: str
    singular: str
    documents: Callable[[web.Application], Iterable[Document]]
    filters: Sequence[str]
    own_id: Callable[[Identity], str | None] = lambda _: None
    open_to_all: bool = False


def routes_of(collection: Collection) -> list[web.RouteDef]:
    """Return the two routes of a collection."""
    key = f"{collection.singular}_id"

    async def list_all(request: web.Request) -> web.Response:
        if not (collection.open_to_all or request[IDENTITY].is_admin):
            raise ForbiddenAction(f"list_{collection.name}")
        return list_response(request, collection.name, collection.documents(request.app), collection.filters)

    async def show(request: web.Request) -> web.Response:
        resource_id, caller = request.match_info[key], request[IDENTITY]
        if not (collection.open_to_all or caller.is_admin or resource_id == collection.own_id(caller)):
            raise ForbiddenAction(f"get_{collection.singular}")
        for document in collection.documents(request.app):
            if document["id"] == resource_id:
                return json_response({collection.singular: _with_self_link(request, collection.name, document)})
        raise ResourceNotFound(collection.singular, resource_id)

    path = f"/v3/{collection.name}"
    return [web.get(path, list_all), web.get(f"{path}/{{{key}}}", show)]


def list_response(
    request: web.Request, name: str, documents: Iterable[Document], filters: Sequence[str]
) -> web.Response:
    """Answer a page of those documents that match the query."""
    filtered = {key: request.query.getall(key) for key in filters if key in request.query}
    found = [
        document
        for document in documents
        if all(any(_matches(document.get(key), value) for value in values) for key, values in filtered.items())
    ]
    shown = page(request, found, lambda document: str(document["id"]))
    return json_response(
        {
            name: [_with_self_link(request, name, document) for document in shown.items],
            "links": {"self": str(request.url), "previous": None, "next": shown.next},
        }
    )


def _with_self_link(request: web.Request, name: str, document: Document) -> Document:
    """Return a document with a link to itself."""
    return {**document, "links": {"self": f"{request.url.origin()}/v3/{name}/{document['id']}"}}


def _matches(value: object, text: str) -> bool:
    """Whether a field has the value of a query parameter."""
    if isinstance(value, bool):
        # Any other text means true, the empty one too: attr_as_boolean in keystone.common.utils.
        return value == (text.lower() not in {"0", "false", "no"})
    return text == ("" if value is None else value)

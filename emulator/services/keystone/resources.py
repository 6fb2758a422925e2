"""Routes of keystone's collections, to list them and show one resource. Admins see all, other users only their own."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from emulator.runtime.http_server import IDENTITY, json_response
from emulator.services.auth import Identity
from emulator.services.keystone.errors import ForbiddenAction, ResourceNotFound
from emulator.services.oslo.pagination import page

__all__ = ["Collection", "Document", "collection_links", "list_response", "routes_of"]

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection of resources. `filters` are the fields that its list can be filtered by.

    `own_id` returns the id of the one resource that a caller without the role `admin` may see. With `open_to_all` every
    caller may see all of them.
    """

    name: str
    singular: str
    documents: Callable[[web.Application], Iterable[Document]]
    filters: Sequence[str]
    own_id: Callable[[Identity], str | None] = lambda _: None
    open_to_all: bool = False


def routes_of(collection: Collection) -> list[web.RouteDef]:
    """Return the routes that list a collection and show one of its resources."""
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
    """Return an answer with a page of the documents that match the query.

    Besides `name=…`, filters may be inexact: `name__contains=…`, or `name__icontains=…` if case does not matter.
    """
    filtered = {key: request.query.getall(key) for key in request.query if key.partition("__")[0] in filters}
    found = [
        document
        for document in documents
        if all(any(_matches(document, key, value) for value in values) for key, values in filtered.items())
    ]
    shown = page(request, found, lambda document: str(document["id"]))
    return json_response(
        {
            name: [_with_self_link(request, name, document) for document in shown.items],
            "links": collection_links(request, shown.next),
        }
    )


def collection_links(request: web.Request, next_page: str | None = None) -> Document:
    """Return the `links` of a list, in which `previous` is always null here."""
    return {"self": str(request.url), "previous": None, "next": next_page}


def _with_self_link(request: web.Request, name: str, document: Document) -> Document:
    """Return a document with a link to itself."""
    return {**document, "links": {"self": f"{request.url.origin()}/v3/{name}/{document['id']}"}}


def _matches(document: Document, key: str, text: str) -> bool:
    """Whether a document has the value of a query parameter, exactly or as its suffix says."""
    name, _, suffix = key.partition("__")
    return _compare(document.get(name), suffix, text) if suffix else _equal(document.get(name), text)


def _compare(value: object, comparator: str, text: str) -> bool:
    """Whether a field contains `text`, or begins or ends with it. Other comparators are ignored.

    Source: `build_driver_hints` and `filter_by_attributes` in `keystone.server.flask.common`.
    """
    if not isinstance(value, str):
        return False
    if comparator.startswith("i"):
        value, comparator, text = value.lower(), comparator[1:], text.lower()
    compare = {"contains": str.__contains__, "startswith": str.startswith, "endswith": str.endswith}.get(comparator)
    return compare is None or compare(value, text)


def _equal(value: object, text: str) -> bool:
    """Whether a field has the value of the query parameter `text`."""
    if isinstance(value, bool):
        # Any other value means true, even an empty one: see attr_as_boolean in keystone.common.utils.
        return value == (text.lower() not in {"0", "false", "no"})
    return text == ("" if value is None else value)

"""Handlers that create one resource of a kind, or several with one request: all of them or none.

Source: `prepare_request_body` in `neutron.api.v2.base`, https://docs.openstack.org/api-ref/network/v2/#bulk-create-networks
"""

from collections.abc import Callable
from contextlib import ExitStack
from http import HTTPStatus
from typing import Any, TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler
from msgspec import Struct, defstruct

from emulator.runtime.errors import BadRequest
from emulator.runtime.http_server import convert_json, read_json
from emulator.services.neutron.listing import answer_many, answer_one

__all__ = ["creates"]

A = TypeVar("A", bound=Struct)
"""The attributes of a resource in a request."""


def creates(
    name: str,
    form: type[A],
    create: Callable[[web.Request, A], dict[str, Any]],
    undo: Callable[[web.Request, str], None],
) -> Handler:
    """Return a handler that answers `{name: {…}}` with a new resource, or `{names: [{…}, …]}` with several.

    `create` adds a resource and describes it; `undo` removes the one with an id, because one after it could not be
    created. Neither awaits anything, so other requests see all of the resources or none.
    """
    collection = f"{name}s"
    one, several = defstruct("One", [(name, form)]), defstruct("Several", [(collection, list[Any])])

    async def create_one_or_several(request: web.Request) -> web.Response:
        if collection not in await read_json(request, dict[str, Any]):
            attributes = getattr(await read_json(request, one), name)
            return answer_one(request, name, create(request, attributes), HTTPStatus.CREATED)
        items = getattr(await read_json(request, several), collection)
        described = []
        with ExitStack() as created:
            for attributes in _read_items(items, name, collection, form):
                described.append(create(request, attributes))
                created.callback(undo, request, described[-1]["id"])
            created.pop_all()  # all of them were created: do not undo it
        return answer_many(request, collection, described, HTTPStatus.CREATED)

    return create_one_or_several


def _read_items(items: list[Any], name: str, collection: str, form: type[A]) -> list[A]:
    """Read the attributes of several resources, each `{…}` or `{name: {…}}`. Raises BadRequest."""
    if not items:
        raise BadRequest(f"Invalid input for {collection}. Reason: Resources required.")
    unwrapped = [item.get(name, item) if isinstance(item, dict) else item for item in items]
    return [convert_json(item, form, f"{collection}[{number}]") for number, item in enumerate(unwrapped)]

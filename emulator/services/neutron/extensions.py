"""The API's extensions, and collections that are always empty, which clients list all the same."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from aiohttp import web

from emulator.runtime.errors import NotFound
from emulator.runtime.http_server import json_response

__all__ = ["EXTENSION_ROUTES"]

EXTENSIONS = {
    "allowed-address-pairs": "Allowed Address Pairs",
    "binding": "Port Binding",
    "extra_dhcp_opt": "Neutron Extra DHCP options",
    "external-net": "Neutron external network",
    "fip-port-details": "Floating IP Port Details Extension",
    "net-mtu": "Network MTU",
    "net-mtu-writable": "Network MTU (writable)",
    "pagination": "Pagination support",
    "port-security": "Port Security",
    "project-id": "project_id field enabled",
    "provider": "Provider Network",
    "quota_details": "Quota details management support",
    "quotas": "Quota management support",
    "security-group": "security-group",
    "sorting": "Sorting support",
    "standard-attr-description": "standard-attr-description",
    "standard-attr-revisions": "Resource revision numbers",
    "standard-attr-tag": "Tag support for resources with standard attribute",
    "standard-attr-timestamp": "Resource timestamps",
}
"""The names of the extensions that are implemented, by alias."""

EMPTY = {
    "routers": "Router {id} could not be found",
    "agents": "Agent {id} could not be found.",
    "address-scopes": "Address scope {id} could not be found.",
    "subnetpools": "Subnet pool {id} could not be found.",
    "trunks": "Trunk {id} could not be found.",
    "rbac-policies": "RBAC policy of type network with ID {id} not found",
}
"""Collections that are always empty, with neutron's message for an unknown id."""


class ExtensionNotFound(NotFound):
    """No extension has this alias."""

    error_type = "neutron.ExtensionNotFound"

    def __init__(self, alias: str) -> None:
        super().__init__(f"Extension with alias {alias} does not exist")


async def list_extensions(_: web.Request) -> web.Response:
    """List the extensions that are implemented."""
    return json_response({"extensions": [_describe(alias) for alias in EXTENSIONS]})


async def show_extension(request: web.Request) -> web.Response:
    """Show an extension."""
    alias = request.match_info["alias"]
    if alias not in EXTENSIONS:
        raise ExtensionNotFound(alias)
    return json_response({"extension": _describe(alias)})


async def list_availability_zones(_: web.Request) -> web.Response:
    """List the availability zones of agents. There are none."""
    return json_response({"availability_zones": []})


def _describe(alias: str) -> dict[str, Any]:
    name = EXTENSIONS[alias]
    return {"alias": alias, "name": name, "description": name, "links": [], "updated": "2016-01-01T00:00:00-00:00"}


Handler = Callable[[web.Request], Coroutine[Any, Any, web.Response]]


def _list_empty(collection: str) -> Handler:
    async def list_none(_: web.Request) -> web.Response:
        return json_response({collection.replace("-", "_"): []})

    return list_none


def _show_missing(message: str) -> Handler:
    async def show_none(request: web.Request) -> web.Response:
        raise NotFound(message.format(id=request.match_info["id"]))

    return show_none


def _empty_routes() -> Iterator[web.RouteDef]:
    for collection, message in EMPTY.items():
        yield web.get(f"/v2.0/{collection}", _list_empty(collection))
        yield web.get(f"/v2.0/{collection}/{{id}}", _show_missing(message))


EXTENSION_ROUTES = (
    web.get("/v2.0/extensions", list_extensions),
    web.get("/v2.0/extensions/{alias}", show_extension),
    web.get("/v2.0/availability_zones", list_availability_zones),
    *_empty_routes(),
)

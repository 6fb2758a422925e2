"""The flavors, as nova-api lists them. A flavor's id is its name."""

from typing import Any

from aiohttp import web

from emulator.plumbing.errors import NotFound
from emulator.plumbing.http_server import json_response
from emulator.services.fresh import FLAVORS, Flavor

__all__ = ["FLAVOR_ROUTES", "find_flavor"]


class FlavorNotFound(NotFound):
    """No flavor has this id."""

    def __init__(self, flavor_id: str) -> None:
        super().__init__(f"Flavor {flavor_id} could not be found.")


def find_flavor(flavor_id: str) -> Flavor | None:
    """Return a flavor, None if there is no such one."""
    return next((flavor for flavor in FLAVORS if flavor.name == flavor_id), None)


async def list_flavors(_: web.Request) -> web.Response:
    """List the flavors. The short and the detailed list are one."""
    return json_response({"flavors": [_describe_flavor(flavor) for flavor in FLAVORS]})


async def show_flavor(request: web.Request) -> web.Response:
    """Show a flavor."""
    flavor_id = request.match_info["flavor_id"]
    flavor = find_flavor(flavor_id)
    if flavor is None:
        raise FlavorNotFound(flavor_id)
    return json_response({"flavor": _describe_flavor(flavor)})


def _describe_flavor(flavor: Flavor) -> dict[str, Any]:
    return {
        "id": flavor.name,
        "name": flavor.name,
        "ram": flavor.ram_mb,
        "vcpus": flavor.vcpus,
        "disk": flavor.disk_gb,
        "OS-FLV-EXT-DATA:ephemeral": 0,
        "swap": "",
        "os-flavor-access:is_public": True,
        "extra_specs": {},
    }


FLAVOR_ROUTES = (
    web.get("/v2.1/flavors", list_flavors),
    web.get("/v2.1/flavors/detail", list_flavors),
    web.get("/v2.1/flavors/{flavor_id}", show_flavor),
)

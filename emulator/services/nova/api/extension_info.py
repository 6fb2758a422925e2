"""`/extensions`: the API's features by the names that they had as extensions. Also two collections without items."""

from typing import Any

from aiohttp import web

from emulator.runtime.errors import NotFound
from emulator.runtime.http_server import json_response
from emulator.services.nova.api.policy import require_admin

__all__ = ["EXTENSION_ROUTES"]

EXTENSIONS = {
    "OS-EXT-AZ": "ExtendedAvailabilityZone",
    "OS-EXT-IPS": "ExtendedIps",
    "OS-EXT-IPS-MAC": "ExtendedIpsMac",
    "OS-EXT-SRV-ATTR": "ExtendedServerAttributes",
    "OS-EXT-STS": "ExtendedStatus",
    "OS-FLV-DISABLED": "FlavorDisabled",
    "OS-FLV-EXT-DATA": "FlavorExtraData",
    "OS-SRV-USG": "ServerUsage",
    "os-aggregates": "Aggregates",
    "os-availability-zone": "AvailabilityZone",
    "os-flavor-access": "FlavorAccess",
    "os-flavor-extra-specs": "FlavorExtraSpecs",
    "os-flavor-manage": "FlavorManage",
    "os-hypervisors": "Hypervisors",
    "os-keypairs": "Keypairs",
    "os-quota-sets": "Quotas",
    "os-server-groups": "ServerGroups",
    "os-services": "Services",
    "os-simple-tenant-usage": "SimpleTenantUsage",
    "os-used-limits": "UsedLimits",
}
"""The names by alias."""


async def list_extensions(_: web.Request) -> web.Response:
    """List the extensions."""
    return json_response({"extensions": [_describe(alias) for alias in EXTENSIONS]})


async def show_extension(request: web.Request) -> web.Response:
    """Show an extension."""
    alias = request.match_info["alias"]
    if alias not in EXTENSIONS:
        raise NotFound("The resource could not be found.")
    return json_response({"extension": _describe(alias)})


def _describe(alias: str) -> dict[str, Any]:
    name = EXTENSIONS[alias]
    return {
        "alias": alias,
        "name": name,
        "description": name,
        "links": [],
        "namespace": "http://docs.openstack.org/compute/ext/fake_xml",  # what nova sends; clients require a value
        "updated": "2014-12-03T00:00:00Z",
    }


@require_admin("os-aggregates:index")
async def list_aggregates(_: web.Request) -> web.Response:
    """List the host aggregates: the emulator has none."""
    return json_response({"aggregates": []})


async def list_server_groups(_: web.Request) -> web.Response:
    """List the server groups: the emulator has none."""
    return json_response({"server_groups": []})


EXTENSION_ROUTES = (
    web.get("/v2.1/extensions", list_extensions),
    web.get("/v2.1/extensions/{alias}", show_extension),
    web.get("/v2.1/os-aggregates", list_aggregates),
    web.get("/v2.1/os-server-groups", list_server_groups),
)

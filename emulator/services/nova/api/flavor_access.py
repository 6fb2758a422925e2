"""`/flavors/{id}/os-flavor-access`: which projects may use a flavor that is not public. For admins."""

from typing import Annotated, Any

import msgspec
from aiohttp import web

from emulator.runtime.errors import BadRequest, Conflict, NotFound
from emulator.runtime.http_server import json_response, read_json
from emulator.services.nova.api.flavors import find_flavor
from emulator.services.nova.api.policy import require_admin
from emulator.services.nova.objects.flavor import FLAVORS, Flavor

__all__ = ["FLAVOR_ACCESS_ROUTES"]


class PublicFlavor(Conflict):
    """Access cannot be added to a public flavor."""

    error_type = "nova.PublicFlavor"

    def __init__(self) -> None:
        super().__init__("Can not add access to a public flavor.")


class Access(msgspec.Struct):
    """The project whose access changes."""

    tenant: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class AccessAction(msgspec.Struct):
    """The body of `POST /flavors/{id}/action`."""

    add: Access | None = msgspec.field(name="addTenantAccess", default=None)
    remove: Access | None = msgspec.field(name="removeTenantAccess", default=None)


@require_admin("os-flavor-access")
async def list_access(request: web.Request) -> web.Response:
    """List the projects with access to a flavor."""
    flavor = find_flavor(request)
    if flavor.is_public:
        raise NotFound("Access list not available for public flavors.")
    return json_response(_access(flavor))


@require_admin("os-flavor-access:add_tenant_access")
async def change_access(request: web.Request) -> web.Response:
    """Add a project's access to a flavor, or remove it."""
    action = await read_json(request, AccessAction)
    flavors, flavor = request.app[FLAVORS], find_flavor(request)
    if action.add is not None:
        if flavor.is_public:
            raise PublicFlavor
        flavor = flavors.add_access(flavor, action.add.tenant)
    elif action.remove is not None:
        flavor = flavors.remove_access(flavor, action.remove.tenant)
    else:
        raise BadRequest("Invalid input: the action is neither addTenantAccess nor removeTenantAccess.")
    return json_response(_access(flavor))


def _access(flavor: Flavor) -> dict[str, Any]:
    return {"flavor_access": [{"flavor_id": flavor.id, "tenant_id": project} for project in sorted(flavor.projects)]}


FLAVOR_ACCESS_ROUTES = (
    web.post("/v2.1/flavors/{flavor_id}/action", change_access),
    web.get("/v2.1/flavors/{flavor_id}/os-flavor-access", list_access),
)

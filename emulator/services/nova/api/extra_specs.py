"""`/flavors/{id}/os-extra_specs`. Extra specs are stored and shown; the scheduler ignores them."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from aiohttp import web

from emulator.runtime.errors import BadRequest, NotFound
from emulator.runtime.http_server import json_response, read_json
from emulator.services.nova.api.flavors import find_flavor
from emulator.services.nova.api.policy import require_admin
from emulator.services.nova.objects.flavor import FLAVORS, Flavor

__all__ = ["EXTRA_SPEC_ROUTES"]

Key = Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9_:. -]*$")]
Value = Annotated[str, msgspec.Meta(max_length=255)]


class ExtraSpecs(msgspec.Struct):
    """The body of `POST /flavors/{id}/os-extra_specs`."""

    extra_specs: dict[Key, Value]


async def list_extra_specs(request: web.Request) -> web.Response:
    """Show a flavor's extra specs."""
    return json_response({"extra_specs": find_flavor(request).extra_specs})


async def show_extra_spec(request: web.Request) -> web.Response:
    """Show one extra spec."""
    flavor, key = find_flavor(request), request.match_info["key"]
    _check_key(flavor, key)
    return json_response({key: flavor.extra_specs[key]})


@require_admin("os-flavor-extra-specs:create")
async def create_extra_specs(request: web.Request) -> web.Response:
    """Add extra specs to a flavor, or replace those of the same key."""
    added = (await read_json(request, ExtraSpecs)).extra_specs
    flavor = find_flavor(request)
    request.app[FLAVORS].set_extra_specs(flavor, {**flavor.extra_specs, **added})
    return json_response({"extra_specs": added})


@require_admin("os-flavor-extra-specs:update")
async def update_extra_spec(request: web.Request) -> web.Response:
    """Change one extra spec."""
    changed: Mapping[str, str] = await read_json(request, dict[Key, Value])
    flavor, key = find_flavor(request), request.match_info["key"]
    if set(changed) != {key}:
        raise BadRequest("Request body and URI mismatch: Expected one extra spec, the one that the URI names.")
    request.app[FLAVORS].set_extra_specs(flavor, {**flavor.extra_specs, **changed})
    return json_response(changed)


@require_admin("os-flavor-extra-specs:delete")
async def delete_extra_spec(request: web.Request) -> web.Response:
    """Delete one extra spec."""
    flavor, key = find_flavor(request), request.match_info["key"]
    _check_key(flavor, key)
    remaining = {name: value for name, value in flavor.extra_specs.items() if name != key}
    request.app[FLAVORS].set_extra_specs(flavor, remaining)
    return web.Response()


def _check_key(flavor: Flavor, key: str) -> None:
    if key not in flavor.extra_specs:
        raise NotFound(f"Flavor {flavor.id} has no extra specs with key {key}.")


EXTRA_SPEC_ROUTES = (
    web.get("/v2.1/flavors/{flavor_id}/os-extra_specs", list_extra_specs),
    web.post("/v2.1/flavors/{flavor_id}/os-extra_specs", create_extra_specs),
    web.get("/v2.1/flavors/{flavor_id}/os-extra_specs/{key}", show_extra_spec),
    web.put("/v2.1/flavors/{flavor_id}/os-extra_specs/{key}", update_extra_spec),
    web.delete("/v2.1/flavors/{flavor_id}/os-extra_specs/{key}", delete_extra_spec),
)

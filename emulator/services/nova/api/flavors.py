"""`/flavors`: users list the flavors that they may use, admins create, change and delete flavors."""

from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from aiohttp import web

from emulator.runtime.errors import BadRequest, NotFound
from emulator.runtime.http_server import IDENTITY, json_response, read_json
from emulator.runtime.request_context import current_request
from emulator.runtime.service import SERVICE_CONTEXT
from emulator.services.auth.fernet_tokens import Identity
from emulator.services.nova.api.links import links_to
from emulator.services.nova.api.microversions import microversion
from emulator.services.nova.api.policy import require_admin
from emulator.services.nova.objects.flavor import FLAVORS, Flavor
from emulator.services.oslo.pagination import page
from emulator.services.oslo.strutils import bool_from_query

__all__ = ["FLAVOR_ROUTES", "find_flavor"]

DESCRIPTION_SINCE, EXTRA_SPECS_SINCE, NUMERIC_SWAP_SINCE, UPDATE_SINCE = (2, 55), (2, 61), (2, 75), (2, 55)

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=r"^\S(.*\S)?$")]
Amount = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
Factor = Annotated[float, msgspec.Meta(gt=0, le=3.40282e38)]  # nova's SQL_SP_FLOAT_MAX

SORT_KEYS: Mapping[str, Callable[[Flavor], str | float]] = {
    "flavorid": lambda flavor: flavor.id,
    "name": lambda flavor: flavor.name,
    "memory_mb": lambda flavor: flavor.ram_mb,
    "vcpus": lambda flavor: flavor.vcpus,
    "root_gb": lambda flavor: flavor.disk_gb,
    "ephemeral_gb": lambda flavor: flavor.ephemeral_gb,
    "swap": lambda flavor: flavor.swap_mb,
    "rxtx_factor": lambda flavor: flavor.rxtx_factor,
    "is_public": lambda flavor: flavor.is_public,
    **dict.fromkeys(("id", "created_at", "updated_at", "disabled", "vcpu_weight"), lambda _: 0),
}
"""Nova's sort keys. Flavors have no values for the last five, which keep the order of their creation."""


class NewFlavor(msgspec.Struct):
    """A flavor to create. Without an id, or with `auto`, it gets a UUID."""

    name: Name
    ram: Positive
    vcpus: Positive
    disk: Amount
    id: Name | int | None = None
    ephemeral: Amount = msgspec.field(name="OS-FLV-EXT-DATA:ephemeral", default=0)
    swap: Amount = 0
    rxtx_factor: Factor = 1.0
    is_public: bool = msgspec.field(name="os-flavor-access:is_public", default=True)
    description: Annotated[str, msgspec.Meta(max_length=65535)] | None = None


class CreateFlavor(msgspec.Struct):
    """The body of `POST /flavors`."""

    flavor: NewFlavor


class FlavorChanges(msgspec.Struct):
    """The part of a flavor that can be changed."""

    description: Annotated[str, msgspec.Meta(max_length=65535)] | None


class UpdateFlavor(msgspec.Struct):
    """The body of `PUT /flavors/{id}`."""

    flavor: FlavorChanges


async def list_flavors(request: web.Request) -> web.Response:
    """List flavors with ids and names only."""
    version, shown = microversion(request), page(request, _sorted(request), lambda flavor: flavor.id)
    listed = [
        {
            "id": flavor.id,
            "name": flavor.name,
            "links": links_to(request, "flavors", flavor.id),
            **({"description": flavor.description} if version >= DESCRIPTION_SINCE else {}),
        }
        for flavor in shown.items
    ]
    return json_response({"flavors": listed, **shown.links("flavors")})


async def list_flavors_in_detail(request: web.Request) -> web.Response:
    """List flavors with all details."""
    shown = page(request, _sorted(request), lambda flavor: flavor.id)
    return json_response({"flavors": [_describe(request, flavor) for flavor in shown.items], **shown.links("flavors")})


def _sorted(request: web.Request) -> list[Flavor]:
    """Return the requested flavors in the requested order, by default in the order of their creation."""
    flavors, query = list(_filtered(request)), request.query
    key, direction = query.get("sort_key", "flavorid"), query.get("sort_dir", "asc").lower()
    if key not in SORT_KEYS:
        raise BadRequest(f"Invalid input for query parameter sort_key: {key!r}: Sort key supplied is invalid.")
    if direction not in {"asc", "desc"}:
        raise BadRequest(f"Invalid input for query parameter sort_dir: {direction!r} is neither asc nor desc.")
    if "sort_key" in query or "sort_dir" in query:
        flavors.sort(key=SORT_KEYS[key], reverse=direction == "desc")
    return flavors


def _filtered(request: web.Request) -> Iterator[Flavor]:
    """Yield the flavors that pass the query's filters. Only admins can filter by `is_public`."""
    user: Identity = request[IDENTITY]
    public = _is_public(request) if user.is_admin else None
    ram, disk = _minimum(request, "minRam"), _minimum(request, "minDisk")
    for flavor in request.app[FLAVORS].visible_to(user):
        if public in {None, flavor.is_public} and flavor.ram_mb >= ram and flavor.disk_gb >= disk:
            yield flavor


def _is_public(request: web.Request) -> bool | None:
    """Return the query's `is_public`; None, which the query spells `none`, means both."""
    value = request.query.get("is_public", "true").lower()
    return None if value == "none" else bool_from_query("is_public", value)


def _minimum(request: web.Request, key: str) -> int:
    value = request.query.get(key, "0")
    if not (value.isascii() and value.isdigit()):
        raise BadRequest(f"Invalid {key} filter [{value}]")
    return int(value[:12])  # int() raises ValueError for more than 4300 digits; 12 are more than any flavor needs


async def show_flavor(request: web.Request) -> web.Response:
    """Show a flavor."""
    return json_response({"flavor": _describe(request, find_flavor(request))})


def find_flavor(request: web.Request) -> Flavor:
    """Return the flavor in the path. Raises FlavorNotFound."""
    return request.app[FLAVORS].find(request.match_info["flavor_id"], request[IDENTITY])


def _describe(request: web.Request, flavor: Flavor) -> dict[str, Any]:
    version = microversion(request)
    described: dict[str, Any] = {
        "id": flavor.id,
        "name": flavor.name,
        "ram": flavor.ram_mb,
        "vcpus": flavor.vcpus,
        "disk": flavor.disk_gb,
        "swap": flavor.swap_mb if flavor.swap_mb or version >= NUMERIC_SWAP_SINCE else "",
        "rxtx_factor": flavor.rxtx_factor,
        "OS-FLV-EXT-DATA:ephemeral": flavor.ephemeral_gb,
        "OS-FLV-DISABLED:disabled": False,
        "os-flavor-access:is_public": flavor.is_public,
        "links": links_to(request, "flavors", flavor.id),
    }
    if version >= DESCRIPTION_SINCE:
        described["description"] = flavor.description
    if version >= EXTRA_SPECS_SINCE:
        described["extra_specs"] = flavor.extra_specs
    return described


@require_admin("os-flavor-manage:create")
async def create_flavor(request: web.Request) -> web.Response:
    """Create a flavor."""
    new = (await read_json(request, CreateFlavor, strict=False)).flavor
    flavor = Flavor(
        _new_id(request) if new.id in {None, "auto"} else str(new.id),
        new.name,
        new.ram,
        new.vcpus,
        new.disk,
        new.ephemeral,
        new.swap,
        new.rxtx_factor,
        new.is_public,
        new.description if microversion(request) >= DESCRIPTION_SINCE else None,
    )
    request.app[FLAVORS].add(flavor)
    return json_response({"flavor": _describe(request, flavor)})


def _new_id(request: web.Request) -> str:
    return request.app[SERVICE_CONTEXT].rng.uuid("flavor", current_request().request_id)


@require_admin("os-flavor-manage:update")
async def update_flavor(request: web.Request) -> web.Response:
    """Change a flavor's description."""
    if microversion(request) < UPDATE_SINCE:
        raise NotFound("The resource could not be found.")
    changes = (await read_json(request, UpdateFlavor)).flavor
    flavor = request.app[FLAVORS].set_description(find_flavor(request), changes.description)
    return json_response({"flavor": _describe(request, flavor)})


@require_admin("os-flavor-manage:delete")
async def delete_flavor(request: web.Request) -> web.Response:
    """Delete a flavor. Servers that were built with it keep a copy."""
    request.app[FLAVORS].remove(find_flavor(request))
    return web.Response(status=HTTPStatus.ACCEPTED)


FLAVOR_ROUTES = (
    web.get("/v2.1/flavors", list_flavors),
    web.post("/v2.1/flavors", create_flavor),
    web.get("/v2.1/flavors/detail", list_flavors_in_detail),
    web.get("/v2.1/flavors/{flavor_id}", show_flavor),
    web.put("/v2.1/flavors/{flavor_id}", update_flavor),
    web.delete("/v2.1/flavors/{flavor_id}", delete_flavor),
)

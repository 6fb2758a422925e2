"""Nova's daemons and availability zones in the API: `/os-services` and `/os-availability-zone`."""

from collections.abc import Iterator
from typing import Any

from aiohttp import web

from emulator.runtime.errors import BadRequest, NotFound
from emulator.runtime.http_server import json_response
from emulator.services.nova.api.hosts import Daemon, daemons, stable_id
from emulator.services.nova.api.microversions import microversion
from emulator.services.nova.api.policy import require_admin
from emulator.services.nova.field_types import ZONE
from emulator.services.oslo.timeutils import isotime_without_zone
from emulator.services.oslo.uuidutils import is_uuid

__all__ = ["COMPUTE_SERVICE_ROUTES"]

FORCED_DOWN_SINCE, IDS_SINCE = (2, 11), (2, 53)


class CannotBeDisabled(BadRequest):
    """Services cannot be enabled or disabled in the emulator: a host accepts servers as long as it reports."""

    error_type = "nova.CannotBeDisabled"

    def __init__(self) -> None:
        super().__init__(
            "Services cannot be enabled, disabled or forced down: a host accepts servers as long as it reports."
        )


class ServiceNotFound(NotFound):
    """No daemon has this id."""

    error_type = "nova.ServiceNotFound"

    def __init__(self, service_id: str) -> None:
        super().__init__(f"Service {service_id} could not be found.")


@require_admin("os-services:list")
async def list_services(request: web.Request) -> web.Response:
    """List the scheduler and all compute hosts, filtered by the query's `binary` and `host`."""
    filters = {key: request.query[key] for key in ("binary", "host") if key in request.query}
    matching = [
        daemon
        for daemon in await daemons(request.app)
        if all(getattr(daemon, key) == value for key, value in filters.items())
    ]
    return json_response({"services": [_describe(request, daemon) for daemon in matching]})


def _describe(request: web.Request, daemon: Daemon) -> dict[str, Any]:
    version = microversion(request)
    described = {
        "id": stable_id(daemon.binary, daemon.host, daemon.number, version),
        "binary": daemon.binary,
        "host": daemon.host,
        "zone": daemon.zone,
        "status": "enabled",
        "state": "up" if daemon.up else "down",
        "updated_at": isotime_without_zone(daemon.updated),
        "disabled_reason": None,
    }
    return {**described, "forced_down": False} if version >= FORCED_DOWN_SINCE else described


@require_admin("os-services:update")
async def update_service(request: web.Request) -> web.Response:
    """Refuse to enable, disable or force down a daemon."""
    if microversion(request) >= IDS_SINCE:
        await _check_id(request, request.match_info["service"])
    raise CannotBeDisabled


async def _check_id(request: web.Request, service_id: str) -> None:
    if not is_uuid(service_id):
        raise BadRequest(f"Invalid uuid {service_id}")
    version = microversion(request)
    if all(
        stable_id(each.binary, each.host, each.number, version) != service_id for each in await daemons(request.app)
    ):
        raise ServiceNotFound(service_id)


async def list_zones(request: web.Request) -> web.Response:
    """List the zones that a server can be built in: ZONE, if there are hosts."""
    return json_response({"availabilityZoneInfo": list(_zones(await daemons(request.app), detail=False))})


@require_admin("os-availability-zone:detail")
async def list_zones_in_detail(request: web.Request) -> web.Response:
    """List all zones with their daemons."""
    return json_response({"availabilityZoneInfo": list(_zones(await daemons(request.app), detail=True))})


def _zones(every: list[Daemon], *, detail: bool) -> Iterator[dict[str, Any]]:
    for zone in sorted({daemon.zone for daemon in every}):
        hosts = {daemon.host: {daemon.binary: _state(daemon)} for daemon in every if daemon.zone == zone}
        if detail or zone == ZONE:
            yield {"zoneName": zone, "zoneState": {"available": True}, "hosts": hosts if detail else None}


def _state(daemon: Daemon) -> dict[str, Any]:
    return {"active": True, "available": daemon.up, "updated_at": isotime_without_zone(daemon.updated)}


COMPUTE_SERVICE_ROUTES = (
    web.get("/v2.1/os-services", list_services),
    web.put("/v2.1/os-services/{service}", update_service),  # an id, or before 2.53 `enable`, `disable` …
    web.get("/v2.1/os-availability-zone", list_zones),
    web.get("/v2.1/os-availability-zone/detail", list_zones_in_detail),
)

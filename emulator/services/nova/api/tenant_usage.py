"""`/os-simple-tenant-usage`: how many hours projects have used servers, including recently deleted ones."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from emulator.runtime.errors import BadRequest
from emulator.runtime.http_server import json_response
from emulator.services.nova.api.policy import check_project_access, require_admin
from emulator.services.nova.objects.server import SERVERS, Lifetime
from emulator.services.oslo.timeutils import isotime_without_zone, parse_isotime

__all__ = ["USAGE_ROUTES"]

DEFAULT_PERIOD = timedelta(weeks=4)

Period = tuple[datetime, datetime]


@require_admin("os-simple-tenant-usage:list")
async def list_usages(request: web.Request) -> web.Response:
    """Show the usage of every project between the query's `start` and `end`."""
    period = _period(request)
    lifetimes = list(_within(request.app[SERVERS].lifetimes(), period))
    detailed = request.query.get("detailed") == "1"
    projects = sorted({lifetime.project_id for lifetime in lifetimes})
    usages = [_sum(project, lifetimes, period, detailed=detailed) for project in projects]
    return json_response({"tenant_usages": usages})


async def show_usage(request: web.Request) -> web.Response:
    """Show the usage of one project between the query's `start` and `end`, with its servers."""
    project_id, period = request.match_info["project_id"], _period(request)
    check_project_access(request, project_id, "os-simple-tenant-usage:show")
    lifetimes = list(_within(request.app[SERVERS].lifetimes(), period))
    if all(lifetime.project_id != project_id for lifetime in lifetimes):
        return json_response({"tenant_usage": {}})
    return json_response({"tenant_usage": _sum(project_id, lifetimes, period, detailed=True)})


def _period(request: web.Request) -> Period:
    now = datetime.now(UTC)
    start, end = _time(request, "start", now - DEFAULT_PERIOD), _time(request, "end", now)
    if start > end:
        raise BadRequest("Invalid start time. The start time cannot occur after the end time.")
    return start, end


def _time(request: web.Request, key: str, default: datetime) -> datetime:
    value = request.query.get(key)
    return parse_isotime(key, value) if value else default


def _within(lifetimes: Iterable[Lifetime], period: Period) -> Iterator[Lifetime]:
    start, end = period
    return (each for each in lifetimes if each.launched_at < end and (each.terminated_at or end) > start)


def _sum(project_id: str, lifetimes: Iterable[Lifetime], period: Period, *, detailed: bool) -> dict[str, Any]:
    own = [lifetime for lifetime in lifetimes if lifetime.project_id == project_id]
    hours = [(each.flavor, _hours(each, period)) for each in own]
    summed: dict[str, Any] = {
        "tenant_id": project_id,
        "start": isotime_without_zone(period[0]),
        "stop": isotime_without_zone(period[1]),
        "total_hours": sum(each for _, each in hours),
        "total_vcpus_usage": sum(flavor.vcpus * each for flavor, each in hours),
        "total_memory_mb_usage": sum(flavor.ram_mb * each for flavor, each in hours),
        "total_local_gb_usage": sum((flavor.disk_gb + flavor.ephemeral_gb) * each for flavor, each in hours),
    }
    return {**summed, "server_usages": [_describe(each, period) for each in own]} if detailed else summed


def _describe(lifetime: Lifetime, period: Period) -> dict[str, Any]:
    ended, flavor = lifetime.terminated_at, lifetime.flavor
    return {
        "instance_id": lifetime.server_id,
        "name": lifetime.name,
        "tenant_id": lifetime.project_id,
        "state": "active" if ended is None else "terminated",
        "hours": _hours(lifetime, period),
        "uptime": int(((ended or datetime.now(UTC)) - lifetime.launched_at).total_seconds()),
        "started_at": isotime_without_zone(lifetime.launched_at),
        "ended_at": None if ended is None else isotime_without_zone(ended),
        "flavor": flavor.name,
        "vcpus": flavor.vcpus,
        "memory_mb": flavor.ram_mb,
        "local_gb": flavor.disk_gb + flavor.ephemeral_gb,
    }


def _hours(lifetime: Lifetime, period: Period) -> float:
    begin, end = max(lifetime.launched_at, period[0]), min(lifetime.terminated_at or period[1], period[1])
    return (end - begin).total_seconds() / 3600


USAGE_ROUTES = (
    web.get("/v2.1/os-simple-tenant-usage", list_usages),
    web.get("/v2.1/os-simple-tenant-usage/{project_id}", show_usage),
)

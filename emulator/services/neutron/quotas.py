"""Quotas: how many networks, ports, floating IPs … a project may have.

Source: https://docs.openstack.org/api-ref/network/v2/#quotas-extension-quotas
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web
from msgspec import Struct

from emulator.runtime.errors import BadRequest, Conflict
from emulator.runtime.http_server import IDENTITY, json_response, read_json
from emulator.services.neutron.database import DATABASE, Database
from emulator.services.neutron.models import Record
from emulator.services.neutron.policy import not_authorized

__all__ = ["QUOTA_ROUTES", "check_quota"]

DEFAULT = {
    "network": 100,
    "subnet": 100,
    "port": 500,
    "router": 10,
    "floatingip": 50,
    "security_group": 10,
    "security_group_rule": 100,
    "rbac_policy": 10,
    "subnetpool": -1,
}
"""Neutron's default quotas; -1 means unlimited."""


class OverQuota(Conflict):
    """The project has used up its quota of a resource."""

    error_type = "neutron.OverQuota"

    def __init__(self, resource: str) -> None:
        super().__init__(f"Quota exceeded for resources: ['{resource}'].")


class QuotaBody(Struct):
    """The body of a request that updates quotas."""

    quota: dict[str, Any]


def check_quota(database: Database, project_id: str, resource: str) -> None:
    """Raise OverQuota if a project cannot have one more of a resource."""
    limit = _limits(database, project_id)[resource]
    if 0 <= limit <= _used(database, project_id, resource):
        raise OverQuota(resource)


async def list_quotas(request: web.Request) -> web.Response:
    """List the projects whose quotas differ from the default."""
    if not request[IDENTITY].is_admin:
        raise not_authorized("get_quota")
    database = request.app[DATABASE]
    return json_response({"quotas": [_describe(database, project_id) for project_id in database.limits]})


async def show_quota(request: web.Request) -> web.Response:
    """Show a project's quotas."""
    return json_response({"quota": _describe(request.app[DATABASE], _readable_project(request))})


async def show_default_quota(request: web.Request) -> web.Response:
    """Show the default quotas."""
    project_id = _readable_project(request)
    return json_response({"quota": {"project_id": project_id, "tenant_id": project_id, **DEFAULT}})


async def show_quota_in_detail(request: web.Request) -> web.Response:
    """Show the quotas of a project, and how much of them it uses."""
    database, project_id = request.app[DATABASE], _readable_project(request)
    detail = {
        resource: {"limit": limit, "used": _used(database, project_id, resource), "reserved": 0}
        for resource, limit in _limits(database, project_id).items()
    }
    return json_response({"quota": detail})


async def update_quota(request: web.Request) -> web.Response:
    """Set some of a project's quotas."""
    if not request[IDENTITY].is_admin:
        raise not_authorized("update_quota")
    requested = (await read_json(request, QuotaBody)).quota
    limits = {resource: limit for resource, limit in requested.items() if resource in DEFAULT}
    _check(limits)
    database, project_id = request.app[DATABASE], request.match_info["project_id"]
    database.limits.setdefault(project_id, {}).update({resource: int(limit) for resource, limit in limits.items()})
    return json_response({"quota": _describe(database, project_id)})


async def delete_quota(request: web.Request) -> web.Response:
    """Reset the quotas of a project to the default."""
    if not request[IDENTITY].is_admin:
        raise not_authorized("delete_quota")
    request.app[DATABASE].limits.pop(request.match_info["project_id"], None)
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _check(limits: Mapping[str, Any]) -> None:
    for resource, limit in limits.items():
        if isinstance(limit, bool) or not isinstance(limit, int) or not -1 <= limit < 2**31:
            raise BadRequest(f"Invalid input for {resource}. Reason: '{limit}' is not an integer of -1 or more.")


def _readable_project(request: web.Request) -> str:
    project_id = request.match_info["project_id"]
    if not request[IDENTITY].sees_all and project_id != request[IDENTITY].project_id:
        raise not_authorized("get_quota")
    return project_id


def _describe(database: Database, project_id: str) -> dict[str, Any]:
    return {"project_id": project_id, "tenant_id": project_id, **_limits(database, project_id)}


def _limits(database: Database, project_id: str) -> dict[str, int]:
    return {**DEFAULT, **database.limits.get(project_id, {})}


def _used(database: Database, project_id: str, resource: str) -> int:
    groups = database.security_groups
    records: dict[str, Mapping[str, Record]] = {
        "network": database.networks,
        "subnet": database.subnets,
        "port": database.ports,
        "floatingip": database.floating_ips,
        "security_group": groups,
        "security_group_rule": {rule.id: rule for group in groups.values() for rule in group.rules.values()},
    }
    return sum(record.project_id == project_id for record in records.get(resource, {}).values())


QUOTA_ROUTES = (
    web.get("/v2.0/quotas", list_quotas),
    web.get("/v2.0/quotas/{project_id}", show_quota),
    web.get("/v2.0/quotas/{project_id}/default", show_default_quota),
    web.get("/v2.0/quotas/{project_id}/details.json", show_quota_in_detail),
    web.get("/v2.0/quotas/{project_id}/details", show_quota_in_detail),
    web.put("/v2.0/quotas/{project_id}", update_quota),
    web.delete("/v2.0/quotas/{project_id}", delete_quota),
)

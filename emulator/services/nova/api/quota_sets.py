"""`/limits` and `/os-quota-sets`: the quotas of a project and their usage. Admins can change the quotas."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from aiohttp import web

from emulator.runtime.errors import BadRequest
from emulator.runtime.http_server import IDENTITY, json_response, read_json
from emulator.services.auth.fernet_tokens import Identity
from emulator.services.nova.api.microversions import Microversion, microversion
from emulator.services.nova.api.policy import check_project_access, require_admin
from emulator.services.nova.objects.keypair import KEYPAIRS
from emulator.services.nova.objects.quotas import DEFAULTS, QUOTAS, usage
from emulator.services.nova.objects.server import SERVERS

__all__ = ["QUOTA_ROUTES"]

REMOVED_SINCE = {
    (2, 36): ("fixed_ips", "floating_ips", "security_groups", "security_group_rules"),
    (2, 57): ("injected_files", "injected_file_content_bytes", "injected_file_path_bytes"),
}
"""The quotas that a microversion removed."""

LIMITS = {
    "maxTotalInstances": "instances",
    "maxTotalCores": "cores",
    "maxTotalRAMSize": "ram",
    "maxTotalKeypairs": "key_pairs",
    "maxServerMeta": "metadata_items",
    "maxImageMeta": "metadata_items",
    "maxServerGroups": "server_groups",
    "maxServerGroupMembers": "server_group_members",
    "maxPersonality": "injected_files",
    "maxPersonalitySize": "injected_file_content_bytes",
    "maxTotalFloatingIps": "floating_ips",
    "maxSecurityGroups": "security_groups",
    "maxSecurityGroupRules": "security_group_rules",
}
"""The names of the quotas in `/limits`."""

USED = {"totalInstancesUsed": "instances", "totalCoresUsed": "cores", "totalRAMUsed": "ram"}

Limit = Annotated[int, msgspec.Meta(ge=-1, le=2**31 - 1)] | msgspec.UnsetType


class QuotaSet(msgspec.Struct, forbid_unknown_fields=True):
    """Quotas to change; with `force` they may be lower than what is in use."""

    force: bool = False
    instances: Limit = msgspec.UNSET
    cores: Limit = msgspec.UNSET
    ram: Limit = msgspec.UNSET
    key_pairs: Limit = msgspec.UNSET
    metadata_items: Limit = msgspec.UNSET
    server_groups: Limit = msgspec.UNSET
    server_group_members: Limit = msgspec.UNSET
    injected_files: Limit = msgspec.UNSET
    injected_file_content_bytes: Limit = msgspec.UNSET
    injected_file_path_bytes: Limit = msgspec.UNSET
    floating_ips: Limit = msgspec.UNSET
    fixed_ips: Limit = msgspec.UNSET
    security_groups: Limit = msgspec.UNSET
    security_group_rules: Limit = msgspec.UNSET


class UpdateQuotas(msgspec.Struct):
    """The body of `PUT /os-quota-sets/{project}`."""

    quota_set: QuotaSet


async def show_limits(request: web.Request) -> web.Response:
    """Show the limits and the usage of the caller's project; to admins those of any project."""
    user: Identity = request[IDENTITY]
    project_id = request.query.get("tenant_id", user.project_id)
    check_project_access(request, project_id, "limits:other_project")
    version, limits, used = (
        microversion(request),
        request.app[QUOTAS].of_project(project_id),
        _used(request, project_id),
    )
    names = {*_names(version)}
    absolute = {
        key: limits[name]
        for key, name in LIMITS.items()
        if name in names and (key != "maxImageMeta" or version < (2, 39))
    }
    absolute |= {key: used[name] for key, name in USED.items()}
    absolute["totalServerGroupsUsed"] = 0
    if version < (2, 36):
        absolute |= {"totalFloatingIpsUsed": 0, "totalSecurityGroupsUsed": 0}
    return json_response({"limits": {"rate": [], "absolute": absolute}})


def _names(version: Microversion) -> Iterator[str]:
    removed = {name for since, names in REMOVED_SINCE.items() if version >= since for name in names}
    return (name for name in DEFAULTS if name not in removed)


def _used(request: web.Request, project_id: str) -> dict[str, int]:
    used = usage(request.app[SERVERS].of_project(project_id))
    return {**dict.fromkeys(DEFAULTS, 0), **used}


async def show_quotas(request: web.Request) -> web.Response:
    """Show a project's quotas."""
    project_id = request.match_info["project_id"]
    check_project_access(request, project_id, "os-quota-sets:show")
    return _quota_response(request, request.app[QUOTAS].of_project(project_id), id=project_id)


async def show_default_quotas(request: web.Request) -> web.Response:
    """Show the default quotas."""
    return _quota_response(request, dict(DEFAULTS), id=request.match_info["project_id"])


async def show_quotas_in_detail(request: web.Request) -> web.Response:
    """Show a project's quotas, each with its usage."""
    project_id = request.match_info["project_id"]
    check_project_access(request, project_id, "os-quota-sets:detail")
    limits, used = request.app[QUOTAS].of_project(project_id), _used(request, project_id)
    if (user := request[IDENTITY]).project_id == project_id:
        used["key_pairs"] = len(request.app[KEYPAIRS].of_user(user.user_id))
    detail = {name: {"limit": limits[name], "in_use": used[name], "reserved": 0} for name in limits}
    return _quota_response(request, detail, id=project_id)


@require_admin("os-quota-sets:update")
async def update_quotas(request: web.Request) -> web.Response:
    """Change a project's quotas. A quota below its usage is refused unless forced."""
    project_id = request.match_info["project_id"]
    body = (await read_json(request, UpdateQuotas, strict=False)).quota_set
    changes = {name: limit for name in DEFAULTS if (limit := getattr(body, name)) is not msgspec.UNSET}
    if removed := changes.keys() - set(_names(microversion(request))):
        raise BadRequest(f"Invalid input for field quota_set.{min(removed)}: this microversion has no such quota.")
    used = _used(request, project_id)
    for name, limit in changes.items():
        if 0 <= limit < used[name] and not body.force:
            raise BadRequest(
                f"Quota limit {limit} for {name} must be greater than or equal to already used and reserved "
                f"{used[name]}."
            )
    request.app[QUOTAS].set(project_id, changes)
    return _quota_response(request, request.app[QUOTAS].of_project(project_id))


@require_admin("os-quota-sets:delete")
async def delete_quotas(request: web.Request) -> web.Response:
    """Restore a project's initial quotas."""
    request.app[QUOTAS].reset(request.match_info["project_id"])
    return web.Response(status=HTTPStatus.ACCEPTED)


def _quota_response(request: web.Request, quotas: dict[str, Any], **more: str) -> web.Response:
    return json_response({"quota_set": {**more, **{name: quotas[name] for name in _names(microversion(request))}}})


QUOTA_ROUTES = (
    web.get("/v2.1/limits", show_limits),
    web.get("/v2.1/os-quota-sets/{project_id}", show_quotas),
    web.put("/v2.1/os-quota-sets/{project_id}", update_quotas),
    web.delete("/v2.1/os-quota-sets/{project_id}", delete_quotas),
    web.get("/v2.1/os-quota-sets/{project_id}/defaults", show_default_quotas),
    web.get("/v2.1/os-quota-sets/{project_id}/detail", show_quotas_in_detail),
)

"""Security groups over HTTP: list, show, create, update and delete them.

Source: https://docs.openstack.org/api-ref/network/v2/#security-groups-security-groups
"""

from http import HTTPStatus
from typing import Any

from aiohttp import web
from msgspec import UNSET, Struct, UnsetType

from emulator.runtime.errors import Conflict
from emulator.runtime.http_server import IDENTITY, read_json
from emulator.services.neutron.creation import creates
from emulator.services.neutron.database import DATABASE
from emulator.services.neutron.listing import answer_list, answer_one
from emulator.services.neutron.policy import project_for
from emulator.services.neutron.quotas import check_quota
from emulator.services.neutron.request_bodies import (
    apply_attributes,
    check_read_only,
    new_id,
    read_attributes,
    required,
)
from emulator.services.neutron.security_group_models import SecurityGroup
from emulator.services.neutron.security_groups.defaults import default_group, find_group, groups_for, with_egress_rules
from emulator.services.neutron.security_groups.rules import SECURITY_GROUP_RULE_ROUTES
from emulator.services.neutron.server_notifications import notify_servers, server_of

__all__ = ["SECURITY_GROUP_ROUTES"]

RECORD_FIELDS = {name: name for name in ("name", "description", "stateful")}
READ_ONLY = ("project_id", "tenant_id")


class SecurityGroupDefaultAlreadyExists(Conflict):
    """A project has one group called `default`. No other can be created or renamed to that."""

    error_type = "neutron.SecurityGroupDefaultAlreadyExists"

    def __init__(self) -> None:
        super().__init__("Default security group already exists.")


class SecurityGroupCannotUpdateDefault(Conflict):
    """The group `default` cannot be renamed."""

    error_type = "neutron.SecurityGroupCannotUpdateDefault"

    def __init__(self) -> None:
        super().__init__("Updating default security group not allowed.")


class SecurityGroupCannotRemoveDefault(Conflict):
    """Only admins can delete the group `default`."""

    error_type = "neutron.SecurityGroupCannotRemoveDefault"

    def __init__(self) -> None:
        super().__init__("Insufficient rights for removing default security group.")


class SecurityGroupInUse(Conflict):
    """Ports have the group."""

    error_type = "neutron.SecurityGroupInUse"

    def __init__(self, group_id: str) -> None:
        super().__init__(f"Security Group {group_id} in use.")


class SecurityGroupAttributes(Struct):
    """The attributes of a security group in a request."""

    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    stateful: bool | UnsetType = UNSET
    project_id: str | UnsetType = UNSET
    tenant_id: str | UnsetType = UNSET


class SecurityGroupBody(Struct):
    """The body of a request that updates a security group."""

    security_group: SecurityGroupAttributes


async def list_groups(request: web.Request) -> web.Response:
    """List the security groups that the caller may see."""
    groups = groups_for(request.app[DATABASE], request[IDENTITY])
    return answer_list(request, "security_groups", (group.describe() for group in groups))


async def show_group(request: web.Request) -> web.Response:
    """Show a security group."""
    return answer_one(request, "security_group", _find(request).describe())


def create_group(request: web.Request, body: SecurityGroupAttributes) -> dict[str, Any]:
    """Create a security group, which allows all egress and no ingress, and describe it."""
    attributes = read_attributes(body)
    database, caller = request.app[DATABASE], request[IDENTITY]
    project_id = project_for(caller, attributes)
    _check_not_default(required(attributes, "name"))
    check_quota(database, project_id, "security_group")
    group_id = new_id(request, "security-group")
    group = with_egress_rules(SecurityGroup(group_id, "", project_id))
    apply_attributes(group, attributes, RECORD_FIELDS)
    database.security_groups[group.id] = group
    return group.describe()


async def update_group(request: web.Request) -> web.Response:
    """Update a security group."""
    attributes = read_attributes((await read_json(request, SecurityGroupBody)).security_group)
    group = _find(request)
    check_read_only(attributes, READ_ONLY)
    _check_not_default(attributes.get("name", ""))
    if group.id == default_group(group.project_id) and "name" in attributes:
        raise SecurityGroupCannotUpdateDefault
    apply_attributes(group, attributes, RECORD_FIELDS)
    group.revision.bump()
    if "name" in attributes:
        ports = request.app[DATABASE].ports.values()
        await notify_servers(request.app, *(server_of(port) for port in ports if group.id in port.security_groups))
    return answer_one(request, "security_group", group.describe())


async def delete_group(request: web.Request) -> web.Response:
    """Delete a security group that no port uses, and the rules of other groups that refer to it."""
    database, group = request.app[DATABASE], _find(request)
    if any(group.id in port.security_groups for port in database.ports.values()):
        raise SecurityGroupInUse(group.id)
    if group.id == default_group(group.project_id) and not request[IDENTITY].is_admin:
        raise SecurityGroupCannotRemoveDefault
    del database.security_groups[group.id]
    for other in database.security_groups.values():
        other.rules = {key: rule for key, rule in other.rules.items() if rule.remote_group_id != group.id}
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _check_not_default(name: str) -> None:
    """Raise SecurityGroupDefaultAlreadyExists if a group cannot be called this: the group `default` exists already."""
    if name.lower() == "default":
        raise SecurityGroupDefaultAlreadyExists


def _remove(request: web.Request, group_id: str) -> None:
    del request.app[DATABASE].security_groups[group_id]


def _find(request: web.Request) -> SecurityGroup:
    return find_group(request.app[DATABASE], request.match_info["group_id"], request[IDENTITY])


SECURITY_GROUP_ROUTES = (
    web.get("/v2.0/security-groups", list_groups),
    web.post("/v2.0/security-groups", creates("security_group", SecurityGroupAttributes, create_group, undo=_remove)),
    web.get("/v2.0/security-groups/{group_id}", show_group),
    web.put("/v2.0/security-groups/{group_id}", update_group),
    web.delete("/v2.0/security-groups/{group_id}", delete_group),
    *SECURITY_GROUP_RULE_ROUTES,
)

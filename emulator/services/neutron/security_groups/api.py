"""Security groups over HTTP: list, show, create, change and delete them."""

from http import HTTPStatus

from aiohttp import web
from msgspec import UNSET, Struct, UnsetType

from emulator.runtime.errors import Conflict
from emulator.runtime.http_server import IDENTITY, read_json
from emulator.runtime.request_context import current_request
from emulator.runtime.service import SERVICE_CONTEXT
from emulator.services.neutron.database import DATABASE
from emulator.services.neutron.listing import answer_list, answer_one
from emulator.services.neutron.policy import check_project
from emulator.services.neutron.quotas import check_quota
from emulator.services.neutron.request_bodies import check_fixed, given, needed, put
from emulator.services.neutron.security_groups.defaults import default_group, find_group, groups_for, outward
from emulator.services.neutron.security_groups.models import SecurityGroup
from emulator.services.neutron.security_groups.rules import SECURITY_GROUP_RULE_ROUTES

__all__ = ["SECURITY_GROUP_ROUTES"]

NAMES = {name: name for name in ("name", "description", "stateful")}
FIXED = ("project_id", "tenant_id")


class SecurityGroupDefaultAlreadyExists(Conflict):
    """Only the group that a project has from the start may be called `default`."""

    error_type = "neutron.SecurityGroupDefaultAlreadyExists"

    def __init__(self) -> None:
        super().__init__("Default security group already exists.")


class SecurityGroupCannotUpdateDefault(Conflict):
    """The group `default` keeps its name."""

    error_type = "neutron.SecurityGroupCannotUpdateDefault"

    def __init__(self) -> None:
        super().__init__("Updating default security group not allowed.")


class SecurityGroupCannotRemoveDefault(Conflict):
    """The group `default` is there to stay, but for admins."""

    error_type = "neutron.SecurityGroupCannotRemoveDefault"

    def __init__(self) -> None:
        super().__init__("Insufficient rights for removing default security group.")


class SecurityGroupInUse(Conflict):
    """Ports are in the group."""

    error_type = "neutron.SecurityGroupInUse"

    def __init__(self, group_id: str) -> None:
        super().__init__(f"Security Group {group_id} in use.")


class SecurityGroupWords(Struct):
    """What a caller may say of a security group."""

    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    stateful: bool | UnsetType = UNSET
    project_id: str | UnsetType = UNSET
    tenant_id: str | UnsetType = UNSET


class SecurityGroupBody(Struct):
    """The body of a request."""

    security_group: SecurityGroupWords


async def list_groups(request: web.Request) -> web.Response:
    """List security groups."""
    groups = groups_for(request.app[DATABASE], request[IDENTITY])
    return answer_list(request, "security_groups", (group.describe() for group in groups))


async def show_group(request: web.Request) -> web.Response:
    """Show a security group."""
    return answer_one(request, "security_group", _find(request).describe())


async def create_group(request: web.Request) -> web.Response:
    """Make a security group, that lets everything out and nothing in."""
    words = given((await read_json(request, SecurityGroupBody)).security_group)
    database, who = request.app[DATABASE], request[IDENTITY]
    project_id = check_project(who, words.get("project_id") or words.get("tenant_id"))
    if needed(words, "name").lower() == "default":
        raise SecurityGroupDefaultAlreadyExists
    check_quota(database, project_id, "security_group")
    group_id = request.app[SERVICE_CONTEXT].rng.uuid("security-group", current_request().request_id)
    group = outward(SecurityGroup(group_id, "", project_id))
    put(group, words, NAMES)
    database.security_groups[group.id] = group
    return answer_one(request, "security_group", group.describe(), HTTPStatus.CREATED)


async def update_group(request: web.Request) -> web.Response:
    """Change what was named."""
    words = given((await read_json(request, SecurityGroupBody)).security_group)
    group = _find(request)
    check_fixed(words, FIXED)
    if group.id == default_group(group.project_id) and words.get("name", group.name) != group.name:
        raise SecurityGroupCannotUpdateDefault
    put(group, words, NAMES)
    group.stamp.touch()
    return answer_one(request, "security_group", group.describe())


async def delete_group(request: web.Request) -> web.Response:
    """Delete a security group that no port is in, and the rules of others that are for its members."""
    database, group = request.app[DATABASE], _find(request)
    if any(group.id in port.security_groups for port in database.ports.values()):
        raise SecurityGroupInUse(group.id)
    if group.id == default_group(group.project_id) and not request[IDENTITY].is_admin:
        raise SecurityGroupCannotRemoveDefault
    del database.security_groups[group.id]
    for other in database.security_groups.values():
        other.rules = {key: rule for key, rule in other.rules.items() if rule.remote_group_id != group.id}
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _find(request: web.Request) -> SecurityGroup:
    return find_group(request.app[DATABASE], request.match_info["group_id"], request[IDENTITY])


SECURITY_GROUP_ROUTES = (
    web.get("/v2.0/security-groups", list_groups),
    web.post("/v2.0/security-groups", create_group),
    web.get("/v2.0/security-groups/{group_id}", show_group),
    web.put("/v2.0/security-groups/{group_id}", update_group),
    web.delete("/v2.0/security-groups/{group_id}", delete_group),
    *SECURITY_GROUP_RULE_ROUTES,
)

"""Grants over HTTP: give a user a role on a project, on the domain or on the system; check, list and take it away.

There are no groups. A new token has the roles that its user has then; earlier tokens keep theirs until they expire.
Source: https://docs.openstack.org/api-ref/identity/v3/#roles
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import NoReturn

from aiohttp import web

from emulator.runtime.errors import NotFound
from emulator.runtime.http_server import IDENTITY
from emulator.services.keystone.authentication import DEFAULT_DOMAIN
from emulator.services.keystone.errors import ForbiddenAction, ResourceNotFound
from emulator.services.keystone.grants import GRANTS, ROLES, SYSTEM, Grant, Target
from emulator.services.keystone.inventory import describe_role
from emulator.services.keystone.resources import list_response
from emulator.services.seed_data import PROJECTS, USERS, hex_id

__all__ = ["GRANT_ROUTES"]

IDS = {
    "project": {project.id for project in PROJECTS},
    "domain": {DEFAULT_DOMAIN["id"]},
    "user": {user.id for user in USERS},
}
ROLE_OF_ID = {hex_id("role", name): name for name in ROLES}


class RoleAssignmentNotFound(NotFound):
    """The user does not have the role there."""

    error_type = "keystone.RoleAssignmentNotFound"

    def __init__(self, grant: Grant) -> None:
        super().__init__(
            f"Could not find role assignment with role: {grant.role_id}, user or group: {grant.user_id}, "
            f"project, domain, or system: {grant.target.id}."
        )


async def create_grant(request: web.Request) -> web.Response:
    """Give a user a role. It is no error if the user has it already."""
    request.app[GRANTS][_grant(request, "create_grant")] = None
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def check_grant(request: web.Request) -> web.Response:
    """Check that a user was given a role. Roles that another one implies are not found."""
    grant = _grant(request, "check_grant")
    if grant not in request.app[GRANTS]:
        raise RoleAssignmentNotFound(grant)
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def revoke_grant(request: web.Request) -> web.Response:
    """Take a role away from a user."""
    grant = _grant(request, "revoke_grant")
    if grant not in request.app[GRANTS]:
        raise RoleAssignmentNotFound(grant)
    del request.app[GRANTS][grant]
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def list_grants(request: web.Request) -> web.Response:
    """List the roles that a user was given."""
    target = _target(request, "list_grants")
    user_id = _known("user", request.match_info["user_id"])
    found = [grant.role for grant in request.app[GRANTS] if (grant.user_id, grant.target) == (user_id, target)]
    return list_response(request, "roles", map(describe_role, found), ("name", "domain_id"))


async def refuse_group(request: web.Request) -> NoReturn:
    """Answer that there is no such group."""
    _target(request, "create_grant")
    raise ResourceNotFound("group", request.match_info["group_id"])


def _grant(request: web.Request, action: str) -> Grant:
    target, role_id = _target(request, action), request.match_info["role_id"]
    if role_id not in ROLE_OF_ID:
        raise ResourceNotFound("role", role_id)
    return Grant(_known("user", request.match_info["user_id"]), target, ROLE_OF_ID[role_id])


def _target(request: web.Request, action: str) -> Target:
    """Return the target in the path. Raises ForbiddenAction for callers that are not admins, ResourceNotFound."""
    found = next((kind for kind in ("project", "domain") if f"{kind}_id" in request.match_info), None)
    if not request[IDENTITY].is_admin:
        raise ForbiddenAction(action if found else f"{action.replace('grant', 'system_grant')}_for_user")
    if found == "project":
        return Target("project", _known("project", request.match_info["project_id"]))
    return SYSTEM if found is None else Target("domain", _known("domain", request.match_info["domain_id"]))


def _known(kind: str, resource_id: str) -> str:
    if resource_id not in IDS[kind]:
        raise ResourceNotFound(kind, resource_id)
    return resource_id


def _routes() -> Iterator[web.RouteDef]:
    for target in ("projects/{project_id}", "domains/{domain_id}", "system"):
        roles = f"/v3/{target}/users/{{user_id}}/roles"
        yield web.get(roles, list_grants)
        yield web.get(f"{roles}/{{role_id}}", check_grant)  # and HEAD, which clients send
        yield web.put(f"{roles}/{{role_id}}", create_grant)
        yield web.delete(f"{roles}/{{role_id}}", revoke_grant)
        yield web.route("*", f"/v3/{target}/groups/{{group_id}}/roles", refuse_group)
        yield web.route("*", f"/v3/{target}/groups/{{group_id}}/roles/{{role_id}}", refuse_group)


GRANT_ROUTES = [*_routes()]

"""Role assignments, the projects of a user, and the catalog and projects of the caller."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiohttp import web

from emulator.runtime.http_server import IDENTITY, json_response
from emulator.services.keystone.authentication import DEFAULT_DOMAIN
from emulator.services.keystone.catalog import CATALOG
from emulator.services.keystone.errors import ForbiddenAction, ResourceNotFound
from emulator.services.keystone.grants import GRANTS, Grant, Target, implied_by, projects_of
from emulator.services.keystone.inventory import describe_project
from emulator.services.keystone.resources import collection_links, list_response
from emulator.services.seed_data import PROJECTS, USERS, Project, User

__all__ = ["ASSIGNMENT_ROUTES"]

SCOPE_FILTERS = {"project": "scope.project.id", "domain": "scope.domain.id", "system": "scope.system"}
FILTERS = ("user.id", "role.id", *SCOPE_FILTERS.values(), "group.id", "scope.OS-INHERIT:inherited_to")
"""The filters of assignments. There are neither groups nor inheritance, so no assignment matches the last two."""


async def show_catalog(request: web.Request) -> web.Response:
    """Show the catalog of the caller's token, which is empty for an unscoped token."""
    catalog = request.app[CATALOG].in_token() if request[IDENTITY].is_scoped else []
    return json_response({"catalog": catalog, "links": collection_links(request)})


async def list_own_projects(request: web.Request) -> web.Response:
    """List the projects that the caller can scope a token to."""
    return _list_projects_of(request, request[IDENTITY].user_id)


async def list_projects_of_user(request: web.Request) -> web.Response:
    """List the projects of a user. Only admins may ask for those of another user."""
    user_id, caller = request.match_info["user_id"], request[IDENTITY]
    if user_id != caller.user_id and not caller.is_admin:
        raise ForbiddenAction("list_user_projects")
    return _list_projects_of(request, user_id)


async def list_role_assignments(request: web.Request) -> web.Response:
    """List who has which role on what. `include_names` adds names to the ids, `effective` the implied roles."""
    if not request[IDENTITY].is_admin:
        raise ForbiddenAction("list_role_assignments")
    grants = request.app[GRANTS]
    if _is_true(request, "effective"):
        grants = {replace(grant, role=role): None for grant in grants for role in implied_by(grant.role)}
    names = _is_true(request, "include_names")
    found = [_describe(request, grant, include_names=names) for grant in grants if _matches(grant, request.query)]
    return json_response({"role_assignments": found, "links": collection_links(request)})


ASSIGNMENT_ROUTES = [
    web.get("/v3/auth/catalog", show_catalog),
    web.get("/v3/auth/projects", list_own_projects),
    web.get("/v3/users/{user_id}/projects", list_projects_of_user),
    web.get("/v3/role_assignments", list_role_assignments),
]


def _list_projects_of(request: web.Request, user_id: str) -> web.Response:
    if user_id not in {user.id for user in USERS}:
        raise ResourceNotFound("user", user_id)
    found = map(describe_project, projects_of(request.app[GRANTS], user_id))
    return list_response(request, "projects", found, ("name", "domain_id", "enabled"))


def _is_true(request: web.Request, key: str) -> bool:
    """Whether the query has a flag: `query_filter_is_true` in `keystone.server.flask.common`."""
    return key in request.query and request.query[key].lower() not in {"0", "false"}


def _matches(grant: Grant, query: Mapping[str, str]) -> bool:
    values = {"user.id": grant.user_id, "role.id": grant.role_id, SCOPE_FILTERS[grant.target.kind]: grant.target.id}
    return all(values.get(key) == query[key] for key in FILTERS if query.get(key))


def _describe(request: web.Request, grant: Grant, *, include_names: bool) -> dict[str, Any]:
    target = grant.target
    place = "system" if target.kind == "system" else f"{target.kind}s/{target.id}"
    link = f"{request.url.origin()}/v3/{place}/users/{grant.user_id}/roles/{grant.role_id}"
    role = {"id": grant.role_id, "name": grant.role} if include_names else {"id": grant.role_id}
    user = next(user for user in USERS if user.id == grant.user_id)
    return {
        "role": role,
        "user": _refer(user, include_name=include_names),
        "scope": {target.kind: _describe_target(target, include_name=include_names)},
        "links": {"assignment": link},
    }


def _describe_target(target: Target, *, include_name: bool) -> dict[str, Any]:
    if target.kind == "system":
        return {"all": True}
    if target.kind == "domain":
        return DEFAULT_DOMAIN if include_name else {"id": DEFAULT_DOMAIN["id"]}
    return _refer(next(project for project in PROJECTS if project.id == target.id), include_name=include_name)


def _refer(named: Project | User, *, include_name: bool) -> dict[str, Any]:
    return {"id": named.id, "name": named.name, "domain": DEFAULT_DOMAIN} if include_name else {"id": named.id}

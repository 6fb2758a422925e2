"""Role assignments, the projects of a user, and the catalog and projects of the caller."""

from typing import Any

from aiohttp import web

from emulator.runtime.http_server import IDENTITY, json_response
from emulator.services.keystone.authentication import DEFAULT_DOMAIN
from emulator.services.keystone.catalog import CATALOG
from emulator.services.keystone.errors import ForbiddenAction, ResourceNotFound
from emulator.services.keystone.inventory import describe_project
from emulator.services.keystone.resources import collection_links, list_response
from emulator.services.seed_data import PROJECTS, USERS, Project, User, hex_id

__all__ = ["ASSIGNMENT_ROUTES"]

UNSUPPORTED_FILTERS = ("group.id", "scope.domain.id", "scope.system", "scope.OS-INHERIT:inherited_to")
"""Filters by group, domain, system or inheritance. No assignment matches any of them, so the list is empty."""


async def show_catalog(request: web.Request) -> web.Response:
    """Show the catalog of the caller's token, which is empty for an unscoped token."""
    catalog = request.app[CATALOG].in_token() if request[IDENTITY].project_id else []
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
    """List who has which role on which project. `include_names` adds names to the ids."""
    if not request[IDENTITY].is_admin:
        raise ForbiddenAction("list_role_assignments")
    query = request.query
    include_names = "include_names" in query and query["include_names"].lower() not in {"0", "false"}
    found = [
        _describe(request, user, project, role, include_names=include_names)
        for user, project in _members()
        for role in user.roles
        if query.get("user.id", user.id) == user.id
        and query.get("scope.project.id", project.id) == project.id
        and query.get("role.id", hex_id("role", role)) == hex_id("role", role)
        and not any(key in query for key in UNSUPPORTED_FILTERS)
    ]
    return json_response({"role_assignments": found, "links": collection_links(request)})


ASSIGNMENT_ROUTES = [
    web.get("/v3/auth/catalog", show_catalog),
    web.get("/v3/auth/projects", list_own_projects),
    web.get("/v3/users/{user_id}/projects", list_projects_of_user),
    web.get("/v3/role_assignments", list_role_assignments),
]


def _members() -> list[tuple[User, Project]]:
    return [(user, project) for user in USERS for project in PROJECTS if project.name == user.project]


def _list_projects_of(request: web.Request, user_id: str) -> web.Response:
    found = [describe_project(project) for user, project in _members() if user.id == user_id]
    if not found:
        raise ResourceNotFound("user", user_id)
    return list_response(request, "projects", found, ("name", "domain_id", "enabled"))


def _describe(request: web.Request, user: User, project: Project, role: str, *, include_names: bool) -> dict[str, Any]:
    role_id = hex_id("role", role)
    path = f"/v3/projects/{project.id}/users/{user.id}/roles/{role_id}"
    domain = {"domain": DEFAULT_DOMAIN}
    return {
        "role": {"id": role_id, **({"name": role} if include_names else {})},
        "user": {"id": user.id, **({"name": user.name, **domain} if include_names else {})},
        "scope": {"project": {"id": project.id, **({"name": project.name, **domain} if include_names else {})}},
        "links": {"assignment": f"{request.url.origin()}{path}"},
    }

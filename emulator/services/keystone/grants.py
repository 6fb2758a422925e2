"""Grants: which user has which role on which project, on the domain or on the system. They are kept in memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from emulator.services.seed_data import PROJECTS, USERS, Project, hex_id

__all__ = [
    "GRANTS",
    "ROLES",
    "SYSTEM",
    "Grant",
    "Grants",
    "Target",
    "implied_by",
    "projects_of",
    "roles_on",
    "seed_grants",
]

ROLES = tuple(dict.fromkeys(role for user in USERS for role in user.roles))
"""The names of all roles."""

IMPLIED = {"admin": "member", "member": "reader"}
"""The role that another one implies, as `keystone-manage bootstrap` creates them."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a role is granted on: a project or a domain, by id, or the system."""

    kind: Literal["project", "domain", "system"]
    id: str


SYSTEM = Target("system", "all")


@dataclass(frozen=True, slots=True)
class Grant:
    """A role of a user on a target."""

    user_id: str
    target: Target
    role: str

    @property
    def role_id(self) -> str:
        """The id of the role."""
        return hex_id("role", self.role)


Grants = dict[Grant, None]
"""A set of grants, the oldest first."""

GRANTS: web.AppKey[Grants] = web.AppKey("grants", dict)


def seed_grants() -> Grants:
    """Return the grants of the seed data: each user has its roles on its project, and admins that role on the system.

    The latter is what `keystone-manage bootstrap` grants.
    """
    projects = {project.name: Target("project", project.id) for project in PROJECTS}
    on_projects = {Grant(user.id, projects[user.project], role): None for user in USERS for role in user.roles}
    return on_projects | {Grant(user.id, SYSTEM, "admin"): None for user in USERS if "admin" in user.roles}


def roles_on(grants: Grants, user_id: str, target: Target) -> tuple[str, ...]:
    """Return the names of the roles that a user has on a target, with those that they imply."""
    granted = [grant.role for grant in grants if (grant.user_id, grant.target) == (user_id, target)]
    effective = {role for each in granted for role in implied_by(each)}
    return tuple(role for role in ROLES if role in effective)


def projects_of(grants: Grants, user_id: str) -> list[Project]:
    """Return the projects on which a user has a role."""
    return [project for project in PROJECTS if roles_on(grants, user_id, Target("project", project.id))]


def implied_by(role: str) -> Iterator[str]:
    """Yield a role, the one that it implies, the one which that implies …"""
    yield role
    if role in IMPLIED:
        yield from implied_by(IMPLIED[role])

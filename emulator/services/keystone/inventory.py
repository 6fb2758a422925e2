"""The contents of keystone's collections: projects, users, roles, domains, and the parts of the catalog."""

from emulator.services.keystone.authentication import DEFAULT_DOMAIN
from emulator.services.keystone.catalog import CATALOG, REGION
from emulator.services.keystone.grants import ROLES
from emulator.services.keystone.resources import Collection, Document
from emulator.services.seed_data import PROJECTS, USERS, Project, User, hex_id

__all__ = ["COLLECTIONS", "describe_project", "describe_role"]


def describe_project(project: Project) -> Document:
    """Return a project as keystone shows it."""
    return {
        "id": project.id,
        "name": project.name,
        "domain_id": DEFAULT_DOMAIN["id"],
        "parent_id": DEFAULT_DOMAIN["id"],
        "description": "",
        "enabled": True,
        "is_domain": False,
        "tags": [],
        "options": {},
    }


def describe_role(name: str) -> Document:
    """Return a role as keystone shows it."""
    return {"id": hex_id("role", name), "name": name, "domain_id": None, "description": None, "options": {}}


def _describe_user(user: User) -> Document:
    return {
        "id": user.id,
        "name": user.name,
        "domain_id": DEFAULT_DOMAIN["id"],
        "default_project_id": next(project.id for project in PROJECTS if project.name == user.project),
        "enabled": True,
        "password_expires_at": None,
        "options": {},
    }


DOMAIN: Document = {**DEFAULT_DOMAIN, "description": "The default domain", "enabled": True, "tags": [], "options": {}}

COLLECTIONS = (
    Collection("endpoints", "endpoint", lambda app: app[CATALOG].endpoints, ("interface", "service_id", "region_id")),
    Collection("services", "service", lambda app: app[CATALOG].services, ("name", "type")),
    Collection(
        "regions",
        "region",
        lambda _: [{"id": REGION, "description": "", "parent_region_id": None}],
        ("parent_region_id",),
        open_to_all=True,
    ),
    Collection(
        "projects",
        "project",
        lambda _: map(describe_project, PROJECTS),
        ("name", "domain_id", "parent_id", "enabled", "is_domain"),
        own_id=lambda caller: caller.project_id,
    ),
    Collection(
        "users",
        "user",
        lambda _: map(_describe_user, USERS),
        ("name", "domain_id", "enabled"),
        own_id=lambda caller: caller.user_id,
    ),
    Collection("domains", "domain", lambda _: [DOMAIN], ("name", "enabled"), own_id=lambda _: DEFAULT_DOMAIN["id"]),
    Collection("roles", "role", lambda _: map(describe_role, ROLES), ("name", "domain_id")),
)

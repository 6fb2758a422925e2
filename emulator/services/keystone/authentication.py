"""Authentication: the body of `POST /v3/auth/tokens`, the check of the caller's password or token, and the scope.

Source: https://docs.openstack.org/api-ref/identity/v3/#authentication-and-token-management
"""

import hmac
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from emulator.runtime.errors import BadRequest, Unauthorized
from emulator.runtime.simulated_work import simulated_delay
from emulator.services.auth import Identity, Tokens
from emulator.services.keystone.grants import SYSTEM, Grants, Target, roles_on
from emulator.services.seed_data import PROJECTS, USERS, User

__all__ = ["DEFAULT_DOMAIN", "Auth", "Authenticated", "TokenRequest", "authenticate", "find_target"]

DEFAULT_DOMAIN = {"id": "default", "name": "Default"}


class Reference(msgspec.Struct):
    """A user, project or domain, by name or id; a user also with a password."""

    name: str | None = None
    id: str | None = None
    domain: "Reference | None" = None
    password: str = ""


class PasswordMethod(msgspec.Struct):
    """The `password` method of authentication."""

    user: Reference


class TokenMethod(msgspec.Struct):
    """The `token` method of authentication: a token that the caller has already."""

    id: str


class IdentityMethods(msgspec.Struct):
    """The methods by which the caller authenticates, each with its data."""

    methods: list[Literal["password", "token"]]
    password: PasswordMethod | None = None
    token: TokenMethod | None = None


class Scope(msgspec.Struct):
    """What the token is scoped to."""

    project: Reference | None = None
    domain: Reference | None = None
    system: dict[str, Any] | None = None
    unscoped: dict[str, Any] | None = None


class Auth(msgspec.Struct):
    """The identity and the scope that a token is requested for."""

    identity: IdentityMethods
    scope: Scope | Literal["unscoped"] | None = None


class TokenRequest(msgspec.Struct):
    """The body of `POST /v3/auth/tokens`."""

    auth: Auth


@dataclass(frozen=True, slots=True)
class Authenticated:
    """An authenticated user, the methods that were used, and the identity of the earlier token, if `token` was one."""

    user: User
    methods: tuple[str, ...]
    earlier: Identity | None = None


async def authenticate(identity: IdentityMethods, tokens: Tokens) -> Authenticated:
    """Authenticate a user by all of the requested methods. Raises Unauthorized, and BadRequest for missing data."""
    if not identity.methods:
        raise BadRequest("Invalid input for field auth.identity.methods: it is empty.")
    users, earlier = [], None
    for method in identity.methods:
        if getattr(identity, method) is None:
            raise BadRequest(f"Invalid input for field auth.identity.{method}: it is required by the method {method}.")
    if identity.password is not None and "password" in identity.methods:
        await simulated_delay("check password", fails=Unauthorized)
        users.append(_find_user(identity.password.user))
    if identity.token is not None and "token" in identity.methods:
        earlier = tokens.validate(identity.token.id)
        users += [user for user in USERS if user.id == earlier.user_id]
    if len(set(users)) != 1:  # a password and a token must belong to the same user
        raise Unauthorized
    methods = {*identity.methods, *(earlier.methods if earlier else ())}
    return Authenticated(users[0], tuple(sorted(methods)), earlier)


def find_target(scope: Scope | str | None, user: User, grants: Grants) -> Target | None:
    """Return the project, domain or system that a token is requested for, None for an unscoped token.

    Without a scope it is the user's default project, if the user has a role there. Raises Unauthorized for a target on
    which the user has none.
    """
    if scope is None or scope == Scope():
        default = Target("project", next(project.id for project in PROJECTS if project.name == user.project))
        return default if roles_on(grants, user.id, default) else None
    if isinstance(scope, str) or scope.unscoped is not None:
        return None
    target = _requested_target(scope)
    if target is None or not roles_on(grants, user.id, target):
        raise Unauthorized
    return target


def _requested_target(scope: Scope) -> Target | None:
    """Return what a scope refers to, None if there is no such project or domain."""
    if scope.project is not None:
        found = [project.id for project in PROJECTS if _refers_to(scope.project, project.id, project.name)]
        return Target("project", found[0]) if found else None
    if scope.domain is not None:
        known = _refers_to(scope.domain, DEFAULT_DOMAIN["id"], DEFAULT_DOMAIN["name"])
        return Target("domain", DEFAULT_DOMAIN["id"]) if known else None
    return SYSTEM if scope.system == {"all": True} else None


def _find_user(reference: Reference) -> User:
    """Return the user with this name or id and this password. Raises Unauthorized, without saying which was wrong."""
    known = next((user for user in USERS if _refers_to(reference, user.id, user.name)), None)
    password = known.password if known else ""
    # In constant time, and for unknown users too: how long it takes must not tell whether a user exists.
    matches = hmac.compare_digest(password.encode(), reference.password.encode())
    if known is None or not matches:
        raise Unauthorized
    return known


def _refers_to(reference: Reference, own_id: str, own_name: str) -> bool:
    """Whether a reference means the resource with this id and name, which is in the default domain."""
    if reference.id is not None:
        return reference.id == own_id
    domain = reference.domain
    default = domain is None or domain.id == DEFAULT_DOMAIN["id"] or domain.name == DEFAULT_DOMAIN["name"]
    return default and reference.name == own_name

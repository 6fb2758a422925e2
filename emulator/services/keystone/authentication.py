"""Who asks for a token, by which proof, and for which project: the body of `POST /v3/auth/tokens`, read and judged."""

import hmac
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from emulator.runtime.errors import BadRequest, Unauthorized
from emulator.runtime.simulated_work import simulated_delay
from emulator.services.auth.fernet_tokens import Identity, Tokens
from emulator.services.seed_data import PROJECTS, USERS, Project, User

__all__ = ["DEFAULT_DOMAIN", "Auth", "Proof", "TokenRequest", "find_project", "prove"]

DEFAULT_DOMAIN = {"id": "default", "name": "Default"}


class Reference(msgspec.Struct):
    """A user, project or domain, named or by id; a user also with a password."""

    name: str | None = None
    id: str | None = None
    domain: "Reference | None" = None
    password: str = ""


class PasswordMethod(msgspec.Struct):
    """The `password` method of authentication."""

    user: Reference


class TokenMethod(msgspec.Struct):
    """The `token` method: a token that the caller has already."""

    id: str


class IdentityMethods(msgspec.Struct):
    """How the caller proves who it is."""

    methods: list[Literal["password", "token"]]
    password: PasswordMethod | None = None
    token: TokenMethod | None = None


class Scope(msgspec.Struct):
    """What the token is to be good for. Nobody has a role on a domain, or on the system."""

    project: Reference | None = None
    domain: Reference | None = None
    system: dict[str, Any] | None = None
    unscoped: dict[str, Any] | None = None


class Auth(msgspec.Struct):
    """Who asks, and for what."""

    identity: IdentityMethods
    scope: Scope | Literal["unscoped"] | None = None


class TokenRequest(msgspec.Struct):
    """The body of `POST /v3/auth/tokens`."""

    auth: Auth


@dataclass(frozen=True, slots=True)
class Proof:
    """Who somebody is, and how that is known: also by the identity of an earlier token, where one was shown."""

    user: User
    methods: tuple[str, ...]
    earlier: Identity | None = None


async def prove(asked: IdentityMethods, tokens: Tokens) -> Proof:
    """Return who the caller is, by every method that it names. Raises Unauthorized, and BadRequest."""
    if not asked.methods:
        raise BadRequest("Invalid input for field auth.identity.methods: it names no method.")
    users, earlier = [], None
    for method in asked.methods:
        if getattr(asked, method) is None:
            raise BadRequest(f"Invalid input for field auth.identity.{method}: the method {method} needs it.")
    if asked.password is not None and "password" in asked.methods:
        await simulated_delay("check password", fails=Unauthorized)
        users.append(_find_user(asked.password.user))
    if asked.token is not None and "token" in asked.methods:
        earlier = tokens.read(asked.token.id)
        users += [user for user in USERS if user.id == earlier.user_id]
    if len(set(users)) != 1:
        raise Unauthorized
    methods = {*asked.methods, *(earlier.methods if earlier else ())}
    return Proof(users[0], tuple(sorted(methods)), earlier)


def find_project(scope: Scope | str | None, user: User) -> Project | None:
    """Return the project that is asked for, if it is the user's; None where none is wanted. Raises Unauthorized.

    Who does not say anything about it gets its own.
    """
    own = next(project for project in PROJECTS if project.name == user.project)
    if scope is None:
        return own
    if isinstance(scope, str) or scope.unscoped is not None:
        return None
    wanted = scope.project
    if wanted is None and scope.domain is None and scope.system is None:
        return own
    if wanted is None or not _names(wanted, own.id, own.name):
        raise Unauthorized
    return own


def _find_user(wanted: Reference) -> User:
    """Whoever is not known, in another domain, or has another password: the answer is the same."""
    known = next((user for user in USERS if _names(wanted, user.id, user.name)), None)
    password = known.password if known else ""
    same = hmac.compare_digest(password.encode(), wanted.password.encode())
    if known is None or not same:
        raise Unauthorized
    return known


def _names(wanted: Reference, own_id: str, own_name: str) -> bool:
    """Whether a reference is to what has this id and name. Names are those of the one domain."""
    if wanted.id is not None:
        return wanted.id == own_id
    domain = wanted.domain
    default = domain is None or domain.id == DEFAULT_DOMAIN["id"] or domain.name == DEFAULT_DOMAIN["name"]
    return default and wanted.name == own_name

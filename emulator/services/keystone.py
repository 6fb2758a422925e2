"""keystone: who may do what. Passwords in, scoped tokens and the catalog out."""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web
from yarl import URL

from emulator.plumbing.errors import ApiError, NotFound, Unauthorized
from emulator.plumbing.http_server import json_response, read_json
from emulator.plumbing.service import Service
from emulator.plumbing.steps import given, pretend
from emulator.services.fresh import PROJECTS, USERS, Project, User, resource_id
from emulator.services.tokens import Identity, Tokens

__all__ = ["CATALOG_TYPES", "service"]

TOKEN_ISSUED = HTTPStatus.OK  # Figure 1.8 says 200; real Keystone v3 answers 201. Clients take both.

CATALOG_TYPES = {
    "keystone": ("identity", "keystone", "/v3"),
    "nova-api": ("compute", "nova", "/v2.1"),
    "neutron-server": ("network", "neutron", ""),
    "glance-api": ("image", "glance", ""),
}
"""By service: its type and name in the catalog, and the path of its endpoint."""

DEFAULT_DOMAIN = {"id": "default", "name": "Default"}
TOKENS = web.AppKey("tokens", Tokens)
CATALOG = web.AppKey("catalog", list[dict[str, Any]])


class Reference(msgspec.Struct):
    """A user, project or domain, named or by id; a user also with a password."""

    name: str | None = None
    id: str | None = None
    domain: "Reference | None" = None
    password: str = ""


class PasswordMethod(msgspec.Struct):
    """The `password` method of authentication."""

    user: Reference


class IdentityMethods(msgspec.Struct):
    """How the caller proves who it is."""

    methods: list[str]
    password: PasswordMethod | None = None


class Scope(msgspec.Struct):
    """What the token is to be good for."""

    project: Reference | None = None


class Auth(msgspec.Struct):
    """Who asks, and for what."""

    identity: IdentityMethods
    scope: Scope | None = None


class TokenRequest(msgspec.Struct):
    """The body of `POST /v3/auth/tokens`."""

    auth: Auth


def service(tokens: Tokens, endpoints: Mapping[str, str], public_host: str | None = None) -> Service:
    """Keystone with the users of a fresh cloud. `endpoints` maps service names to their base URLs.

    Where services and users reach them by different names, `public_host` is what users say.
    """
    catalog = [_catalog_entry(name, url, public_host) for name, url in endpoints.items()]
    return Service(
        "keystone",
        public=[
            web.get("/", list_versions),
            web.get("/v3", show_version),
            web.get("/v3/", show_version),
            web.post("/v3/auth/tokens", issue_token),
        ],
        routes=[web.get("/v3/auth/tokens", show_token)],
        identify=tokens.open,
        error_shape=word_error,
        state={TOKENS: tokens, CATALOG: catalog},
    )


def word_error(error: ApiError) -> dict[str, Any]:
    """Word an error as keystone does."""
    status = HTTPStatus(error.status)
    return {"error": {"code": status.value, "title": status.phrase, "message": str(error)}}


async def issue_token(request: web.Request) -> web.Response:
    """Check user, password and project; answer a token for them."""
    asked = (await read_json(request, TokenRequest)).auth
    await pretend("check password", fails=Unauthorized)
    if asked.identity.password is None or "password" not in asked.identity.methods:
        raise Unauthorized
    user = _find_user(asked.identity.password.user)
    project = _find_project(asked.scope.project if asked.scope and asked.scope.project else None, user)
    tokens = request.app[TOKENS]
    now = tokens.clock()
    lifetime = given("token lifetime", right=tokens.ttl, wrong=lambda: 0.0)
    identity = Identity(user.id, user.name, project.id, project.name, user.roles, now, now + lifetime)
    headers = {"X-Subject-Token": tokens.seal(identity)}
    return json_response(_describe(identity, request.app[CATALOG]), TOKEN_ISSUED, headers)


async def show_token(request: web.Request) -> web.Response:
    """Tell what the token in `X-Subject-Token` is good for."""
    try:
        identity = request.app[TOKENS].open(request.headers.get("X-Subject-Token", ""))
    except Unauthorized:
        raise NotFound("Could not find token.") from None
    return json_response(_describe(identity, request.app[CATALOG]))


async def list_versions(request: web.Request) -> web.Response:
    """Answer the discovery document that clients read when their URL names no version."""
    return json_response({"versions": {"values": [_version(request)]}}, HTTPStatus.MULTIPLE_CHOICES)


async def show_version(request: web.Request) -> web.Response:
    """Answer the discovery document of v3."""
    return json_response({"version": _version(request)})


def _version(request: web.Request) -> dict[str, Any]:
    link = {"rel": "self", "href": f"{request.url.origin()}/v3/"}
    return {"id": "v3.14", "status": "stable", "updated": "2020-04-07T00:00:00Z", "links": [link]}


def _find_user(wanted: Reference) -> User:
    """Whoever is not known, in another domain, or has another password: the answer is the same."""
    known = next((user for user in USERS if wanted.id == user.id or (not wanted.id and wanted.name == user.name)), None)
    password = known.password if known else ""
    same = hmac.compare_digest(password.encode(), wanted.password.encode())
    if known is None or not same or not _is_default(wanted.domain):
        raise Unauthorized
    return known


def _find_project(wanted: Reference | None, user: User) -> Project:
    """The project asked for, if it is the user's; without one the user's own."""
    own = next(project for project in PROJECTS if project.name == user.project)
    if wanted is None:
        return own
    named = wanted.id == own.id or (wanted.id is None and wanted.name == own.name and _is_default(wanted.domain))
    if not named:
        raise Unauthorized
    return own


def _is_default(domain: Reference | None) -> bool:
    return domain is None or domain.id == DEFAULT_DOMAIN["id"] or domain.name == DEFAULT_DOMAIN["name"]


def _describe(identity: Identity, catalog: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "token": {
            "methods": ["password"],
            "user": {"id": identity.user_id, "name": identity.user_name, "domain": DEFAULT_DOMAIN},
            "project": {"id": identity.project_id, "name": identity.project_name, "domain": DEFAULT_DOMAIN},
            "roles": [{"id": resource_id("role", role).replace("-", ""), "name": role} for role in identity.roles],
            "issued_at": _timestamp(identity.issued_at),
            "expires_at": _timestamp(identity.expires_at),
            "catalog": catalog,
        }
    }


def _timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _catalog_entry(service_name: str, url: str, public_host: str | None) -> dict[str, Any]:
    kind, name, path = CATALOG_TYPES[service_name]
    internal = url.rstrip("/") + path
    public = internal if public_host is None else str(URL(internal).with_host(public_host))
    endpoints = [
        {
            "id": resource_id("endpoint", f"{kind}/{interface}").replace("-", ""),
            "interface": interface,
            "region": "RegionOne",
            "region_id": "RegionOne",
            "url": public if interface == "public" else internal,
        }
        for interface in ("public", "internal", "admin")
    ]
    return {"id": resource_id("service", name).replace("-", ""), "type": kind, "name": name, "endpoints": endpoints}

"""Tokens over HTTP: issue, show and revoke them.

Source: https://docs.openstack.org/api-ref/identity/v3/#authentication-and-token-management
"""

import secrets
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from aiohttp import web

from emulator.runtime.errors import NotFound, Unauthorized
from emulator.runtime.http_server import IDENTITY, json_response, read_json
from emulator.runtime.request_context import OWN_REQUEST_ID, annotate
from emulator.runtime.simulated_work import value_or_fault
from emulator.services.auth import Identity, Tokens, publish_revocation
from emulator.services.keystone.authentication import (
    DEFAULT_DOMAIN,
    Authenticated,
    TokenRequest,
    authenticate,
    find_target,
)
from emulator.services.keystone.catalog import CATALOG
from emulator.services.keystone.errors import ForbiddenAction
from emulator.services.keystone.grants import GRANTS, Target, roles_on
from emulator.services.oslo.timeutils import isotime_without_zone
from emulator.services.seed_data import PROJECTS, hex_id

__all__ = ["TOKENS", "issue_token", "revoke_token", "show_token"]

TOKEN_ISSUED = HTTPStatus.CREATED
TOKEN_ISSUED_IN_FIGURE = HTTPStatus.OK
"""The answer in step (2) of Figure 1.8. Only the emulator's own services and client get it; other clients get 201."""
AUDIT_BYTES = 16

TOKENS = web.AppKey("tokens", Tokens)


async def issue_token(request: web.Request) -> web.Response:
    """Authenticate the caller and issue a token for the requested scope."""
    auth = (await read_json(request, TokenRequest)).auth
    tokens = request.app[TOKENS]
    authenticated = await authenticate(auth.identity, tokens)
    grants, user = request.app[GRANTS], authenticated.user
    target = find_target(auth.scope, user, grants)
    roles = roles_on(grants, user.id, target) if target else ()
    identity = _new_identity(tokens, authenticated, target, roles)
    issued = TOKEN_ISSUED_IN_FIGURE if OWN_REQUEST_ID in request.headers else TOKEN_ISSUED
    return json_response(_describe(request, identity), issued, {"X-Subject-Token": tokens.issue(identity)})


async def show_token(request: web.Request) -> web.Response:
    """Show the owner, scope and expiry of the token in `X-Subject-Token`. Its owner, admins and services may see them.

    Source: `keystone.common.policies.token`, by which HEAD checks a token and GET validates it.
    """
    identity, caller = _subject_identity(request), request[IDENTITY]
    validates = request.method != "HEAD"
    if not (identity.user_id == caller.user_id or caller.is_admin or (validates and "service" in caller.roles)):
        raise ForbiddenAction("validate_token" if validates else "check_token")
    return json_response(_describe(request, identity), headers={"X-Subject-Token": request.headers["X-Subject-Token"]})


async def revoke_token(request: web.Request) -> web.Response:
    """Revoke the token in `X-Subject-Token` at all services. Only admins may revoke another user's token.

    If the bus is unavailable, the answer is a 503 and the token stays valid everywhere, so that the caller can try
    again. The revocation is therefore published before it is applied here.
    """
    subject, caller = _subject_identity(request), request[IDENTITY]
    if subject.user_id != caller.user_id and not caller.is_admin:
        raise ForbiddenAction("revoke_token")
    annotate(token__audit_id=subject.audit_id)
    revoked = {subject.audit_id: subject.expires_at}
    await publish_revocation(request.app, revoked)
    request.app[TOKENS].revoke(revoked)
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _subject_identity(request: web.Request) -> Identity:
    """Return the identity of the token in `X-Subject-Token`. Raises NotFound if it is invalid."""
    try:
        return request.app[TOKENS].validate(request.headers.get("X-Subject-Token", ""))
    except Unauthorized:
        raise NotFound("Could not find token.") from None


def _new_identity(
    tokens: Tokens, authenticated: Authenticated, target: Target | None, roles: tuple[str, ...]
) -> Identity:
    """Return the identity of a new token. One that is issued for an earlier token keeps its expiry and audit id.

    Otherwise a user could stay logged in for ever without a password; see `keystone.auth.plugins.token`.
    """
    user, earlier, now = authenticated.user, authenticated.earlier, tokens.clock()
    project = next((one for one in PROJECTS if target == Target("project", one.id)), None)
    lifetime = value_or_fault("token lifetime", right=tokens.ttl, wrong=lambda: 0.0)
    return Identity(
        user.id,
        user.name,
        project.id if project else "",
        project.name if project else "",
        roles,
        now,
        now + lifetime if earlier is None else earlier.expires_at,
        secrets.token_urlsafe(AUDIT_BYTES),  # not seeded: the same id in two runs would mean two different tokens
        "" if earlier is None else earlier.parent_audit_id or earlier.audit_id,
        authenticated.methods,
        DEFAULT_DOMAIN["id"] if target and target.kind == "domain" else "",
    )


def _describe(request: web.Request, identity: Identity) -> dict[str, Any]:
    user = {"id": identity.user_id, "name": identity.user_name, "domain": DEFAULT_DOMAIN, "password_expires_at": None}
    token = {
        "methods": identity.methods,
        "user": user,
        "audit_ids": [audit_id for audit_id in (identity.audit_id, identity.parent_audit_id) if audit_id],
        "issued_at": _timestamp(identity.issued_at),
        "expires_at": _timestamp(identity.expires_at),
    }
    return {"token": {**token, **_describe_scope(request, identity)}}


def _describe_scope(request: web.Request, identity: Identity) -> dict[str, Any]:
    """Return the fields of a scoped token: the scope, roles, and the catalog unless the query has `nocatalog`."""
    if not identity.is_scoped:
        return {}
    scope: dict[str, Any] = {"system": {"all": True}}
    if identity.project_id:
        project = {"id": identity.project_id, "name": identity.project_name, "domain": DEFAULT_DOMAIN}
        scope = {"project": project, "is_domain": False}
    elif identity.domain_id:
        scope = {"domain": DEFAULT_DOMAIN}
    catalog = {} if "nocatalog" in request.query else {"catalog": request.app[CATALOG].in_token()}
    return {
        **scope,
        "roles": [{"id": hex_id("role", role), "name": role} for role in identity.roles],
        **catalog,
    }


def _timestamp(seconds: float) -> str:
    return f"{isotime_without_zone(datetime.fromtimestamp(seconds, UTC))}Z"

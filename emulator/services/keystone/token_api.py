"""Tokens over HTTP: issue one, tell what one is good for, and revoke one, for all services."""

import secrets
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from aiohttp import web

from emulator.runtime.errors import NotFound, Unauthorized
from emulator.runtime.http_server import IDENTITY, json_response, read_json
from emulator.runtime.request_context import OWN_REQUEST_ID, annotate
from emulator.runtime.simulated_work import value_or_fault
from emulator.services.auth.fernet_tokens import Identity, Tokens
from emulator.services.auth.revocation import tell
from emulator.services.keystone.authentication import DEFAULT_DOMAIN, Proof, TokenRequest, find_project, prove
from emulator.services.keystone.catalog import CATALOG, hex_id
from emulator.services.keystone.errors import ForbiddenAction
from emulator.services.oslo.timeutils import to_the_microsecond
from emulator.services.seed_data import Project

__all__ = ["TOKENS", "issue_token", "revoke_token", "show_token"]

TOKEN_ISSUED = HTTPStatus.CREATED
TOKEN_ISSUED_IN_FIGURE = HTTPStatus.OK  # to the emulator's own services and clients, whose sequence Figure 1.8 shows
AUDIT_BYTES = 16

TOKENS = web.AppKey("tokens", Tokens)


async def issue_token(request: web.Request) -> web.Response:
    """Check who asks, and for which project; answer a token for both."""
    asked = (await read_json(request, TokenRequest)).auth
    tokens = request.app[TOKENS]
    proof = await prove(asked.identity, tokens)
    identity = _identify(tokens, proof, find_project(asked.scope, proof.user))
    issued = TOKEN_ISSUED_IN_FIGURE if OWN_REQUEST_ID in request.headers else TOKEN_ISSUED
    return json_response(_describe(request, identity), issued, {"X-Subject-Token": tokens.seal(identity)})


async def show_token(request: web.Request) -> web.Response:
    """Tell what the token in `X-Subject-Token` is good for."""
    identity = _subject(request)
    return json_response(_describe(request, identity), headers={"X-Subject-Token": request.headers["X-Subject-Token"]})


async def revoke_token(request: web.Request) -> web.Response:
    """Let the token in `X-Subject-Token` hold no more, at any service: one's own, or as an admin anybody's.

    It still holds where the bus does not take the news: then the answer is a 503, and it can be tried again.
    """
    subject, caller = _subject(request), request[IDENTITY]
    if subject.user_id != caller.user_id and not caller.is_admin:
        raise ForbiddenAction("revoke_token")
    annotate(token__audit_id=subject.audit_id)
    revoked = {subject.audit_id: subject.expires_at}
    await tell(request.app, revoked)
    request.app[TOKENS].revoke(revoked)
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _subject(request: web.Request) -> Identity:
    try:
        return request.app[TOKENS].read(request.headers.get("X-Subject-Token", ""))
    except Unauthorized:
        raise NotFound("Could not find token.") from None


def _identify(tokens: Tokens, proof: Proof, project: Project | None) -> Identity:
    """Who has proved something, in a project. A token made from another one ends with it, and is of its kin."""
    user, earlier, now = proof.user, proof.earlier, tokens.clock()
    lifetime = value_or_fault("token lifetime", right=tokens.ttl, wrong=lambda: 0.0)
    return Identity(
        user.id,
        user.name,
        project.id if project else "",
        project.name if project else "",
        user.roles if project else (),
        now,
        now + lifetime if earlier is None else earlier.expires_at,
        secrets.token_urlsafe(AUDIT_BYTES),  # with no seed: who reads it must not take it for a token of another run
        "" if earlier is None else earlier.parent_audit_id or earlier.audit_id,
        proof.methods,
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
    """What a token of a project has: that project, roles there, and the catalog, if it is wanted."""
    if not identity.project_id:
        return {}
    catalog = {} if "nocatalog" in request.query else {"catalog": request.app[CATALOG].in_token()}
    return {
        "project": {"id": identity.project_id, "name": identity.project_name, "domain": DEFAULT_DOMAIN},
        "is_domain": False,
        "roles": [{"id": hex_id("role", role), "name": role} for role in identity.roles],
        **catalog,
    }


def _timestamp(seconds: float) -> str:
    return f"{to_the_microsecond(datetime.fromtimestamp(seconds, UTC))}Z"

"""keystone as a service: its routes, its discovery documents, how it words errors."""

from http import HTTPStatus
from typing import Any

from aiohttp import web

from emulator.runtime.errors import ApiError
from emulator.runtime.http_server import json_response
from emulator.runtime.service import Service
from emulator.services.auth.revocation import keep_telling
from emulator.services.config import ServiceConfig
from emulator.services.keystone.assignments import ASSIGNMENT_ROUTES
from emulator.services.keystone.catalog import CATALOG, Catalog
from emulator.services.keystone.inventory import COLLECTIONS
from emulator.services.keystone.resources import routes_of
from emulator.services.keystone.token_api import TOKENS, issue_token, revoke_token, show_token

__all__ = ["service"]


def service(config: ServiceConfig) -> Service:
    """Build keystone, with the users and projects of the seed data and a catalog of `config.endpoints`."""
    tokens = config.tokens
    return Service(
        "keystone",
        public=[
            web.get("/", list_versions),
            web.get("/v3", show_version),
            web.get("/v3/", show_version),
            web.post("/v3/auth/tokens", issue_token),
        ],
        routes=[
            web.get("/v3/auth/tokens", show_token),
            web.delete("/v3/auth/tokens", revoke_token),
            *ASSIGNMENT_ROUTES,
            *(route for collection in COLLECTIONS for route in routes_of(collection)),
        ],
        identify=tokens.read,
        error_shape=word_error,
        state={TOKENS: tokens, CATALOG: Catalog.of(config.endpoints, config.public_host)},
        lock="keystone",
        background=lambda app: keep_telling(app, tokens, config.revocation_seconds),
    )


def word_error(error: ApiError) -> dict[str, Any]:
    """Word an error as keystone does."""
    status = HTTPStatus(error.status)
    return {"error": {"code": status.value, "title": status.phrase, "message": str(error)}}


async def list_versions(request: web.Request) -> web.Response:
    """Answer the discovery document that clients read when their URL names no version."""
    return json_response({"versions": {"values": [_version(request)]}}, HTTPStatus.MULTIPLE_CHOICES)


async def show_version(request: web.Request) -> web.Response:
    """Answer the discovery document of v3."""
    return json_response({"version": _version(request)})


def _version(request: web.Request) -> dict[str, Any]:
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{request.url.origin()}/v3/"}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    }

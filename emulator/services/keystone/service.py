"""keystone as a service: its routes, its discovery document, and the format of its errors."""

from http import HTTPStatus
from typing import Any

from aiohttp import web

from emulator.runtime.errors import ApiError
from emulator.runtime.service import Service
from emulator.services.auth import repeat_revocations
from emulator.services.config import ServiceConfig
from emulator.services.keystone.assignments import ASSIGNMENT_ROUTES
from emulator.services.keystone.catalog import CATALOG, Catalog
from emulator.services.keystone.grant_api import GRANT_ROUTES
from emulator.services.keystone.grants import GRANTS, seed_grants
from emulator.services.keystone.inventory import COLLECTIONS
from emulator.services.keystone.resources import routes_of
from emulator.services.keystone.token_api import TOKENS, issue_token, revoke_token, show_token
from emulator.services.oslo.discovery import Version, list_versions, show_version

__all__ = ["service"]

V3 = Version(
    "v3.14",
    "stable",
    "/v3/",
    {
        "updated": "2020-04-07T00:00:00Z",
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    },
)


def service(config: ServiceConfig) -> Service:
    """Build keystone, with the users and projects of the seed data and a catalog of `config.endpoints`."""
    tokens = config.tokens
    return Service(
        "keystone",
        public=[
            web.get("/", list_versions(V3, status=HTTPStatus.MULTIPLE_CHOICES, wrap=lambda found: {"values": found})),
            web.get("/v3", show_version(V3)),
            web.get("/v3/", show_version(V3)),
            web.post("/v3/auth/tokens", issue_token),
        ],
        routes=[
            web.get("/v3/auth/tokens", show_token),
            web.delete("/v3/auth/tokens", revoke_token),
            *ASSIGNMENT_ROUTES,
            *GRANT_ROUTES,
            *(route for collection in COLLECTIONS for route in routes_of(collection)),
        ],
        identify=tokens.validate,
        error_shape=error_body,
        state={TOKENS: tokens, GRANTS: seed_grants(), CATALOG: Catalog.from_urls(config.endpoints, config.public_host)},
        lock="keystone",
        background=lambda app: repeat_revocations(app, tokens, config.revocation_seconds),
    )


def error_body(error: ApiError) -> dict[str, Any]:
    """Return the body of an error answer, in keystone's format."""
    status = HTTPStatus(error.status)
    return {"error": {"code": status.value, "title": status.phrase, "message": str(error)}}

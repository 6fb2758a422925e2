"""The service itself: all routes, and how errors are worded."""

from http import HTTPStatus
from typing import Any

from aiohttp import web

from emulator.runtime.errors import ApiError
from emulator.runtime.http_server import json_response
from emulator.runtime.service import Service
from emulator.services.auth.revocation import with_revocation
from emulator.services.config import ServiceConfig
from emulator.services.neutron.database import DATABASE, fresh
from emulator.services.neutron.extensions import EXTENSION_ROUTES
from emulator.services.neutron.floating_ips import FLOATING_IP_ROUTES
from emulator.services.neutron.networks import NETWORK_ROUTES
from emulator.services.neutron.ports import PORT_ROUTES
from emulator.services.neutron.quotas import QUOTA_ROUTES
from emulator.services.neutron.security_groups.api import SECURITY_GROUP_ROUTES
from emulator.services.neutron.security_groups.defaults import with_default_groups
from emulator.services.neutron.subnets import SUBNET_ROUTES
from emulator.services.neutron.tags import TAG_ROUTES

__all__ = ["service"]


def service(config: ServiceConfig) -> Service:
    """Build neutron, with the networks of the seed data."""
    service = Service(
        "neutron-server",
        public=[
            web.get("/", list_versions),
            web.get("/v2.0", list_collections),
            web.get("/v2.0/", list_collections),
        ],
        routes=[
            *NETWORK_ROUTES,
            *SUBNET_ROUTES,
            *PORT_ROUTES,
            *FLOATING_IP_ROUTES,
            *TAG_ROUTES,
            *QUOTA_ROUTES,
            *SECURITY_GROUP_ROUTES,
            *EXTENSION_ROUTES,
        ],
        identify=config.tokens.open,
        error_shape=word_error,
        state={DATABASE: with_default_groups(fresh())},
        lock="neutron-server",
    )
    return with_revocation(service, config.tokens)


def word_error(error: ApiError) -> dict[str, Any]:
    """Word an error as neutron does: with the name of its kind, where it is one of OpenStack's."""
    ours = type(error).__module__.startswith("emulator.services.")
    kind = type(error).__name__ if ours else f"HTTP{HTTPStatus(error.status).phrase.title().replace(' ', '')}"
    return {"NeutronError": {"type": kind, "message": str(error), "detail": ""}}


async def list_versions(request: web.Request) -> web.Response:
    """Answer the discovery document."""
    link = {"rel": "self", "href": f"{request.url.origin()}/v2.0/"}
    return json_response({"versions": [{"id": "v2.0", "status": "CURRENT", "links": [link]}]})


async def list_collections(request: web.Request) -> web.Response:
    """Answer what there is in this version of the API."""
    resources = [
        {
            "name": name,
            "collection": f"{name}s",
            "links": [{"rel": "self", "href": f"{request.url.origin()}/v2.0/{name}s"}],
        }
        for name in ("network", "subnet", "port")
    ]
    return json_response({"resources": resources})

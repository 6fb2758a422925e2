"""neutron-server as a service: its routes, its discovery documents, and the format of its errors."""

from http import HTTPStatus
from typing import Any

from aiohttp import web

from emulator.runtime.errors import ApiError
from emulator.runtime.http_server import json_response
from emulator.runtime.service import Service
from emulator.services.auth import with_revocation
from emulator.services.config import ServiceConfig
from emulator.services.neutron.database import DATABASE, seed_database
from emulator.services.neutron.extensions import EXTENSION_ROUTES
from emulator.services.neutron.floating_ips import FLOATING_IP_ROUTES
from emulator.services.neutron.networks import NETWORK_ROUTES
from emulator.services.neutron.ports import PORT_ROUTES
from emulator.services.neutron.quotas import QUOTA_ROUTES
from emulator.services.neutron.security_groups import SECURITY_GROUP_ROUTES, with_default_groups
from emulator.services.neutron.subnets import SUBNET_ROUTES
from emulator.services.neutron.tags import TAG_ROUTES
from emulator.services.oslo.discovery import Version, list_versions

__all__ = ["service"]


def service(config: ServiceConfig) -> Service:
    """Build neutron, with the networks of the seed data."""
    service = Service(
        "neutron-server",
        public=[
            web.get("/", list_versions(Version("v2.0", "CURRENT", "/v2.0/"))),
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
        identify=config.tokens.validate_scoped,
        error_shape=error_body,
        state={DATABASE: with_default_groups(seed_database())},
        lock="neutron-server",
    )
    return with_revocation(service, config.tokens)


def error_body(error: ApiError) -> dict[str, Any]:
    """Return the body of an error answer. Its type is the name of neutron's exception, or of webob's for other errors.

    Source: `get_exception_data` in `neutron.api.api_common`, which sends the name of the exception's class. Errors that
    neutron does not raise itself are webob's there, such as HTTPBadRequest.
    """
    project, _, name = error.error_type.rpartition(".")
    if project not in {"neutron", "oslo_policy"}:
        name = f"HTTP{HTTPStatus(error.status).phrase.title().replace(' ', '')}"
    return {"NeutronError": {"type": name, "message": str(error), "detail": ""}}


async def list_collections(request: web.Request) -> web.Response:
    """List the collections of API version 2.0."""
    resources = [
        {
            "name": name,
            "collection": f"{name}s",
            "links": [{"rel": "self", "href": f"{request.url.origin()}/v2.0/{name}s"}],
        }
        for name in ("network", "subnet", "port")
    ]
    return json_response({"resources": resources})

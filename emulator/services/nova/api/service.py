"""nova-api as a service: the REST API of nova. It keeps the records that users see, and casts the work to daemons."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from emulator.runtime.amqp_bus import Consumer
from emulator.runtime.errors import ApiError
from emulator.runtime.healthcheck import PATHS
from emulator.runtime.request_context import current_request
from emulator.runtime.service import Service
from emulator.services.auth.revocation import with_revocation
from emulator.services.config import ServiceConfig
from emulator.services.notifications import NEUTRON_FANOUT, NetworkChanged
from emulator.services.nova.api.compute_services import COMPUTE_SERVICE_ROUTES
from emulator.services.nova.api.extension_info import EXTENSION_ROUTES
from emulator.services.nova.api.extra_specs import EXTRA_SPEC_ROUTES
from emulator.services.nova.api.flavor_access import FLAVOR_ACCESS_ROUTES
from emulator.services.nova.api.flavors import FLAVOR_ROUTES
from emulator.services.nova.api.hypervisors import HYPERVISOR_ROUTES
from emulator.services.nova.api.keypairs import KEYPAIR_ROUTES
from emulator.services.nova.api.lifecycle import BUILD_SECONDS, handle_dead_letter, instance_update, network_changed
from emulator.services.nova.api.microversions import NEWEST, OLDEST, format_version, negotiate_microversion
from emulator.services.nova.api.neutron import KEYSTONE_URL
from emulator.services.nova.api.quota_sets import QUOTA_ROUTES
from emulator.services.nova.api.servers.actions import ACTION_ROUTES
from emulator.services.nova.api.servers.console_output import CONSOLE_ROUTES
from emulator.services.nova.api.servers.instance_actions import INSTANCE_ACTION_ROUTES
from emulator.services.nova.api.servers.interfaces import INTERFACE_ROUTES
from emulator.services.nova.api.servers.metadata import METADATA_ROUTES
from emulator.services.nova.api.servers.security_groups import SERVER_SECURITY_GROUP_ROUTES
from emulator.services.nova.api.servers.tags import SERVER_TAG_ROUTES
from emulator.services.nova.api.servers.update import SERVER_UPDATE_ROUTES
from emulator.services.nova.api.servers.views import SERVER_ROUTES
from emulator.services.nova.api.tenant_usage import USAGE_ROUTES
from emulator.services.nova.messages import API, DEAD_LETTERS, InstanceUpdate
from emulator.services.nova.objects import (
    FLAVORS,
    INSTANCE_ACTIONS,
    KEYPAIRS,
    QUOTAS,
    SERVERS,
    Flavors,
    InstanceActions,
    Keypairs,
    Quotas,
    Servers,
)
from emulator.services.oslo.discovery import Version, list_versions, show_version
from emulator.services.oslo.messaging import REPLIES, Replies, consumer

__all__ = ["service"]

V2_1 = Version(
    "v2.1",
    "CURRENT",
    "/v2.1/",
    {
        "version": format_version(NEWEST),
        "min_version": format_version(OLDEST),
        "updated": "2013-07-23T11:33:21Z",  # nova's own constant
    },
)

V2_0 = Version("v2.0", "SUPPORTED", "/v2/", {"version": "", "min_version": "", "updated": "2011-01-21T11:33:21Z"})
"""The API before microversions: nova serves it as 2.1 without microversion headers."""

PUBLIC_ROUTES = (
    web.get("/", list_versions(V2_0, V2_1)),
    web.get("/v2", show_version(V2_0)),
    web.get("/v2/", show_version(V2_0)),
    web.get("/v2.1", show_version(V2_1)),
    web.get("/v2.1/", show_version(V2_1)),
)

ROUTES = (
    *SERVER_ROUTES,
    *SERVER_UPDATE_ROUTES,
    *ACTION_ROUTES,
    *INSTANCE_ACTION_ROUTES,
    *METADATA_ROUTES,
    *SERVER_TAG_ROUTES,
    *INTERFACE_ROUTES,
    *SERVER_SECURITY_GROUP_ROUTES,
    *CONSOLE_ROUTES,
    *FLAVOR_ROUTES,
    *EXTRA_SPEC_ROUTES,
    *FLAVOR_ACCESS_ROUTES,
    *KEYPAIR_ROUTES,
    *QUOTA_ROUTES,
    *HYPERVISOR_ROUTES,
    *COMPUTE_SERVICE_ROUTES,
    *USAGE_ROUTES,
    *EXTENSION_ROUTES,
)

LEGACY_ROUTES = tuple(
    web.route(route.method, route.path.replace("/v2.1/", "/v2/", 1), route.handler, **route.kwargs) for route in ROUTES
)


def service(config: ServiceConfig) -> Service:
    """Build nova-api. A server that is not built in `config.build_seconds` goes to ERROR."""
    service = Service(
        "nova-api",
        public=PUBLIC_ROUTES,
        routes=[*ROUTES, *LEGACY_ROUTES],
        middlewares=[add_compute_request_id, negotiate_microversion("/v2.1", error_body)],
        identify=config.tokens.validate_scoped,
        error_shape=error_body,
        state={
            SERVERS: Servers(),
            FLAVORS: Flavors(),
            KEYPAIRS: Keypairs(),
            QUOTAS: Quotas(),
            INSTANCE_ACTIONS: InstanceActions(),
            REPLIES: Replies("nova-api"),
            BUILD_SECONDS: config.build_seconds,
            KEYSTONE_URL: config.endpoints["keystone"],
        },
        lock="nova-api",
        consumers=lambda app: [
            consumer(app, API, {InstanceUpdate: instance_update}),
            consumer(app, NEUTRON_FANOUT, {NetworkChanged: network_changed}),
            app[REPLIES].consumer,
            Consumer(DEAD_LETTERS, lambda body, headers: handle_dead_letter(app, body, headers)),
        ],
        queues=[API, DEAD_LETTERS],
    )
    return with_revocation(service, config.tokens)


@web.middleware
async def add_compute_request_id(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Add the request id under nova's older header name as well. Health checks have no request id."""
    response = await handler(request)
    if request.path not in PATHS:
        response.headers["X-Compute-Request-Id"] = current_request().request_id
    return response


FAULT_NAMES: Mapping[int, str] = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    429: "overLimit",
    501: "notImplemented",
    503: "serviceUnavailable",
}
"""As in `nova.api.openstack.wsgi.Fault._fault_names`; any other status is a computeFault."""


def error_body(error: ApiError) -> dict[str, Any]:
    """Return the body of an error response in nova's format."""
    return {FAULT_NAMES.get(error.status, "computeFault"): {"code": int(error.status), "message": str(error)}}

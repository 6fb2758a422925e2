"""nova-api: takes requests for servers, hands them to the scheduler, and keeps the records that users see."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from emulator.runtime.amqp_bus import Consumer
from emulator.runtime.errors import ApiError
from emulator.runtime.healthcheck import PATHS
from emulator.runtime.http_server import json_response
from emulator.runtime.request_context import current_request
from emulator.runtime.service import Service
from emulator.services.auth.revocation import with_revocation
from emulator.services.config import ServiceConfig
from emulator.services.notifications import NEUTRON_FANOUT, NetworkChanged
from emulator.services.nova.api.compute_services import DAEMON_ROUTES
from emulator.services.nova.api.extension_info import EXTENSION_ROUTES
from emulator.services.nova.api.extra_specs import EXTRA_SPEC_ROUTES
from emulator.services.nova.api.flavor_access import FLAVOR_ACCESS_ROUTES
from emulator.services.nova.api.flavors import FLAVOR_ROUTES
from emulator.services.nova.api.floating_addresses import network_changed
from emulator.services.nova.api.hypervisors import HYPERVISOR_ROUTES
from emulator.services.nova.api.keypairs import KEYPAIR_ROUTES
from emulator.services.nova.api.lifecycle import BUILD_LIMIT, SERVERS, instance_update, take_note_of_dead_letter
from emulator.services.nova.api.microversions import NEWEST, OLDEST, negotiating, worded
from emulator.services.nova.api.quota_sets import QUOTA_ROUTES
from emulator.services.nova.api.servers.actions import ACTION_ROUTES
from emulator.services.nova.api.servers.console_output import CONSOLE_ROUTES
from emulator.services.nova.api.servers.instance_actions import INSTANCE_ACTION_ROUTES
from emulator.services.nova.api.servers.interfaces import INTERFACE_ROUTES
from emulator.services.nova.api.servers.metadata import METADATA_ROUTES
from emulator.services.nova.api.servers.tags import SERVER_TAG_ROUTES
from emulator.services.nova.api.servers.update import SERVER_CHANGE_ROUTES
from emulator.services.nova.api.servers.views import SERVER_ROUTES
from emulator.services.nova.api.tenant_usage import USAGE_ROUTES
from emulator.services.nova.messages import API, DEAD_LETTERS, InstanceUpdate
from emulator.services.nova.objects.flavor import FLAVORS, Flavors
from emulator.services.nova.objects.instance_action import INSTANCE_ACTIONS, InstanceActions
from emulator.services.nova.objects.keypair import KEYPAIRS, Keypairs
from emulator.services.nova.objects.quotas import QUOTAS, Quotas
from emulator.services.nova.objects.server import Servers
from emulator.services.oslo.messaging import REPLIES, Replies, consumer

__all__ = ["service"]

ROUTES = (
    *SERVER_ROUTES,
    *SERVER_CHANGE_ROUTES,
    *ACTION_ROUTES,
    *INSTANCE_ACTION_ROUTES,
    *METADATA_ROUTES,
    *SERVER_TAG_ROUTES,
    *INTERFACE_ROUTES,
    *CONSOLE_ROUTES,
    *FLAVOR_ROUTES,
    *EXTRA_SPEC_ROUTES,
    *FLAVOR_ACCESS_ROUTES,
    *KEYPAIR_ROUTES,
    *QUOTA_ROUTES,
    *HYPERVISOR_ROUTES,
    *DAEMON_ROUTES,
    *USAGE_ROUTES,
    *EXTENSION_ROUTES,
)


def service(config: ServiceConfig) -> Service:
    """Build nova-api. A server that is not built in `config.build_seconds` goes to ERROR."""
    service = Service(
        "nova-api",
        public=[web.get("/", list_versions), web.get("/v2.1", show_version), web.get("/v2.1/", show_version)],
        routes=ROUTES,
        middlewares=[naming, negotiating("/v2.1", word_error)],
        identify=config.tokens.open,
        error_shape=word_error,
        state={
            SERVERS: Servers(),
            FLAVORS: Flavors(),
            KEYPAIRS: Keypairs(),
            QUOTAS: Quotas(),
            INSTANCE_ACTIONS: InstanceActions(),
            REPLIES: Replies("nova-api"),
            BUILD_LIMIT: config.build_seconds,
        },
        lock="nova-api",
        consumers=lambda app: [
            consumer(app, API, {InstanceUpdate: instance_update}),
            consumer(app, NEUTRON_FANOUT, {NetworkChanged: network_changed}),
            app[REPLIES].consumer,
            Consumer(DEAD_LETTERS, lambda body, headers: take_note_of_dead_letter(app, body, headers)),
        ],
    )
    return with_revocation(service, config.tokens)


@web.middleware
async def naming(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Put the request id on every answer under nova's own name for it, too. Probes of its health have none."""
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


def word_error(error: ApiError) -> dict[str, Any]:
    """Word an error as nova does."""
    return {FAULT_NAMES.get(error.status, "computeFault"): {"code": int(error.status), "message": str(error)}}


async def list_versions(request: web.Request) -> web.Response:
    """Answer the discovery document of all versions."""
    return json_response({"versions": [_version(request)]})


async def show_version(request: web.Request) -> web.Response:
    """Answer the discovery document of v2.1."""
    return json_response({"version": _version(request)})


def _version(request: web.Request) -> dict[str, Any]:
    return {
        "id": "v2.1",
        "status": "CURRENT",
        "version": worded(NEWEST),
        "min_version": worded(OLDEST),
        "updated": "2013-07-23T11:33:21Z",
        "links": [{"rel": "self", "href": f"{request.url.origin()}/v2.1/"}],
    }

"""nova-api: takes requests for servers, hands them to the scheduler, and keeps the records that users see."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from emulator.plumbing.amqp import Consumer
from emulator.plumbing.errors import ApiError
from emulator.plumbing.health import PATHS
from emulator.plumbing.http_server import json_response
from emulator.plumbing.scene import current_scene
from emulator.plumbing.service import Service
from emulator.services.network_changes import NEUTRON_FANOUT, NetworkChanged
from emulator.services.nova.actions import ACTION_ROUTES
from emulator.services.nova.builds import BUILD_LIMIT, SERVERS, instance_update, take_note_of_dead_letter
from emulator.services.nova.console import CONSOLE_ROUTES
from emulator.services.nova.daemons import DAEMON_ROUTES
from emulator.services.nova.extensions import EXTENSION_ROUTES
from emulator.services.nova.extra_specs import EXTRA_SPEC_ROUTES
from emulator.services.nova.flavor_access import FLAVOR_ACCESS_ROUTES
from emulator.services.nova.flavors import FLAVORS, Flavors
from emulator.services.nova.flavors_api import FLAVOR_ROUTES
from emulator.services.nova.floating_addresses import network_changed
from emulator.services.nova.hypervisors import HYPERVISOR_ROUTES
from emulator.services.nova.instance_actions import INSTANCE_ACTIONS, InstanceActions
from emulator.services.nova.instance_actions_api import INSTANCE_ACTION_ROUTES
from emulator.services.nova.interfaces import INTERFACE_ROUTES
from emulator.services.nova.keypairs import KEYPAIRS, Keypairs
from emulator.services.nova.keypairs_api import KEYPAIR_ROUTES
from emulator.services.nova.messages import API, DEAD_LETTERS, InstanceUpdate
from emulator.services.nova.metadata import METADATA_ROUTES
from emulator.services.nova.microversions import NEWEST, OLDEST, negotiating, worded
from emulator.services.nova.quotas import QUOTAS, Quotas
from emulator.services.nova.quotas_api import QUOTA_ROUTES
from emulator.services.nova.server_changes import SERVER_CHANGE_ROUTES
from emulator.services.nova.server_tags import SERVER_TAG_ROUTES
from emulator.services.nova.servers import Servers
from emulator.services.nova.servers_api import SERVER_ROUTES
from emulator.services.nova.tenant_usage import USAGE_ROUTES
from emulator.services.rpc import REPLIES, Replies, consumer
from emulator.services.tokens import Tokens

__all__ = ["BUILD_SECONDS", "service"]

BUILD_SECONDS = 60.0

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


def service(tokens: Tokens, build_seconds: float = BUILD_SECONDS) -> Service:
    """Nova's API. A server that is not built in `build_seconds` goes to ERROR."""
    return Service(
        "nova-api",
        public=[web.get("/", list_versions), web.get("/v2.1", show_version), web.get("/v2.1/", show_version)],
        routes=ROUTES,
        middlewares=[naming, negotiating("/v2.1", word_error)],
        identify=tokens.open,
        error_shape=word_error,
        state={
            SERVERS: Servers(),
            FLAVORS: Flavors(),
            KEYPAIRS: Keypairs(),
            QUOTAS: Quotas(),
            INSTANCE_ACTIONS: InstanceActions(),
            REPLIES: Replies("nova-api"),
            BUILD_LIMIT: build_seconds,
        },
        lock="nova-api",
        consumers=lambda app: [
            consumer(app, API, {InstanceUpdate: instance_update}),
            consumer(app, NEUTRON_FANOUT, {NetworkChanged: network_changed}),
            app[REPLIES].consumer,
            Consumer(DEAD_LETTERS, lambda body, headers: take_note_of_dead_letter(app, body, headers)),
        ],
    )


@web.middleware
async def naming(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Put the request id on every answer under nova's own name for it, too. Probes of its health have none."""
    response = await handler(request)
    if request.path not in PATHS:
        response.headers["X-Compute-Request-Id"] = current_scene().request_id
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

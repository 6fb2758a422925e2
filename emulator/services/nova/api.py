"""nova-api: takes requests for servers, hands them to the scheduler, and keeps the records that users see."""

import uuid
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from emulator.plumbing.amqp import Consumer
from emulator.plumbing.errors import ApiError
from emulator.plumbing.http_server import json_response
from emulator.plumbing.service import Service
from emulator.services.nova.actions import ACTION_ROUTES
from emulator.services.nova.builds import BUILD_LIMIT, SERVERS, instance_update, take_note_of_dead_letter
from emulator.services.nova.console import CONSOLE_ROUTES
from emulator.services.nova.flavors import FLAVOR_ROUTES
from emulator.services.nova.instance_actions import INSTANCE_ACTIONS, InstanceActions
from emulator.services.nova.instance_actions_api import INSTANCE_ACTION_ROUTES
from emulator.services.nova.interfaces import INTERFACE_ROUTES
from emulator.services.nova.messages import API, DEAD_LETTERS, InstanceUpdate
from emulator.services.nova.metadata import METADATA_ROUTES
from emulator.services.nova.server_changes import SERVER_CHANGE_ROUTES
from emulator.services.nova.servers import Servers
from emulator.services.nova.servers_api import SERVER_ROUTES
from emulator.services.rpc import REPLIES, Replies, consumer
from emulator.services.tokens import Tokens

__all__ = ["BUILD_SECONDS", "service"]

BUILD_SECONDS = 60.0


def service(tokens: Tokens, build_seconds: float = BUILD_SECONDS) -> Service:
    """Nova's API. A server that is not built in `build_seconds` goes to ERROR."""
    return Service(
        "nova-api",
        public=[web.get("/", list_versions), web.get("/v2.1", show_version), web.get("/v2.1/", show_version)],
        routes=[
            *SERVER_ROUTES,
            *SERVER_CHANGE_ROUTES,
            *ACTION_ROUTES,
            *INSTANCE_ACTION_ROUTES,
            *METADATA_ROUTES,
            *INTERFACE_ROUTES,
            *CONSOLE_ROUTES,
            *FLAVOR_ROUTES,
        ],
        identify=tokens.open,
        error_shape=word_error,
        state={
            SERVERS: Servers(),
            INSTANCE_ACTIONS: InstanceActions(),
            BUILD_LIMIT: build_seconds,
            REPLIES: Replies(uuid.uuid4().hex),
        },
        lock="nova-api",
        consumers=lambda app: [
            consumer(app, API, {InstanceUpdate: instance_update}),
            app[REPLIES].consumer,
            Consumer(DEAD_LETTERS, lambda body, headers: take_note_of_dead_letter(app, body, headers)),
        ],
    )


FAULT_NAMES: Mapping[int, str] = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
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
    link = {"rel": "self", "href": f"{request.url.origin()}/v2.1/"}
    return {"id": "v2.1", "status": "CURRENT", "version": "2.96", "min_version": "2.1", "links": [link]}

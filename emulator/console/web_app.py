"""The console's web server: serves the page, its events and its pictures, in the process of a running cloud."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from aiohttp import web
from opentelemetry.sdk.trace import ReadableSpan

from emulator import client
from emulator.client import Credentials
from emulator.cloud import Cloud, Settings, listen
from emulator.console.boot_requests import BootRequests, action_routes
from emulator.console.event_stream import EventStream, Topic
from emulator.console.page import console_page, content_security_policy
from emulator.console.pollers import Pollers
from emulator.console.request_log import LoggedRequest, RequestLog
from emulator.console.security import HEADERS, security_middleware
from emulator.openstack_vocabulary import OPENSTACK
from emulator.runtime.errors import NotFound
from emulator.runtime.export import Export
from emulator.runtime.http_client import HttpClient
from emulator.runtime.http_server import json_response
from emulator.runtime.service import serving
from emulator.runtime.tasks import task_group
from emulator.urls import host_in_url
from spantree import SpanTree
from spantree.render.html import html_document, waterfall_model
from spantree.render.sequence import sequence, sequence_svg

__all__ = ["console"]

MOST_SERVERS = 100
"""The page shows this many of the newest servers."""
PAGE_TOPICS = ("instance", "servers", "queues", "spans")
"""What every page is told at first, besides the requests."""
LARGEST_BODY = 64 * 1024
STREAM_HEADERS = {**HEADERS, "Content-Type": "text/event-stream"}


@asynccontextmanager
async def console(
    up: Cloud, settings: Settings, export: Export, request_log: RequestLog, jaeger_url: str | None = None, port: int = 0
) -> AsyncIterator[str]:
    """Serve the console of a cloud while the block lasts; yields its URL.

    `request_log` gets the spans of `export`. With `jaeger_url`, the URL of Jaeger's UI, traces link to it. Listens on
    the settings' `address`; port 0 picks a free one. Raises PortInUse.
    """
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(listen("console", settings.address, port))
        token, instance = secrets.token_urlsafe(), secrets.token_hex(8)
        # The stream and the pollers need each other; the lambda runs only after both exist.
        event_stream = EventStream(lambda topic: _event_data(topic, request_log, pollers, instance))
        pollers = Pollers(event_stream)
        request_log.on_change = lambda request, span: _on_change(request, span, event_stream, pollers)
        request_log.on_evict = lambda request: event_stream.publish("evicted", request.id)
        service_context = client.new_context(export, settings.seed, settings.pace, owner="console")
        http = await stack.enter_async_context(HttpClient(client.SERVICE, settings.pace))
        credentials = Credentials.from_environment(up.endpoints["keystone"])
        tasks = await stack.enter_async_context(task_group())
        stack.push_async_callback(tasks.finish, 0)  # pollers run forever, and boots may hang, so cancel them
        boot_requests = BootRequests(service_context, http, credentials, tasks, settings.faults)
        tasks.start(pollers.poll_servers(credentials, request_log.ignored_id))
        tasks.start(pollers.poll_queues(up))
        tasks.start(pollers.poll_losses(export))
        page = console_page(token, instance, jaeger_url, faults=settings.faults)
        app = web.Application(
            middlewares=[security_middleware(token, {"localhost", settings.public_host.lower()})],
            client_max_size=LARGEST_BODY,
        )
        app.add_routes([*_view_routes(page, event_stream, request_log), *action_routes(boot_requests)])
        await stack.enter_async_context(serving(app, listener))
        stack.callback(event_stream.close)  # runs before the server stops, which waits for open responses
        yield f"http://{host_in_url(settings.public_host)}:{listener.getsockname()[1]}/"


def _on_change(request: LoggedRequest, span: ReadableSpan, event_stream: EventStream, pollers: Pollers) -> None:
    event_stream.publish("requests", request.id)
    if span.resource.attributes.get("service.name") == "nova-api":
        pollers.poll_servers_soon()


def _event_data(topic: Topic, request_log: RequestLog, pollers: Pollers, instance: str) -> object:
    """Return the data of an event about this topic; None if the request was evicted meanwhile."""
    kind, which = topic
    if kind == "requests":
        request = request_log.get(which)
        return None if request is None else request.summary()
    if kind == "evicted":
        return which
    servers = {
        "error": pollers.error,
        "count": len(pollers.servers),
        "servers": pollers.servers[-MOST_SERVERS:],
    }
    return {"instance": instance, "servers": servers, "queues": pollers.queues, "spans": pollers.spans}[kind]


def _view_routes(page: str, event_stream: EventStream, request_log: RequestLog) -> list[web.RouteDef]:
    """Return the routes that change nothing: the page, its events, and the pictures of a request."""

    async def show_page(_: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": content_security_policy()}
        return web.Response(text=page, content_type="text/html", headers=headers)

    async def stream_events(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=STREAM_HEADERS)
        await response.prepare(request)
        requests = [("requests", logged.id) for logged in request_log]
        with suppress(ConnectionError):  # the page was closed
            async for event in event_stream.events([*((kind, "") for kind in PAGE_TOPICS), *requests]):
                await response.write(event)
        return response

    # Drawing a large trace takes long, so it happens in a thread and does not block the event loop.

    async def show_waterfall(request: web.Request) -> web.Response:
        seen = _find(request_log, request).snapshot()
        model = await asyncio.to_thread(lambda: waterfall_model(seen.traces(), seen.open_ids, vocabulary=OPENSTACK))
        return json_response(model)

    async def show_sequence(request: web.Request) -> web.Response:
        seen = _find(request_log, request).snapshot()
        picture = await asyncio.to_thread(lambda: _draw_sequence(seen.as_one(), seen.open_ids))
        return web.Response(text=picture, content_type="image/svg+xml")

    async def save_as_html(request: web.Request) -> web.Response:
        logged = _find(request_log, request)
        seen = logged.snapshot()
        document = await asyncio.to_thread(lambda: html_document(seen.traces(), vocabulary=OPENSTACK))
        headers = {"Content-Disposition": f'attachment; filename="trace-{logged.trace_id[:8]}.html"'}
        return web.Response(text=document, content_type="text/html", headers=headers)

    return [
        web.get("/", show_page),
        web.get("/events", stream_events, allow_head=False),
        web.get("/requests/{request_id}/waterfall.json", show_waterfall),
        web.get("/requests/{request_id}/sequence.svg", show_sequence),
        web.get("/requests/{request_id}/trace.html", save_as_html),
    ]


def _draw_sequence(trace: SpanTree, open_ids: Collection[str]) -> str:
    return sequence_svg(sequence(trace, open_ids, vocabulary=OPENSTACK), vocabulary=OPENSTACK)


class _RequestNotFound(NotFound):
    """The request is unknown, or was evicted."""

    error_type = "emulator.RequestNotFound"

    def __init__(self, request_id: str) -> None:
        super().__init__(f"No spans of request {request_id} are kept.")


def _find(request_log: RequestLog, request: web.Request) -> LoggedRequest:
    request_id = request.match_info["request_id"]
    logged = request_log.get(request_id)
    if logged is None:
        raise _RequestNotFound(request_id)
    return logged

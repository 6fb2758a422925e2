"""The console's own small web server, beside a cloud that is up."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from aiohttp import web
from opentelemetry.sdk.trace import ReadableSpan

from emulator import client
from emulator.client import Credentials
from emulator.cloud import Cloud, Settings, listen
from emulator.console.boot_requests import Desk, order_routes
from emulator.console.event_stream import Feed, Topic
from emulator.console.page import console_page, console_policy
from emulator.console.pollers import Lookout
from emulator.console.request_log import RequestLog, Story
from emulator.console.security import HEADERS, guarding
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
"""How many servers a page shows, the newest."""
LARGEST_BODY = 64 * 1024
STREAM_HEADERS = {**HEADERS, "Content-Type": "text/event-stream"}


@asynccontextmanager
async def console(
    up: Cloud, settings: Settings, export: Export, stories: RequestLog, jaeger_url: str | None = None, port: int = 0
) -> AsyncIterator[str]:
    """Serve the console of a cloud while the block lasts; yields its URL.

    `stories` sees the spans of `export`. With `jaeger_url`, the address of its UI, traces have links to Jaeger. It
    listens on the settings' `address`, port 0 is a free one. Raises PortInUse.
    """
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(listen("console", settings.address, port))
        token, instance = secrets.token_urlsafe(), secrets.token_hex(8)
        feed = Feed(lambda topic: _news(topic, stories, lookout, instance))
        lookout = Lookout(feed)
        stories.changed = lambda story, span: _pass_on(story, span, feed, lookout)
        stories.forgotten = lambda story: feed.tell("forgotten", story.id)
        service_context = client.new_context(export, settings.seed, settings.pace, owner="console")
        http = await stack.enter_async_context(HttpClient(client.SERVICE, settings.pace))
        credentials = Credentials.from_environment(up.endpoints["keystone"])
        tasks = await stack.enter_async_context(task_group())
        stack.push_async_callback(tasks.finish, 0)
        desk = Desk(service_context, http, credentials, tasks, settings.faults)
        tasks.start(lookout.watch_servers(credentials, stories.unseen))
        tasks.start(lookout.watch_queues(up))
        page = console_page(token, instance, jaeger_url, faults=settings.faults)
        app = web.Application(
            middlewares=[guarding(token, {"localhost", settings.public_host.lower()})], client_max_size=LARGEST_BODY
        )
        app.add_routes([*_reading(page, feed, stories), *order_routes(desk)])
        await stack.enter_async_context(serving(app, listener))
        stack.callback(feed.close)
        yield f"http://{host_in_url(settings.public_host)}:{listener.getsockname()[1]}/"


def _pass_on(story: Story, span: ReadableSpan, feed: Feed, lookout: Lookout) -> None:
    feed.tell("stories", story.id)
    if span.resource.attributes.get("service.name") == "nova-api":
        lookout.stir()


def _news(topic: Topic, stories: RequestLog, lookout: Lookout, instance: str) -> object:
    kind, which = topic
    if kind == "stories":
        story = stories.get(which)
        return None if story is None else story.summary()
    if kind == "forgotten":
        return which
    servers = {
        "problem": lookout.problem,
        "count": len(lookout.servers),
        "servers": lookout.servers[-MOST_SERVERS:],
    }
    return {"instance": instance, "servers": servers, "queues": lookout.queues}[kind]


def _draw_sequence(trace: SpanTree, open_ids: Collection[str]) -> str:
    return sequence_svg(sequence(trace, open_ids, vocabulary=OPENSTACK), vocabulary=OPENSTACK)


def _reading(page: str, feed: Feed, stories: RequestLog) -> list[web.RouteDef]:
    """Return the routes by which the page looks."""

    async def show_page(_: web.Request) -> web.Response:
        return web.Response(text=page, content_type="text/html", headers={"Content-Security-Policy": console_policy()})

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=STREAM_HEADERS)
        await response.prepare(request)
        at_first = [("instance", ""), ("servers", ""), ("queues", ""), *(("stories", story.id) for story in stories)]
        with suppress(ConnectionError):  # the page was closed
            async for event in feed.stream(at_first):
                await response.write(event)
        return response

    async def show_waterfall(request: web.Request) -> web.Response:
        seen = _find(stories, request).snapshot()
        return json_response(
            await asyncio.to_thread(lambda: waterfall_model(seen.traces(), seen.open_ids, vocabulary=OPENSTACK))
        )

    async def show_sequence(request: web.Request) -> web.Response:
        seen = _find(stories, request).snapshot()
        picture = await asyncio.to_thread(lambda: _draw_sequence(seen.as_one(), seen.open_ids))
        return web.Response(text=picture, content_type="image/svg+xml")

    async def save(request: web.Request) -> web.Response:
        story = _find(stories, request)
        seen = story.snapshot()
        page = await asyncio.to_thread(lambda: html_document(seen.traces(), vocabulary=OPENSTACK))
        named = {"Content-Disposition": f'attachment; filename="trace-{story.trace_id[:8]}.html"'}
        return web.Response(text=page, content_type="text/html", headers=named)

    return [
        web.get("/", show_page),
        web.get("/events", stream, allow_head=False),
        web.get("/stories/{story_id}/waterfall.json", show_waterfall),
        web.get("/stories/{story_id}/sequence.svg", show_sequence),
        web.get("/stories/{story_id}/trace.html", save),
    ]


class _NoStory(NotFound):
    """A request that is not remembered, or not any more."""

    def __init__(self, story_id: str) -> None:
        super().__init__(f"Nothing is remembered of request {story_id}.")


def _find(stories: RequestLog, request: web.Request) -> Story:
    story_id = request.match_info["story_id"]
    story = stories.get(story_id)
    if story is None:
        raise _NoStory(story_id)
    return story

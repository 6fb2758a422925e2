"""SERVER spans: their attributes, and what counts as a failure."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from yarl import URL

from emulator.instrumentation import http_server
from tests.instrumentation.conftest import Traced


class SoldOut(Exception):
    """The book is sold out."""

    error_type = "shop.SoldOut"


async def answered(_: web.Request) -> web.Response:
    return web.Response(status=503)


async def not_found(_: web.Request) -> web.Response:
    raise web.HTTPNotFound


async def sold_out(_: web.Request) -> web.Response:
    raise SoldOut("no copy is left")


async def translated(request: web.Request) -> web.Response:
    http_server.record_failure(request, SoldOut("no copy is left"), "500")
    return web.Response(status=500)


async def recorded(request: web.Request) -> web.Response:
    http_server.record_failure(request, SoldOut("no copy is left"))
    return web.Response(status=500)


async def late(_: web.Request) -> web.Response:
    raise TimeoutError


async def broken_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    raise SoldOut("in mid-body")


async def shown(request: web.Request) -> web.Response:
    return web.json_response(http_server.headers_of(request))


@asynccontextmanager
async def serving(traced: Traced, handler: Handler) -> AsyncIterator[str]:
    app = web.Application(middlewares=[http_server.middleware(traced.tracer("shop"))])
    app.on_response_prepare.append(http_server.record_status)
    async with running(app, handler) as url:
        yield url


@asynccontextmanager
async def running(app: web.Application, handler: Handler) -> AsyncIterator[str]:
    app.router.add_route("*", "/books/{id}", handler)
    listener = socket.create_server(("127.0.0.1", 0))
    quiet = logging.getLogger(f"{__name__}.quiet")
    quiet.disabled = True  # aiohttp logs the errors of handlers, which are meant here
    runner = web.AppRunner(app, access_log=None, logger=quiet)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("handler", "status", "error_type", "exceptions"),
    [
        (answered, 503, "503", []),
        (not_found, 404, "", []),
        (sold_out, 500, "shop.SoldOut", ["shop.SoldOut"]),
        (late, 504, "TimeoutError", ["TimeoutError"]),
        (recorded, 500, "shop.SoldOut", ["shop.SoldOut"]),
        (translated, 500, "500", ["shop.SoldOut"]),
        (broken_off, 200, "shop.SoldOut", ["shop.SoldOut"]),
    ],
)
async def test_only_server_errors_mark_a_server_span_as_failed(
    traced: Traced,
    handler: Handler,
    status: int | None,
    error_type: str,
    exceptions: list[str],
) -> None:
    async with serving(traced, handler) as url, aiohttp.ClientSession() as session:
        try:
            async with session.get(f"{url}/books/7") as response:
                assert response.status == status
                await response.read()
        except aiohttp.ClientError:
            assert handler is broken_off
    span = traced.one("GET /books/{id}")
    assert span.attributes.get("http.response.status_code") == status
    assert (span.failed, span.error_type) == (bool(error_type), error_type)
    assert [event.attributes["exception.type"] for event in span.events] == exceptions


async def test_methods_and_urls_are_shown_as_the_conventions_say(traced: Traced) -> None:
    async with serving(traced, not_found) as url, aiohttp.ClientSession() as session:
        async with session.request("PURGE", f"{url}/books/7%2F8?sig=secret&title=a%26b"):
            pass
    span = traced.one("HTTP /books/{id}")
    shown = {"http.request.method": "_OTHER", "http.request.method_original": "PURGE", "url.path": "/books/7%2F8"}
    assert span.attributes.items() >= {**shown, "url.query": "sig=REDACTED&title=a%26b"}.items()


async def send(url: str, *headers: bytes) -> bytes:
    """Send headers that no HTTP client would send, and return the whole answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(url).port)
    lines = (b"GET /books/7 HTTP/1.1", b"Host: shop", b"Connection: close", *headers)
    writer.write(b"".join(line + b"\r\n" for line in (*lines, b"")))
    answer = await reader.read()
    writer.close()
    return answer


async def test_headers_that_are_not_utf_8_harm_neither_the_answer_nor_the_span(traced: Traced) -> None:
    async with serving(traced, shown) as url:
        answer = await send(url, b"baggage: \xff=\xff", b"User-Agent: Mo\xffzilla")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert traced.one("GET /books/{id}").attributes["user_agent.original"] == "Mo?zilla"


async def test_repeated_headers_are_joined(traced: Traced) -> None:
    async with serving(traced, shown) as url:
        answer = await send(url, b"tracestate: shop=1", b"Tracestate: reader=2")
    assert b'"tracestate": "shop=1,reader=2"' in answer


async def test_a_metric_can_read_the_outcome_of_a_request_that_is_not_sampled() -> None:
    measured = []

    @web.middleware
    async def measure(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        finally:
            measured.append((request[http_server.OUTCOME].status, request[http_server.OUTCOME].error_type))

    tracer = TracerProvider(sampler=ALWAYS_OFF).get_tracer("shop")
    for handler in (not_found, sold_out, translated, broken_off):
        app = web.Application(middlewares=[measure, http_server.middleware(tracer)])
        app.on_response_prepare.append(http_server.record_status)
        async with running(app, handler) as url, aiohttp.ClientSession() as session:
            try:
                async with session.get(f"{url}/books/7") as response:
                    await response.read()
            except aiohttp.ClientError:
                assert handler is broken_off
    assert measured == [(404, None), (500, "shop.SoldOut"), (500, "500"), (200, "shop.SoldOut")]

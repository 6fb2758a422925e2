"""SERVER spans: their attributes, and what counts as a failure."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
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


async def broken_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    raise SoldOut("in mid-body")


async def shown(request: web.Request) -> web.Response:
    return web.json_response(http_server.headers_of(request))


@asynccontextmanager
async def serving(
    traced: Traced, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> AsyncIterator[str]:
    app = web.Application(middlewares=[http_server.middleware(traced.tracer("shop"))])
    app.on_response_prepare.append(http_server.record_status)
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
        (sold_out, None, "shop.SoldOut", ["shop.SoldOut"]),
        (translated, 500, "500", ["shop.SoldOut"]),
        (broken_off, 200, "shop.SoldOut", ["shop.SoldOut"]),
    ],
)
async def test_only_server_errors_mark_a_server_span_as_failed(
    traced: Traced,
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    status: int | None,
    error_type: str,
    exceptions: list[str],
) -> None:
    async with serving(traced, handler) as url, aiohttp.ClientSession() as session:
        try:
            async with session.get(f"{url}/books/7") as response:
                await response.read()
        except aiohttp.ClientError:
            assert handler is broken_off
    span = traced.one("GET /books/{id}")
    assert span.attributes.get("http.response.status_code") == status
    assert (span.failed, span.error_type) == (bool(error_type), error_type)
    assert [event.attributes["exception.type"] for event in span.events] == exceptions


async def test_methods_and_urls_are_shown_as_the_conventions_say(traced: Traced) -> None:
    async with serving(traced, not_found) as url, aiohttp.ClientSession() as session:
        async with session.request("PURGE", f"{url}/books/7?sig=secret&page=2"):
            pass
    span = traced.one("HTTP /books/{id}")
    shown = {"http.request.method": "_OTHER", "http.request.method_original": "PURGE", "url.path": "/books/7"}
    assert span.attributes.items() >= {**shown, "url.query": "sig=REDACTED&page=2"}.items()


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

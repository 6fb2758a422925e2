"""CLIENT spans: what they show of a request, and what counts as a failure."""

import asyncio
import runpy
import socket
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from emulator.instrumentation import http_attributes, http_client
from emulator.instrumentation.url_template import TemplatedUrl
from tests.instrumentation.conftest import Traced


async def show_book(request: web.Request) -> web.Response:
    return web.json_response({"method": request.method, "accept": request.headers.getall("Accept")})


async def moved(_: web.Request) -> web.Response:
    raise web.HTTPFound("/books/7")


async def sold_out(_: web.Request) -> web.Response:
    return web.Response(status=410)


async def never(_: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.fixture
async def shop() -> AsyncIterator[URL]:
    """A server that does not trace."""
    app = web.Application()
    app.add_routes(
        [
            web.get("/books/{id}", show_book),
            web.get("/moved", moved),
            web.get("/sold-out", sold_out),
            web.get("/never", never),
        ]
    )
    listener = socket.create_server(("127.0.0.1", 0))
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        yield URL(f"http://127.0.0.1:{listener.getsockname()[1]}")
    finally:
        await runner.cleanup()


async def get(
    traced: Traced, url: str | URL | TemplatedUrl, *, method: str = "GET", base: URL | None = None, **options: Any
) -> object:
    async with (
        aiohttp.ClientSession(base) as session,
        http_client.request(traced.tracer("reader"), session, method, url, **options) as response,
    ):
        return await response.json(content_type=None)


@pytest.mark.parametrize(
    ("path", "params", "shown"),
    [
        ("/books/7?page=2", None, "/books/7?page=2"),
        ("/books/7?page=2", {"sig": "secret"}, "/books/7?page=2&sig=REDACTED"),
        ("/books/7", [("tag", "a b"), ("tag", "c")], "/books/7?tag=a+b&tag=c"),
    ],
)
async def test_the_whole_url_is_shown_without_secrets(
    traced: Traced, shop: URL, path: str, params: Any, shown: str
) -> None:
    await get(traced, str(shop.with_user("me").with_password("secret")) + path, params=params)
    span = traced.one("GET")
    assert span.attributes["url.full"] == f"http://REDACTED:REDACTED@127.0.0.1:{shop.port}{shown}"
    assert (span.attributes["server.address"], span.attributes["server.port"]) == ("127.0.0.1", shop.port)


async def test_the_url_may_be_relative_to_the_sessions(traced: Traced, shop: URL) -> None:
    await get(traced, "/books/7", base=shop, params={"page": "2"})
    span = traced.one("GET")
    assert (span.attributes["url.full"], span.attributes["server.port"]) == (f"{shop}/books/7?page=2", shop.port)


@pytest.mark.parametrize("url", ["http://", "http://[::1", "nowhere"])
@pytest.mark.parametrize("templated", [False, True])
async def test_an_invalid_url_is_aiohttps_error(traced: Traced, url: str, templated: bool) -> None:
    with pytest.raises(aiohttp.InvalidURL):
        await get(traced, TemplatedUrl(url, "/books/{id}", {"id": "7"}) if templated else url)
    [span] = traced.spans
    assert span.error_type.startswith("aiohttp.")


async def test_a_template_names_the_span_and_makes_the_url(traced: Traced, shop: URL) -> None:
    await get(traced, TemplatedUrl(str(shop), "/books/{id}", {"id": "7"}, {"page": "2"}))
    span = traced.one("GET /books/{id}")
    assert span.attributes["url.template"] == "/books/{id}"
    assert span.attributes["url.full"] == f"{shop}/books/7?page=2"


async def test_a_span_without_a_template_is_named_by_its_method(traced: Traced, shop: URL) -> None:
    await get(traced, shop / "books/7")
    assert "url.template" not in traced.one("GET").attributes


async def test_all_of_several_equal_headers_are_sent(traced: Traced, shop: URL) -> None:
    def inject(headers: MutableMapping[str, str]) -> None:
        headers["TraceParent"] = "ours"

    headers = CIMultiDict([("Accept", "text/plain"), ("Accept", "text/html"), ("traceparent", "theirs")])
    answer = await get(traced, shop / "books/7", headers=headers, inject=inject)
    assert answer == {"method": "GET", "accept": ["text/plain", "text/html"]}


async def test_a_method_is_known_in_any_case(traced: Traced, shop: URL) -> None:
    await get(traced, shop / "books/7", method="get")
    span = traced.one("GET")
    assert (span.attributes["http.request.method"], span.attributes["http.request.method_original"]) == ("GET", "get")


def test_a_variable_replaces_the_known_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "GET,PURGE")
    span_name = runpy.run_path(http_attributes.__file__)["span_name"]
    assert [span_name(method, "/x") for method in ("GET", "PURGE", "POST")] == ["GET /x", "PURGE /x", "HTTP /x"]


async def test_a_status_of_400_or_above_is_an_error(traced: Traced, shop: URL) -> None:
    await get(traced, shop / "sold-out")
    span = traced.one("GET")
    assert (span.attributes["http.response.status_code"], span.failed, span.error_type) == (410, True, "410")
    assert span.events == ()


async def test_a_raised_status_is_shown(traced: Traced, shop: URL) -> None:
    with pytest.raises(aiohttp.ClientResponseError):
        await get(traced, shop / "sold-out", raise_for_status=True)
    span = traced.one("GET")
    assert (span.attributes["http.response.status_code"], span.failed) == (410, True)


async def test_redirects_are_one_span(traced: Traced, shop: URL) -> None:
    await get(traced, shop / "moved")
    span = traced.one("GET")
    assert (span.attributes["url.full"], span.attributes["http.response.status_code"]) == (f"{shop}/moved", 200)


async def test_an_unreachable_server_is_an_error(traced: Traced) -> None:
    with pytest.raises(aiohttp.ClientConnectorError):
        await get(traced, "http://127.0.0.1:1/")
    span = traced.one("GET")
    assert span.error_type == "aiohttp.client_exceptions.ClientConnectorError"
    assert [event.name for event in span.events] == ["exception"]
    assert "http.response.status_code" not in span.attributes


async def test_a_cancelled_request_is_no_error(traced: Traced, shop: URL) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await get(traced, shop / "never")
    assert not traced.one("GET").failed

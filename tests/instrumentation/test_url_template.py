"""URLs from templates: whatever a value holds, the URL has the route of its template."""

import socket

import aiohttp
import pytest
from aiohttp import web

from emulator.instrumentation.url_template import TemplatedUrl

AWKWARD = ["7", "a/b", "..", ".", "a%2Fb", "ü ?#&", "a:b"]


async def show(request: web.Request) -> web.Response:
    resource = request.match_info.route.resource
    return web.json_response([request.match_info["id"], "" if resource is None else resource.canonical])


@pytest.mark.parametrize("value", AWKWARD)
async def test_a_value_arrives_as_it_was_on_the_templates_route(value: str) -> None:
    app = web.Application()
    app.add_routes([web.get("/shop/books/{id}/pages", show)])
    listener = socket.create_server(("127.0.0.1", 0))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        base = f"http://127.0.0.1:{listener.getsockname()[1]}/shop/"
        target = TemplatedUrl(base, "/books/{id}/pages", {"id": value})
        async with aiohttp.ClientSession() as session, session.get(target.url) as response:
            assert await response.json() == [value, target.template]
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("base", ["http://shop", "http://shop/", "http://shop:80/?a=b", ""])
def test_the_template_is_an_absolute_path(base: str) -> None:
    assert TemplatedUrl(base, "/books").template == "/books"
    assert TemplatedUrl(f"{base.partition('?')[0].rstrip('/')}/v2", "/books").template == "/v2/books"


def test_query_values_are_quoted() -> None:
    assert str(TemplatedUrl("http://shop", "/books", query={"name": "^a&b$"}).url) == "http://shop/books?name=%5Ea%26b$"


def test_a_query_may_repeat_a_name() -> None:
    assert (
        str(TemplatedUrl("http://shop", "/", query={"tag": ("a", "b"), "none": ()}).url) == "http://shop/?tag=a&tag=b"
    )


@pytest.mark.parametrize("values", [{}, {"other": "7"}, {"id": "7", "other": "7"}])
def test_a_template_and_values_that_differ_are_refused(values: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"/books/\{id\} was given values for"):
        TemplatedUrl("http://shop", "/books/{id}", values)

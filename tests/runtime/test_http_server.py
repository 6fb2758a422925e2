"""What a service answers if a handler fails, and what its span says about that."""

import asyncio

import aiohttp
import pytest
from aiohttp import web
from aiormq.exceptions import AMQPConnectionError
from yarl import URL

from emulator.runtime.service import Service
from tests.conftest import eventually
from tests.runtime.conftest import Services

OUTGOING = [aiohttp.ClientConnectionResetError("Cannot write to closing transport"), AMQPConnectionError("gone")]


@pytest.mark.parametrize("error", OUTGOING, ids=["http", "amqp"])
async def test_a_connection_that_the_handler_lost_is_a_500_and_a_failed_span(
    services: Services, error: ConnectionError
) -> None:
    async def fail(_: web.Request) -> web.Response:
        raise error

    async with services.run(Service("one", public=[web.get("/", fail)])) as (_, url), aiohttp.ClientSession() as client:
        async with client.get(url) as response:
            assert response.status == 500
    [trace] = services.traces()
    assert trace.one("one", kind="server", error=True).attributes["http.response.status_code"] == 500


async def test_a_caller_that_leaves_in_the_middle_of_a_body_is_no_failure(services: Services) -> None:
    reading = asyncio.Event()

    async def read(request: web.Request) -> web.Response:
        reading.set()
        return web.Response(body=await request.read())

    async with services.run(Service("one", public=[web.post("/", read)])) as (_, address):
        url = URL(address)
        _, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(b"POST / HTTP/1.1\r\nHost: one\r\nContent-Length: 10\r\n\r\nhalf")
        await reading.wait()
        writer.close()
        await writer.wait_closed()

        async def ended() -> int:
            return len(services.export.kept)

        await eventually(ended)
    [trace] = services.traces()
    assert not trace.all(error=True)

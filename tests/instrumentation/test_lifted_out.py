"""A bookshop that knows nothing of the emulator is instrumented with these files alone."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aio_pika
import aiohttp
from aio_pika.abc import AbstractIncomingMessage
from aiohttp import web
from opentelemetry.trace import Tracer
from yarl import URL

import emulator.instrumentation
from emulator.broker import Broker
from emulator.instrumentation import http_client, http_server, span
from emulator.instrumentation.messaging import (
    MessagingDestination,
    destination_name,
    processing,
    publishing,
    settling,
)
from emulator.instrumentation.url_template import TemplatedUrl
from spantree import tree, trees
from tests.instrumentation.conftest import Traced

BOUGHT = """
reader: buy a book
  reader: GET /books/{id} (client) {http.response.status_code=200, url.template="/books/{id}", shop.customer=c-1}
    shop: GET /books/{id} (server) {http.route="/books/{id}", http.response.status_code=200, shop.instance=a}
  reader: POST /orders (client) {http.response.status_code=202}
    shop: POST /orders (server) {http.response.status_code=202}
      shop: publish shop:orders (producer) {messaging.destination.name=shop:orders, messaging.message.body.size=6}
        warehouse: process shop:orders (consumer) {messaging.operation.type=process, shop.floor=3}
          warehouse: ack shop:orders (client) {messaging.operation.type=settle}
  reader: POST /orders (client) {http.response.status_code=202}
    shop: POST /orders (server) {http.response.status_code=202}
      shop: publish shop:orders (producer) {messaging.message.body.size=0}
        warehouse: process shop:orders (consumer) !warehouse.NoSuchBook {shop.floor=3}
          warehouse: reject shop:orders (client) {messaging.operation.type=settle}
"""


class NoSuchBook(Exception):
    """The order names no book."""

    error_type = "warehouse.NoSuchBook"


async def handle(message: AbstractIncomingMessage) -> None:
    """Take an order."""
    if not message.body:
        raise NoSuchBook


@asynccontextmanager
async def shop(tracer: Tracer, connection: aio_pika.abc.AbstractConnection, broker: URL) -> AsyncIterator[str]:
    """An aiohttp application that sells books and publishes orders."""
    channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
    exchange = await channel.declare_exchange("shop", aio_pika.ExchangeType.TOPIC)
    orders = MessagingDestination(broker, destination_name("shop", "orders"), routing_key="orders")

    async def show_book(request: web.Request) -> web.Response:
        return web.json_response({"id": request.match_info["id"]})

    async def order(request: web.Request) -> web.Response:
        message = aio_pika.Message(await request.read(), message_id="m-1", correlation_id="order-1")
        with publishing(tracer, message, orders):
            await exchange.publish(message, "orders")
        return web.json_response({}, status=202)

    app = web.Application(middlewares=[http_server.middleware(tracer, {"shop.instance": "a"})])
    app.on_response_prepare.append(http_server.record_status)
    app.add_routes([web.get("/books/{id}", show_book), web.post("/orders", order)])
    listener = socket.create_server(("127.0.0.1", 0))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        await runner.cleanup()


async def test_a_foreign_shop_gives_one_whole_trace(traced: Traced) -> None:
    reading, warehouse = traced.tracer("reader"), traced.tracer("warehouse")
    delivered = asyncio.Semaphore(0)
    async with (
        Broker(socket.create_server(("127.0.0.1", 0))) as broker,
        await aio_pika.connect(broker.url) as connection,
        shop(traced.tracer("shop"), connection, URL(broker.url)) as url,
        aiohttp.ClientSession() as session,
    ):
        channel = await connection.channel()
        queue = await channel.declare_queue("orders")
        await queue.bind("shop", "orders")
        name = destination_name("shop", "orders", queue.name)
        source = MessagingDestination(URL(broker.url), name, routing_key="orders")

        async def consume(message: AbstractIncomingMessage) -> None:
            try:
                with processing(warehouse, message, source, attributes={"shop.floor": 3}):
                    try:
                        await handle(message)
                    except Exception:
                        with settling(warehouse, "reject", message, source):
                            await message.reject()
                        raise
                    with settling(warehouse, "ack", message, source):
                        await message.ack()
            finally:
                delivered.release()

        await queue.consume(consume)
        with span(reading, "buy a book"):
            async with http_client.request(
                reading,
                session,
                "GET",
                TemplatedUrl(url, "/books/{id}", {"id": "7"}),
                attributes={"shop.customer": "c-1"},
            ) as response:
                assert await response.json() == {"id": "7"}
            for order in (b"book 7", b""):
                async with http_client.request(
                    reading, session, "POST", TemplatedUrl(url, "/orders"), data=order
                ) as response:
                    await response.read()
        async with asyncio.timeout(10):
            await delivered.acquire()
            await delivered.acquire()
    [trace] = trees(traced.spans)
    assert trace == tree(BOUGHT)
    assert trace.check() == []
    for processed in (one for one in traced.spans if one.name == "process shop:orders"):
        assert [link.span_id for link in processed.links] == [processed.parent_id]
        assert processed.attributes["messaging.message.conversation_id"] == "order-1"


def test_the_files_work_where_there_is_no_emulator(tmp_path: Path) -> None:
    source = Path(emulator.instrumentation.__file__).parent
    copied = tmp_path / "tracing"
    copied.mkdir()
    for file in source.glob("*.py"):
        (copied / file.name).write_text(file.read_text().replace("emulator.instrumentation", "tracing"))
    importing = "".join(f"import tracing.{file.stem}\n" for file in copied.glob("*.py") if file.stem != "__init__")
    check = "import sys\nassert not [name for name in sys.modules if name.split('.')[0] in {'emulator', 'spantree'}]\n"
    subprocess.run([sys.executable, "-c", importing + check], cwd=tmp_path, check=True)  # noqa: S603 - our own code


def test_the_public_api_is_pinned() -> None:
    assert set(emulator.instrumentation.__all__) == {
        "BAGGAGE_LIMIT_BYTES",
        "AttributeValue",
        "Attributes",
        "Inject",
        "MessagingContext",
        "attached",
        "error_type",
        "extract",
        "inject",
        "mark_failed",
        "record_error",
        "span",
    }

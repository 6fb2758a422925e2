"""What is published and consumed on a bus that refuses messages, loses connections, or does not answer."""

import asyncio
import socket
from collections.abc import Mapping

import aio_pika
import pytest
from aio_pika.exceptions import ChannelPreconditionFailed
from aiohttp import web

from emulator.broker import Broker
from emulator.runtime.amqp_bus import Consumer
from emulator.runtime.amqp_session import BusUnavailable
from emulator.runtime.amqp_topology import Destination
from emulator.runtime.request_context import request_scope
from emulator.runtime.service import BUS, SERVICE_CONTEXT, Service
from tests.runtime.conftest import Services
from tests.runtime.wire import wire

QUEUE = Destination("nova", "scheduler", dead_letters="dead_letters")
"""A queue that the fixture for RabbitMQ deletes."""
TOO_LARGE = bytes(16 * 1024 * 1024 + 1)


class Taken(asyncio.Queue[bytes]):
    """The messages that a consumer took."""

    async def take(self, body: bytes, _: Mapping[str, str]) -> None:
        await self.put(body)

    @property
    def service(self) -> Service:
        """A service that consumes them."""
        return Service("one", consumers=lambda _: [Consumer(QUEUE, self.take)], queues=[QUEUE])


async def publish(app: web.Application, body: bytes, to: Destination = QUEUE) -> None:
    with request_scope(app[SERVICE_CONTEXT]):
        await app[BUS].publish(to, body, "message")


async def test_a_refused_message_is_an_answer_and_harms_no_other_message(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    taken = Taken()
    async with (
        Broker(socket.create_server(("127.0.0.1", 0))) as broker,  # RabbitMQ has this limit since version 4.0
        services.run(taken.service, broker.url) as (app, _),
        asyncio.timeout(30),
    ):
        refused, *others = await asyncio.gather(
            publish(app, TOO_LARGE), *(publish(app, b"%d" % number) for number in range(5)), return_exceptions=True
        )
        assert isinstance(refused, BusUnavailable)
        assert "is larger than" in str(refused)
        assert others == [None] * 5
        await publish(app, b"5")
        assert {await taken.get() for _ in range(6)} == {b"%d" % number for number in range(6)}
    assert caplog.messages == [], "the connection and its consumers are kept"


async def test_an_exchange_of_another_type_is_an_answer(
    services: Services, amqp_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    taken = Taken()
    async with services.run(taken.service, amqp_url) as (app, _), asyncio.timeout(30):
        async with await aio_pika.connect(amqp_url) as client:
            channel = await client.channel()
            await channel.declare_exchange("scheduler_fanout", aio_pika.ExchangeType.DIRECT, durable=True)
        with pytest.raises(BusUnavailable, match="inequivalent arg 'type'") as refused:
            await publish(app, b"", Destination("scheduler_fanout", fanout=True))
        assert isinstance(refused.value.__cause__, ChannelPreconditionFailed)
        await publish(app, b"next")
        assert await taken.get() == b"next"
    assert caplog.messages == []


@pytest.mark.parametrize("cuts", [1, 3])
async def test_a_message_is_published_again_whenever_the_connection_is_lost(
    services: Services, amqp_url: str, cuts: int
) -> None:
    taken = Taken()
    async with (
        wire(amqp_url) as proxied,
        services.run(taken.service, proxied.url) as (app, _),
        asyncio.timeout(30),
    ):
        proxied.cuts, proxied.cut_at = cuts, b"kept"
        await publish(app, b"kept")
        assert await taken.get() == b"kept"
    [producer] = [span for trace in services.traces() for span in trace.all(kind="producer")]
    assert [event.name for event in producer.events] == ["connection lost"] * cuts + ["confirmed"]


async def test_a_delivery_after_the_stop_stays_in_the_queue(services: Services, amqp_url: str) -> None:
    """The broker has not heard that the consumer cancelled, and goes on delivering."""
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def handle(_: bytes, __: Mapping[str, str]) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async def publish_when_cancelled() -> None:
        await cancelled.wait()
        async with await aio_pika.connect(amqp_url) as client:
            await (await client.channel()).default_exchange.publish(aio_pika.Message(b"late"), QUEUE.routing_key)

    late = asyncio.create_task(publish_when_cancelled())
    service = Service("one", consumers=lambda _: [Consumer(QUEUE, handle)], queues=[QUEUE])
    async with wire(amqp_url) as proxied, services.run(service, proxied.url, stopping=0.01) as (app, _):
        await publish(app, b"first")
        await begun.wait()
        proxied.deaf = True
    await late
    taken = Taken()
    async with services.run(taken.service, amqp_url), asyncio.timeout(30):
        assert {await taken.get(), await taken.get()} == {b"first", b"late"}

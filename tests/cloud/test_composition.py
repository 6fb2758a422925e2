"""A cloud is composed of services as data: a row in the registry adds one, with its queues and what it waits for."""

import asyncio
import socket

import aio_pika
import pytest
from aiohttp import web

from emulator.broker import Broker
from emulator.runtime.amqp_bus import Consumer
from emulator.runtime.amqp_topology import Destination
from emulator.runtime.service import Service
from emulator.services.config import ServiceConfig
from emulator.services.registry import SERVICES, ServiceRow
from tests.conftest import start_cloud

VOLUMES = Destination("cinder", "volumes")
handled: list[bytes] = []
knows_hosts = asyncio.Event()


def cinder(config: ServiceConfig) -> Service:
    """A service with a durable queue, which needs to know the hosts of its cloud."""

    async def create_volume(body: bytes, _: object) -> None:
        handled.append(body)

    async def learn_hosts(_: web.Application) -> None:
        assert config.hosts == ["compute-1", "compute-2"]
        await asyncio.sleep(0)
        knows_hosts.set()

    return Service(
        "cinder", consumers=lambda _: [Consumer(VOLUMES, create_volume)], queues=[VOLUMES], cloud_ready=learn_hosts
    )


async def test_a_row_adds_a_service_with_its_queue_and_what_it_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SERVICES, "cinder", ServiceRow("cinder", port=8776, build=f"{__name__}:cinder", colour="#000"))
    async with Broker(socket.create_server(("127.0.0.1", 0))) as broker:
        async with await aio_pika.connect(broker.url) as client:
            channel = await client.channel()
            await channel.declare_queue("volumes", durable=True)
            await channel.default_exchange.publish(aio_pika.Message(b"of an earlier cloud"), "volumes")
        async with start_cloud(amqp_url=broker.url, computes=2) as running_cloud:
            assert knows_hosts.is_set()
            assert VOLUMES in running_cloud.cloud.queues
    assert handled == [], "a cloud purges the queues of all its services"


async def test_a_cloud_knows_every_durable_queue_that_its_services_consume() -> None:
    async with start_cloud(computes=2) as running_cloud:
        assert running_cloud.cloud.broker is not None
        durable = {depth.queue for depth in running_cloud.cloud.broker.depths() if not is_temporary(depth.queue)}
        named = [queue.routing_key for queue in running_cloud.cloud.queues]
    assert sorted(named) == sorted(durable)


def is_temporary(queue: str) -> bool:
    """Whether the name is of a lock, of a queue for replies or of a fanout exchange's queue."""
    return queue.startswith(("lock.", "reply_")) or "_fanout_" in queue

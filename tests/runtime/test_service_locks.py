"""A service that keeps its state in memory runs only once on a bus, and reports its health."""

import asyncio
import socket
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import aio_pika
import aiohttp
import pytest
from aio_pika.exceptions import ChannelPreconditionFailed

from emulator.broker import Broker
from emulator.cloud import AlreadyRunning, QueueType, Settings, run_service
from emulator.runtime.export import Export
from emulator.services.registry import APIS, SERVICES
from spantree import OtlpReceiver
from tests.conftest import DEAD_LETTERS, REFERENCE, eventually, start_cloud
from tests.runtime.wire import wire
from tests.support.processes import free_port, started

NOWHERE = dict.fromkeys(APIS, "http://127.0.0.1:1")


def serving(name: str, amqp_url: str, host: str = "compute-1", patience: float = 5) -> AbstractAsyncContextManager[str]:
    settings = Settings(pace=0, bus_patience=patience)
    return run_service(name, settings, Export(), amqp_url=amqp_url, endpoints=NOWHERE, host=host, port=0)


@pytest.mark.parametrize("name", list(SERVICES))
async def test_a_service_with_state_runs_once_on_a_bus_and_can_start_again(amqp_url: str, name: str) -> None:
    async with serving(name, amqp_url):
        with pytest.raises(
            AlreadyRunning, match=rf"^{name}\S* is already running on the bus at amqp://.*: stop the first"
        ):
            async with serving(name, amqp_url, patience=0.5):
                pass
    async with serving(name, amqp_url):
        pass


async def test_a_held_lock_is_reported_even_if_the_broker_is_slow(amqp_url: str) -> None:
    async with wire(amqp_url) as slow, serving("nova-scheduler", amqp_url):
        slow.seconds = 0.05
        with pytest.raises(AlreadyRunning):
            async with serving("nova-scheduler", slow.url, patience=0):
                pass


async def test_a_held_lock_is_reported_even_if_the_broker_does_not_answer_any_more(
    amqp_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def waits() -> bool:
        return "nova-scheduler waits for the other nova-scheduler to leave" in caplog.text

    async with wire(amqp_url) as proxied, serving("nova-scheduler", amqp_url), asyncio.TaskGroup() as tasks:

        async def start_second() -> None:
            with pytest.raises(AlreadyRunning):
                async with serving("nova-scheduler", proxied.url, patience=0.5):
                    pass

        tasks.create_task(start_second())
        await eventually(waits)
        proxied.deaf = True


async def test_nova_compute_runs_once_for_each_host_name(amqp_url: str) -> None:
    async with serving("nova-compute", amqp_url), serving("nova-compute", amqp_url, "compute-2"):
        pass


async def test_a_second_service_waits_for_the_first_one_to_stop(amqp_url: str) -> None:
    shared = {"EMULATOR_AMQP_URL": amqp_url, "EMULATOR_PORT": "0"}
    async with started("serve", "nova-api", **shared) as first:
        await first.until("nova-api is up at ")
        async with started("serve", "nova-api", **shared) as second:
            await second.says("nova-api waits for the other nova-api to leave amqp://")
            assert (await first.stop()).status == 0
            await second.until("nova-api is up at ")
            assert (await second.stop()).status == 0


async def test_requests_get_503_until_the_service_has_its_bus() -> None:
    port = free_port()
    bus = {"EMULATOR_AMQP_URL": f"amqp://127.0.0.1:{free_port()}/", "EMULATOR_PORT": str(port)}
    async with started("serve", "nova-api", **bus) as waiting, aiohttp.ClientSession() as session:
        await waiting.says("nova-api waits for the bus at amqp://")
        url = f"http://127.0.0.1:{port}"
        assert await health(session, url) == (503, "starting")
        assert await health(session, url, "/healthcheck/live") == (200, "alive")
        async with session.get(f"{url}/v2.1/servers") as refused:
            body = {"serviceUnavailable": {"code": 503, "message": "nova-api is starting. Try again later."}}
            assert (refused.status, await refused.json()) == (503, body)
        assert (await waiting.stop()).status == 0


async def test_a_service_that_cannot_consume_again_is_unhealthy_and_says_why(rabbitmq: str) -> None:
    async with started("serve", "nova-scheduler", EMULATOR_AMQP_URL=rabbitmq, EMULATOR_PORT="0") as scheduler:
        url = (await scheduler.until("nova-scheduler is up at ")).split()[-1]
        async with await aio_pika.connect(rabbitmq) as client, aiohttp.ClientSession() as session:
            channel = await client.channel()
            await channel.queue_delete("scheduler")
            await channel.declare_queue("scheduler", durable=True)  # without dead letters: another one
            await scheduler.says("nova-scheduler has lost the connection to the bus")
            await scheduler.says("nova-scheduler is not back on the bus yet: ")
            assert await health(session, url) == (503, "waiting for the bus")
            await channel.queue_delete("scheduler")
            await scheduler.says("nova-scheduler is back on the bus")
            assert await health(session, url) == (200, "ok")


async def test_a_second_service_exits_with_status_1_and_says_what_to_do(amqp_url: str) -> None:
    shared = {"EMULATOR_AMQP_URL": amqp_url, "EMULATOR_PORT": "0", "EMULATOR_BUS_TIMEOUT": "0"}
    async with serving("nova-scheduler", amqp_url), started("serve", "nova-scheduler", **shared) as second:
        ended = await second.ended()
    assert ended.status == 1
    assert ended.err.startswith("emulator: nova-scheduler is already running on the bus at amqp://")
    assert ended.err.count("\n") == 1


async def test_a_second_cloud_on_a_bus_is_refused_and_takes_no_messages(amqp_url: str) -> None:
    async with start_cloud(amqp_url=amqp_url), await aio_pika.connect(amqp_url) as client:
        channel = await client.channel()
        queue = await channel.declare_queue("compute.compute-2", durable=True, arguments=DEAD_LETTERS)
        await channel.default_exchange.publish(aio_pika.Message(b"kept"), queue.name)
        with pytest.raises(AlreadyRunning, match="keystone is already running"):
            async with start_cloud(Settings(pace=0, bus_patience=0), amqp_url=amqp_url, computes=2):
                pass
        assert (await queue.get(no_ack=True)).body == b"kept"


async def test_quorum_queues_boot_the_same_tree(rabbitmq: str, otlp: OtlpReceiver) -> None:
    settings = Settings(pace=0, queue_type=QueueType.QUORUM)
    async with start_cloud(settings, otlp=otlp.endpoint, amqp_url=rabbitmq) as running_cloud:
        await running_cloud.boot()
        async with await aio_pika.connect(rabbitmq) as client:
            with pytest.raises(ChannelPreconditionFailed, match="x-queue-type"):
                await (await client.channel()).declare_queue("api", durable=True, arguments=DEAD_LETTERS)
    assert await otlp.trace(expecting=REFERENCE) == REFERENCE


async def health(session: aiohttp.ClientSession, url: str, path: str = "/healthcheck") -> tuple[int, str]:
    async with session.get(url + path) as response:
        return response.status, (await response.json())["status"]


async def test_a_service_without_its_bus_is_alive_but_not_healthy() -> None:
    port = free_port()
    async with AsyncExitStack() as first, aiohttp.ClientSession() as session:
        broker = await first.enter_async_context(Broker(socket.create_server(("127.0.0.1", port))))
        async with serving("nova-api", broker.url, patience=30) as url:
            assert await health(session, url) == (200, "ok")
            await first.aclose()
            waiting = (503, "waiting for the bus")
            await eventually(lambda: health(session, url), lambda seen: seen == waiting)
            assert await health(session, url, "/healthcheck/live") == (200, "alive")
            async with Broker(socket.create_server(("127.0.0.1", port))):
                await eventually(lambda: health(session, url), lambda seen: seen == (200, "ok"))

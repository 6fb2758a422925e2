"""`emulator serve`: each service in its own process, as in containers, and one trace through all of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiohttp
import pytest

from spantree import OtlpReceiver
from tests.conftest import REFERENCE, needs_rabbitmq, tidied_rabbitmq
from tests.support.processes import Service, run, started

STARTED_FIRST = ("nova-api", "neutron-server", "glance-api", "nova-scheduler")


@pytest.fixture(params=["broker", pytest.param("rabbitmq", marks=needs_rabbitmq)])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[dict[str, str]]:
    """The variables that name the broker: the embedded one in its own process, or RabbitMQ with quorum queues."""
    if request.param == "rabbitmq":
        async with tidied_rabbitmq() as url:
            yield {"EMULATOR_AMQP_URL": url, "EMULATOR_QUEUE_TYPE": "quorum"}
        return
    async with started("serve", "broker", EMULATOR_PORT="0") as broker:
        line = await broker.until("broker is up at ")
        yield {"EMULATOR_AMQP_URL": line.split()[-1]}
        ended = await broker.stop()
        assert (ended.status, "Traceback" in ended.err) == (0, False), ended.err


async def test_services_in_separate_processes_boot_the_reference_trace(bus: dict[str, str], otlp: OtlpReceiver) -> None:
    async with AsyncExitStack() as stack:
        shared = {"EMULATOR_OTLP": otlp.endpoint, "EMULATOR_PACE": "0", "EMULATOR_PORT": "0", **bus}
        services: dict[str, Service] = {}

        async def serve(name: str, *options: str) -> str:
            services[name] = await stack.enter_async_context(started("serve", name, *options, **shared))
            line = await services[name].until(f"{name} is up at ")
            return line.split()[-1]

        urls = dict(zip(STARTED_FIRST, await asyncio.gather(*map(serve, STARTED_FIRST)), strict=True))
        keystone = await serve(
            "keystone",
            *("--compute-url", urls["nova-api"]),
            *("--network-url", urls["neutron-server"]),
            *("--image-url", urls["glance-api"]),
            *("--public-host", "localhost"),
        )
        urls["keystone"] = keystone.replace("localhost", "127.0.0.1")
        urls["nova-compute"] = await serve("nova-compute", "--keystone-url", keystone, "--compute-host", "compute-3")
        async with aiohttp.ClientSession() as session:
            for name, url in urls.items():
                async with session.get(f"{url}/healthcheck") as response:
                    assert await response.json() == {"service": name, "status": "ok"}

        booted = await run("boot", "--keystone-url", keystone, "--pace", "0", EMULATOR_OTLP=otlp.endpoint)
        assert (booted.status, booted.err) == (0, "")
        assert booted.out.startswith("✓ demo is ACTIVE on compute-3, ")
        assert "only this process's spans are shown" in booted.out
        for ended in await asyncio.gather(*(service.stop() for service in reversed(services.values()))):
            assert (ended.status, "Traceback" in ended.err) == (0, False), ended.err
    trace = await otlp.trace(expecting=REFERENCE)
    assert trace == REFERENCE
    assert trace.one("openstack-client", name="POST /v2.1/servers").attributes["server.address"] == "localhost"
    assert (
        trace.one("nova-compute", attributes={"openstack.boot.step": "3,4"}).attributes["server.address"] == "127.0.0.1"
    )


async def test_os_interface_chooses_the_endpoints_of_the_catalog() -> None:
    async with started("up", "--port-base", "0", "--pace", "0", "--no-console") as up:
        keystone = (await up.until("keystone")).split()[-1]
        for interface, text in (
            ("internal", "ACTIVE"),
            ("publicURL", "ACTIVE"),
            ("private", "has no private endpoint"),
        ):
            booted = await run("boot", "--keystone-url", keystone, "--pace", "0", OS_INTERFACE=interface)
            assert text in booted.out

"""`emulator serve`: every service a process of its own, as in containers, and one trace through all of them."""

import asyncio
from contextlib import AsyncExitStack

import aiohttp

from emulator.traces import OtlpReceiver
from tests.conftest import REFERENCE
from tests.processes import Service, run, started


async def test_a_process_for_each_service_boots_the_reference_trace_and_all_stop_in_order(
    otlp: OtlpReceiver,
) -> None:
    async with AsyncExitStack() as stack:
        shared = {"EMULATOR_OTLP": otlp.endpoint, "EMULATOR_PACE": "0", "EMULATOR_PORT": "0"}
        services: dict[str, Service] = {}

        async def serve(name: str, *options: str) -> str:
            services[name] = await stack.enter_async_context(started("serve", name, *options, **shared))
            line = await services[name].until(f"{name} is up at ")
            return line.split()[-1]

        shared["EMULATOR_AMQP_URL"] = await serve("broker")
        names = ("nova-api", "neutron-server", "glance-api", "nova-scheduler")
        urls = dict(zip(names, await asyncio.gather(*map(serve, names)), strict=True))
        keystone = await serve(
            "keystone",
            *("--compute-url", urls["nova-api"]),
            *("--network-url", urls["neutron-server"]),
            *("--image-url", urls["glance-api"]),
        )
        urls["keystone"] = keystone
        urls["nova-compute"] = await serve("nova-compute", "--keystone-url", keystone, "--compute-host", "compute-7")
        async with aiohttp.ClientSession() as session:
            for name, url in urls.items():
                async with session.get(f"{url}/healthcheck") as response:
                    assert await response.json() == {"service": name, "status": "ok"}

        booted = await run("boot", "--keystone-url", keystone, "--pace", "0", EMULATOR_OTLP=otlp.endpoint)
        assert (booted.status, booted.err) == (0, "")
        assert booted.out.startswith("✓ demo is ACTIVE on compute-7, ")
        assert "this process saw only its own spans" in booted.out
        for ended in await asyncio.gather(*(service.stop() for service in reversed(services.values()))):
            assert (ended.status, "Traceback" in ended.err) == (0, False), ended.err
    assert await otlp.trace(expecting=REFERENCE) == REFERENCE

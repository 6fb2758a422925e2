"""A cloud of separate services, some of which can be missing, stopped or replaced."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

import aiohttp

from emulator.broker import Broker
from emulator.cloud import Cloud, MessagingContext, Settings, run_service
from emulator.runtime.export import Export
from emulator.services.registry import APIS, SERVICES
from tests.conftest import RunningCloud
from tests.support.processes import free_port


def all_but(*missing: str) -> tuple[str, ...]:
    """The names of all services but these."""
    return tuple(name for name in SERVICES if name not in missing)


@asynccontextmanager
async def in_parts(
    parts: tuple[str, ...] = tuple(SERVICES),
    *,
    build_seconds: float = 60,
    glance: str | None = None,
    amqp_url: str = "",
    messaging_context: MessagingContext = MessagingContext.BOTH,
    exports: Mapping[str, Export] | None = None,
) -> AsyncIterator[tuple[RunningCloud, Broker]]:
    """A cloud of separate services, as `emulator serve` runs them, optionally with another glance or own exports."""
    settings = Settings(
        pace=0,
        build_seconds=build_seconds,
        token_secret="shared",
        bus_patience=5,
        messaging_context=messaging_context,
    )
    export = Export(keep=True)
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(Broker(socket.create_server(("127.0.0.1", 0))))
        endpoints = {name: f"http://127.0.0.1:{free_port()}" for name in SERVICES}
        catalog = {name: endpoints[name] for name in APIS}
        if glance is not None:
            catalog["glance-api"] = glance
        session = await stack.enter_async_context(aiohttp.ClientSession())
        for name in parts:
            port = int(endpoints[name].rpartition(":")[2])
            service = run_service(
                name,
                settings,
                (exports or {}).get(name, export),
                amqp_url=amqp_url or broker.url,
                endpoints=catalog,
                host="compute-1",
                port=port,
            )
            await stack.enter_async_context(service)
        yield RunningCloud(Cloud(endpoints, broker.url), export, session), broker
    for each in (export, *(exports or {}).values()):
        await asyncio.to_thread(each.close)


@asynccontextmanager
async def part(running_cloud: RunningCloud, amqp_url: str, name: str) -> AsyncIterator[None]:
    """Run one more service of such a cloud."""
    settings = Settings(pace=0, token_secret="shared")
    port = int(running_cloud.cloud.endpoints[name].rpartition(":")[2])
    endpoints = running_cloud.cloud.endpoints
    async with run_service(
        name, settings, running_cloud.export, amqp_url=amqp_url, endpoints=endpoints, host="compute-1", port=port
    ):
        yield


def compute_host(running_cloud: RunningCloud, amqp_url: str) -> AbstractAsyncContextManager[None]:
    return part(running_cloud, amqp_url, "nova-compute")

"""The composition root: builds the registry's services and runs them on one message bus.

`run_cloud` runs all of them in this process, `run_service` runs one alone.
"""

import asyncio
import logging
import secrets
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from emulator.broker import Broker
from emulator.cloud.listeners import listen
from emulator.cloud.settings import Settings
from emulator.faults import FAULTS
from emulator.runtime.amqp_connection import BusSettings
from emulator.runtime.amqp_topology import Destination, purge
from emulator.runtime.export import Export
from emulator.runtime.request_context import ServiceContext
from emulator.runtime.seeded_random import SeededRandom
from emulator.runtime.service import Service, running
from emulator.runtime.tasks import SharedTimeout
from emulator.services.auth import Tokens
from emulator.services.config import ServiceConfig
from emulator.services.durations import DURATIONS
from emulator.services.registry import APIS, BROKER, PORTS, SERVICES
from emulator.urls import host_in_url

__all__ = ["Cloud", "run_cloud", "run_service"]

SETTLE_SECONDS = 5.0
STOP_SECONDS = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cloud:
    """A running cloud: the base URL of each API by the name of its service, and the URL of its broker."""

    endpoints: Mapping[str, str]
    amqp_url: str
    queues: Sequence[Destination] = ()
    """The durable queues of all its services."""
    broker: Broker | None = None
    """The embedded broker; None if the cloud uses an external one."""

    async def settled(self, request_id: str) -> None:
        """Wait until no message of a request is on the embedded broker, for at most SETTLE_SECONDS."""
        if self.broker is None:
            return
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                await self.broker.settled(request_id)
        except TimeoutError:
            log.debug("messages of %s are still on the bus", request_id)


@asynccontextmanager
async def run_cloud(
    settings: Settings,
    export: Export,
    *,
    amqp_url: str | None = None,
    computes: int,
    ports: Mapping[str, int] | None = None,
) -> AsyncIterator[Cloud]:
    """Run a whole cloud in this process, on the bus at `amqp_url` or else on an embedded broker.

    An external bus must serve this cloud alone: its queues are purged. `ports` maps services to ports, like the
    registry's `PORTS`; a service without an entry gets a free port. Raises PortInUse; BusUnavailable if the bus cannot
    be reached within `settings.bus_patience` seconds; AlreadyRunning if another cloud still uses it after that time.
    """
    ports = ports or {}
    hosts = [f"compute-{number + 1}" for number in range(computes)]
    async with AsyncExitStack() as stack:
        # All APIs get their sockets first, because the catalog needs their URLs before a service is built.
        listeners = {name: stack.enter_context(listen(name, settings.address, ports.get(name, 0))) for name in APIS}
        endpoints = {name: _url(settings, listener) for name, listener in listeners.items()}
        broker = None
        if amqp_url is None:
            broker_listener = stack.enter_context(listen(BROKER, settings.address, ports.get(BROKER, 0)))
            broker = await stack.enter_async_context(Broker(broker_listener))
            amqp_url = broker.url
        bus, stopping = settings.bus(amqp_url), SharedTimeout(STOP_SECONDS)
        services = _build_all(settings, endpoints, hosts)
        queues = [queue for service, _ in services for queue in service.queues]
        if broker is None:
            # An external bus may still hold messages of an earlier cloud, about servers that no longer exist.
            await purge(bus, queues, [service.lock for service, _ in services if service.lock is not None])
        started = []
        for service, number in services:
            name = service.name
            port = ports[name] + number if name in ports else 0
            listener = listeners.get(name) or stack.enter_context(listen(name, settings.address, port))
            app = await stack.enter_async_context(_running(service, settings, export, listener, bus, stopping))
            started.append((service, app))
        for service, app in started:
            if service.cloud_ready is not None:
                await service.cloud_ready(app)
        yield Cloud(endpoints, amqp_url, queues, broker)


@asynccontextmanager
async def run_service(
    name: str,
    settings: Settings,
    export: Export,
    *,
    amqp_url: str,
    endpoints: Mapping[str, str],
    public_host: str | None = None,
    host: str = "",
    port: int | None = None,
) -> AsyncIterator[str]:
    """Run a single service, or the `broker`; yields its URL. Raises what `run_cloud` raises.

    `endpoints` maps services to the URLs of their APIs. nova-api and nova-compute need that of keystone; keystone's
    catalog lists all of them as internal endpoints, and with `public_host` as their host as public ones.
    """
    listener = listen(name, settings.address, PORTS[name] if port is None else port)
    with listener:
        if name == BROKER:
            async with Broker(listener) as broker:
                yield broker.url
            return
        service = _build(name, settings, settings.token_secret, endpoints, host=host, public_host=public_host)
        bus, stopping = settings.bus(amqp_url), SharedTimeout(STOP_SECONDS)
        async with _running(service, settings, export, listener, bus, stopping):
            yield _url(settings, listener)


def _build_all(settings: Settings, endpoints: Mapping[str, str], hosts: Sequence[str]) -> list[tuple[Service, int]]:
    """Return every service in the order of the registry, each with its index among those of the same name."""
    secret = settings.token_secret or secrets.token_hex()  # one for all: services verify tokens that keystone made
    return [
        (_build(row.name, settings, secret, endpoints, host=host, hosts=hosts), number)
        for row in SERVICES.values()
        for number, host in enumerate(hosts if row.per_host else [""])
    ]


def _build(
    name: str,
    settings: Settings,
    token_secret: str,
    endpoints: Mapping[str, str],
    *,
    host: str = "",
    hosts: Sequence[str] = (),
    public_host: str | None = None,
) -> Service:
    """Build a service. Each gets its own `Tokens`, so that it learns of revoked tokens over the bus only."""
    config = ServiceConfig(
        tokens=Tokens(token_secret),
        endpoints=endpoints,
        build_seconds=settings.build_seconds,
        revocation_seconds=settings.revocation_seconds,
        public_host=public_host,
        host=host,
        hosts=hosts,
    )
    service: Service = SERVICES[name].factory()(config)
    return service


@asynccontextmanager
async def _running(
    service: Service,
    settings: Settings,
    export: Export,
    listener: socket.socket,
    bus: BusSettings,
    stopping: SharedTimeout,
) -> AsyncIterator[web.Application]:
    """Run a service of this cloud. All services of a process share `stopping`, the time that they have to stop."""
    rng = SeededRandom(settings.seed, owner=f"{service.name} {service.resource.get('host.name', '')}")
    service_context = ServiceContext(
        service.name,
        export.tracer(service.name, rng, service.resource),
        rng,
        settings.pace,
        DURATIONS,
        FAULTS if settings.faults else {},
        settings.messaging_context,
        settings.profiler_keys,
    )
    async with running(service, service_context, listener, bus, stopping) as app:
        yield app


def _url(settings: Settings, listener: socket.socket) -> str:
    return f"http://{host_in_url(settings.public_host)}:{listener.getsockname()[1]}"

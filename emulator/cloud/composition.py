"""The composition root: which services there are, where they listen, and on which broker they meet.

`cloud` runs all of them in this process, `serve` one alone. Both take the same way.
"""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from emulator.broker import Broker
from emulator.faults import FAULTS
from emulator.ports import PORTS
from emulator.runtime.amqp_connection import AlreadyRunning, BusSettings, QueueType
from emulator.runtime.amqp_topology import Destination, purge
from emulator.runtime.export import Export
from emulator.runtime.request_context import MessagingContext, ServiceContext
from emulator.runtime.seeded_random import SeededRandom
from emulator.runtime.service import Service, running
from emulator.runtime.tasks import SharedTimeout
from emulator.services import glance, keystone, neutron
from emulator.services.auth.fernet_tokens import Tokens
from emulator.services.auth.revocation import REPEAT_SECONDS, obeying
from emulator.services.nova import api, compute, scheduler
from emulator.services.nova.messages import API, DEAD_LETTERS, SCHEDULER
from emulator.services.nova.messages import compute as compute_queue
from emulator.services.seed_data import DURATIONS, USERS
from emulator.urls import host_in_url

__all__ = [
    "COMPUTES",
    "PORTS",
    "SERVICES",
    "AlreadyRunning",
    "Cloud",
    "MessagingContext",
    "PortInUse",
    "QueueType",
    "Settings",
    "cloud",
    "listen",
    "serve",
]

COMPUTES = 3
"""How many compute hosts there are where nobody says: as many as nova tries for a server that cannot be spawned."""

SETTLE_SECONDS = 5.0
STOP_SECONDS = 5.0
log = logging.getLogger(__name__)

NOVA = next(user for user in USERS if user.name == "nova")
"""Who nova-compute is at keystone."""

APIS = ("keystone", "neutron-server", "glance-api", "nova-api")


class PortInUse(Exception):
    """A service cannot listen where it should, mostly because another process does."""

    def __init__(self, name: str, address: str, port: int, why: str) -> None:
        super().__init__(f"{name} cannot listen on {host_in_url(address)}:{port}: {why}")


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be chosen about a cloud.

    `pace` scales all pretended durations, `seed` fixes all that is random. `address` is what services bind to,
    `public_host` how others reach them. All services of a cloud share `token_secret`, to check tokens with; every
    `revocation_seconds` keystone tells them again which are revoked. Without `faults` no request brings any along.
    """

    pace: float = 1.0
    seed: int | None = None
    build_seconds: float = api.BUILD_SECONDS
    bus_patience: float = 30.0
    queue_type: QueueType = QueueType.CLASSIC
    address: str = "127.0.0.1"
    public_host: str = "127.0.0.1"
    token_secret: str = ""
    faults: bool = True
    profiler_keys: Sequence[str] = field(default=(), repr=False)
    """What osprofiler's headers may be signed with."""
    messaging_context: MessagingContext = MessagingContext.BOTH
    revocation_seconds: float = REPEAT_SECONDS

    def bus(self, amqp_url: str) -> BusSettings:
        """How to come to the bus at a URL."""
        return BusSettings(amqp_url, self.bus_patience, self.queue_type)


@dataclass(frozen=True, slots=True)
class Cloud:
    """A cloud that is up: the base URL of each API by the name of its service, and the URL of its broker."""

    endpoints: Mapping[str, str]
    amqp_url: str
    queues: Sequence[Destination] = ()
    """Those that last, of all its services."""
    broker: Broker | None = None
    """The embedded broker; None where the bus is not ours."""

    async def settled(self, request_id: str) -> None:
        """Wait until no message of a request is on the bus, for a while at the most; at once where it is not ours."""
        if self.broker is None:
            return
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                await self.broker.settled(request_id)
        except TimeoutError:
            log.debug("something of %s is still on the bus", request_id)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a service is made from."""

    settings: Settings
    tokens: Tokens
    endpoints: Mapping[str, str]
    host: str = ""
    public_host: str | None = None
    """How users reach the endpoints, where it is not by the names in them."""


SERVICES: dict[str, Callable[[Plan], Service]] = {
    "keystone": lambda plan: keystone.service(
        plan.tokens, plan.endpoints, plan.public_host, plan.settings.revocation_seconds
    ),
    "neutron-server": lambda plan: obeying(neutron.service(plan.tokens), plan.tokens),
    "glance-api": lambda plan: obeying(glance.service(plan.tokens), plan.tokens),
    "nova-api": lambda plan: obeying(api.service(plan.tokens, plan.settings.build_seconds), plan.tokens),
    "nova-scheduler": lambda _: scheduler.service(),
    "nova-compute": lambda plan: compute.service(plan.host, plan.endpoints["keystone"], NOVA),
}
"""In the order in which they start. They stop in the opposite order, so that what was begun can be finished."""


@asynccontextmanager
async def cloud(
    settings: Settings,
    export: Export,
    *,
    amqp_url: str | None = None,
    computes: int = 1,
    ports: Mapping[str, int] | None = None,
) -> AsyncIterator[Cloud]:
    """Run a whole cloud in this process, on the bus at `amqp_url` or, without one, on an embedded broker.

    A bus that is not ours must serve this cloud alone: what waits in its queues is thrown away. `ports` says where
    services listen, as `PORTS` does; what it does not name gets a free port. Raises PortInUse, BusUnavailable if the
    bus does not come within `settings.bus_patience` seconds, and AlreadyRunning if another cloud is on it for longer.
    """
    ports = ports or {}
    hosts = [f"compute-{number + 1}" for number in range(computes)]
    queues = (SCHEDULER, *(compute_queue(host) for host in hosts), API, DEAD_LETTERS)
    async with AsyncExitStack() as stack:
        broker = None
        listeners = {name: stack.enter_context(listen(name, settings.address, ports.get(name, 0))) for name in APIS}
        endpoints = {name: _url(settings, listener) for name, listener in listeners.items()}
        if amqp_url is None:
            listener = stack.enter_context(listen("broker", settings.address, ports.get("broker", 0)))
            broker = await stack.enter_async_context(Broker(listener))
            amqp_url = broker.url
        bus = settings.bus(amqp_url)
        secret, stopping = settings.token_secret or secrets.token_hex(), SharedTimeout(STOP_SECONDS)
        services = [
            (SERVICES[name](Plan(settings, Tokens(secret), endpoints, host)), number)
            for name in SERVICES
            for number, host in enumerate(hosts if name == "nova-compute" else [""])
        ]
        if broker is None:  # a bus that outlives its clouds: what waits there was for servers that are gone
            await purge(bus, queues, [service.lock for service, _ in services if service.lock is not None])
        apps = {}
        for service, number in services:
            name = service.name
            port = ports[name] + number if name in ports else 0
            listener = listeners.get(name) or stack.enter_context(listen(name, settings.address, port))
            apps[name] = await stack.enter_async_context(_running(service, settings, export, listener, bus, stopping))
        await scheduler.wait_for_hosts(
            apps["nova-scheduler"], computes
        )  # so that it chooses from all, at the first boot too
        yield Cloud(endpoints, amqp_url, queues, broker)


@asynccontextmanager
async def serve(
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
    """Run one service alone, or the `broker`; yields its URL. Raises what `cloud` does.

    `endpoints` says where the others are: nova-compute wants `keystone`, keystone all that its catalog is to name, for
    users with `public_host` as their host.
    """
    listener = listen(name, settings.address, PORTS[name] if port is None else port)
    with listener:
        if name == "broker":
            async with Broker(listener) as broker:
                yield broker.url
            return
        service = SERVICES[name](Plan(settings, Tokens(settings.token_secret), endpoints, host, public_host))
        bus, stopping = settings.bus(amqp_url), SharedTimeout(STOP_SECONDS)
        async with _running(service, settings, export, listener, bus, stopping):
            yield _url(settings, listener)


@asynccontextmanager
async def _running(
    service: Service,
    settings: Settings,
    export: Export,
    listener: socket.socket,
    bus: BusSettings,
    stopping: SharedTimeout,
) -> AsyncIterator[web.Application]:
    """Run a service of this cloud. All services of a process have `stopping` together to finish their work."""
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


def listen(name: str, address: str, port: int) -> socket.socket:
    """Return a socket that listens, for the service `name`; port 0 is a free one. Raises PortInUse.

    The address `::` stands for all of IPv4, too.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        where = socket.getaddrinfo(address, port, family, socket.SOCK_STREAM)[0][4]
        everywhere = where[0] == "::" and socket.has_dualstack_ipv6()
        return socket.create_server(where, family=family, backlog=1024, dualstack_ipv6=everywhere)
    except socket.gaierror as error:
        raise PortInUse(name, address, port, error.strerror or str(error)) from error
    except OSError as error:
        raise PortInUse(name, address, port, os.strerror(error.errno or 0)) from error
    except (OverflowError, UnicodeError) as error:
        raise PortInUse(name, address, port, str(error)) from error


def _url(settings: Settings, listener: socket.socket) -> str:
    return f"http://{host_in_url(settings.public_host)}:{listener.getsockname()[1]}"

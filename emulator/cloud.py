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
from emulator.plumbing.amqp_topology import Destination, purge
from emulator.plumbing.chance import Chance
from emulator.plumbing.export import Export
from emulator.plumbing.scene import Actor, MessagingContext
from emulator.plumbing.service import Service, running
from emulator.plumbing.tasks import Patience
from emulator.services import glance, keystone, neutron
from emulator.services.fresh import DURATIONS, USERS
from emulator.services.nova import api, compute, scheduler
from emulator.services.nova.messages import API, DEAD_LETTERS, SCHEDULER
from emulator.services.nova.messages import compute as compute_queue
from emulator.services.tokens import Tokens

__all__ = [
    "COMPUTES",
    "PORTS",
    "SERVICES",
    "Cloud",
    "MessagingContext",
    "PortInUse",
    "Settings",
    "cloud",
    "listen",
    "serve",
]

PORTS = {
    "broker": 5672,
    "keystone": 5000,
    "neutron-server": 9696,
    "glance-api": 9292,
    "nova-api": 8774,
    "console": 8779,
    "nova-scheduler": 8780,
    "nova-compute": 8781,
}
"""OpenStack's usual ports. The last three are ours: the console's, and two where nothing but a health check answers."""

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
        super().__init__(f"{name} cannot listen on {address}:{port}: {why}")


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be chosen about a cloud.

    `pace` scales all pretended durations, `seed` fixes all that is random. `address` is what services bind to,
    `public_host` how others reach them. All services of a cloud share `token_secret`, to check tokens with. Without
    `faults` no request brings any along.
    """

    pace: float = 1.0
    seed: int | None = None
    build_seconds: float = api.BUILD_SECONDS
    bus_patience: float = 30.0
    address: str = "127.0.0.1"
    public_host: str = "127.0.0.1"
    token_secret: str = ""
    faults: bool = True
    messaging_context: MessagingContext = MessagingContext.BOTH


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
    stopping: Patience = field(default_factory=lambda: Patience(STOP_SECONDS))
    """For all services of a process together."""


SERVICES: dict[str, Callable[[Plan], Service]] = {
    "keystone": lambda plan: keystone.service(plan.tokens, plan.endpoints),
    "neutron-server": lambda plan: neutron.service(plan.tokens),
    "glance-api": lambda plan: glance.service(plan.tokens),
    "nova-api": lambda plan: api.service(plan.tokens, plan.settings.build_seconds),
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
    services listen, as `PORTS` does; what it does not name gets a free port. Raises PortInUse, and
    BusUnavailable if the bus does not come within `settings.bus_patience` seconds.
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
        else:  # a bus that outlives its clouds: what waits there was for servers that are gone
            await purge(amqp_url, queues, settings.bus_patience)
        secret = settings.token_secret or secrets.token_hex()
        apps, stopping = {}, Patience(STOP_SECONDS)
        for name in SERVICES:
            for number, host in enumerate(hosts if name == "nova-compute" else [""]):
                port = ports[name] + number if name in ports else 0
                listener = listeners.get(name) or stack.enter_context(listen(name, settings.address, port))
                plan = Plan(settings, Tokens(secret), endpoints, host, stopping)
                apps[name] = await stack.enter_async_context(_running(name, plan, export, listener, amqp_url))
        await scheduler.heard_of(apps["nova-scheduler"], computes)  # so that it chooses from all, at the first boot too
        yield Cloud(endpoints, amqp_url, queues, broker)


@asynccontextmanager
async def serve(
    name: str,
    settings: Settings,
    export: Export,
    *,
    amqp_url: str | None = None,
    endpoints: Mapping[str, str],
    host: str = "",
    port: int | None = None,
) -> AsyncIterator[str]:
    """Run one service alone, or the `broker`; yields its URL.

    `endpoints` says where the others are: nova-compute wants `keystone`, keystone all that its catalog is to name.
    """
    listener = listen(name, settings.address, PORTS[name] if port is None else port)
    with listener:
        if name == "broker":
            async with Broker(listener) as broker:
                yield broker.url
            return
        plan = Plan(settings, Tokens(settings.token_secret), endpoints, host)
        async with _running(name, plan, export, listener, amqp_url):
            yield _url(settings, listener)


@asynccontextmanager
async def _running(
    name: str, plan: Plan, export: Export, listener: socket.socket, amqp_url: str | None
) -> AsyncIterator[web.Application]:
    service, settings = SERVICES[name](plan), plan.settings
    chance = Chance(settings.seed, owner=f"{name} {plan.host}")
    actor = Actor(
        name,
        export.tracer(name, chance, service.resource),
        chance,
        settings.pace,
        DURATIONS,
        FAULTS if settings.faults else {},
        settings.messaging_context,
    )
    async with running(service, actor, listener, amqp_url, settings.bus_patience, plan.stopping) as app:
        yield app


def listen(name: str, address: str, port: int) -> socket.socket:
    """Return a socket that listens, for the service `name`; port 0 is a free one. Raises PortInUse."""
    try:
        return socket.create_server((address, port), backlog=1024)
    except socket.gaierror as error:
        raise PortInUse(name, address, port, error.strerror or str(error)) from error
    except OSError as error:
        raise PortInUse(name, address, port, os.strerror(error.errno or 0)) from error
    except OverflowError as error:
        raise PortInUse(name, address, port, str(error)) from error


def _url(settings: Settings, listener: socket.socket) -> str:
    return f"http://{settings.public_host}:{listener.getsockname()[1]}"

"""What the console looks at while anybody looks at the console: the user's servers, and the queues of the bus.

It asks as any client does, over HTTP and AMQP, but under a trace that is not sampled: looking leaves no spans.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import msgspec
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from emulator.broker import Depth
from emulator.client import Credentials
from emulator.cloud import Cloud
from emulator.console.event_stream import Feed
from emulator.runtime.amqp_connection import BROKEN, BusSettings, linked
from emulator.runtime.amqp_topology import depths
from emulator.runtime.http_client import HttpClient, UnexpectedAnswer
from emulator.runtime.request_context import ServiceContext, request_scope
from emulator.runtime.seeded_random import SeededRandom
from emulator.services.auth import Session

__all__ = ["Lookout"]

SERVICE = "console"
SERVERS_SECONDS = 2.0
"""How often the servers are looked at where nothing seems to have happened to them."""
QUEUES_SECONDS = 0.5
AGAIN_SECONDS = 0.1
LOOK_SECONDS = 5.0
BUS_SECONDS = 10.0

log = logging.getLogger(__name__)


class _Servers(msgspec.Struct):
    servers: list[dict[str, Any]]


class Lookout:
    """What was seen last: `servers` as the compute API shows them, why they cannot be seen, and the `queues`."""

    def __init__(self, feed: Feed) -> None:
        self.servers: list[dict[str, Any]] = []
        self.problem = ""
        self.queues: Sequence[Depth] = ()
        self._feed = feed
        self._stirred = asyncio.Event()

    def stir(self) -> None:
        """Say that something may have happened to the servers."""
        self._stirred.set()

    async def watch_servers(self, credentials: Credentials, request_id: str) -> None:
        """Look at the servers whenever something may have happened to them. What is asked has this `request_id`."""
        tracer = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False).get_tracer(SERVICE)
        async with HttpClient(SERVICE) as http:
            with request_scope(ServiceContext(SERVICE, tracer, SeededRandom()), request_id):
                asking: Session | None = None
                while True:
                    await self._feed.watched.wait()
                    self._stirred.clear()
                    asking = await self._look(asking, http, credentials)
                    await asyncio.sleep(AGAIN_SECONDS)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(SERVERS_SECONDS):
                            await self._stirred.wait()

    async def _look(self, asking: Session | None, http: HttpClient, credentials: Credentials) -> Session | None:
        """Look at the servers, and return the session for the next look."""
        before = self.servers, self.problem
        try:
            asking = asking or Session(http, lambda: credentials.log_in(http), await credentials.log_in(http))
            self.servers = (await asking.fetch("GET", "compute", "/servers/detail")).read(_Servers).servers
            self.problem = ""
        except (UnexpectedAnswer, LookupError, aiohttp.ClientError, TimeoutError) as error:
            self.problem = str(error) or "no answer in time"
        if before != (self.servers, self.problem):
            self._feed.tell("servers")
        return asking

    async def watch_queues(self, up: Cloud) -> None:
        """Look again and again at how many messages are in the queues."""
        async with _depths_of(up) as look:
            while True:
                await self._feed.watched.wait()
                try:
                    async with asyncio.timeout(LOOK_SECONDS):
                        queues = await look()
                except (*BROKEN, TimeoutError) as error:
                    log.debug("the queues could not be looked at: %s", error)
                else:
                    if queues != self.queues:
                        self.queues = queues
                        self._feed.tell("queues")
                await asyncio.sleep(QUEUES_SECONDS)


@asynccontextmanager
async def _depths_of(up: Cloud) -> AsyncIterator[Callable[[], Awaitable[Sequence[Depth]]]]:
    """Return what looks at the queues: those of the embedded broker, or ours on another."""
    if up.broker is not None:
        broker = up.broker

        async def within() -> Sequence[Depth]:
            return broker.depths()

        yield within
        return
    async with linked(BusSettings(up.amqp_url, BUS_SECONDS), SERVICE) as link:

        async def outside() -> Sequence[Depth]:
            return await depths((await link.session()).channel, up.queues)

        yield outside

"""Polls the user's servers, the depths of the queues and the lost spans while a page is open.

Uses HTTP and AMQP like any client, but with a tracer that samples nothing, so that polling leaves no spans.
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
from emulator.console.event_stream import EventStream
from emulator.runtime.amqp_connection import BusSettings, linked
from emulator.runtime.amqp_session import BROKEN
from emulator.runtime.amqp_topology import depths
from emulator.runtime.export import Delivery, Export
from emulator.runtime.http_client import HttpClient, UnexpectedAnswer
from emulator.runtime.request_context import ServiceContext, request_scope
from emulator.runtime.seeded_random import SeededRandom
from emulator.services.auth import Session

__all__ = ["Pollers"]

SERVICE = "console"
SERVERS_SECONDS = 2.0
"""How often servers are polled if no span suggests that they have changed."""
LEAST_SECONDS = 0.1
"""The shortest pause between two polls of the servers."""
QUEUES_SECONDS = 0.5
LOSSES_SECONDS = 0.5
QUEUES_TIMEOUT_SECONDS = 5.0
BUS_TIMEOUT_SECONDS = 10.0

log = logging.getLogger(__name__)


class _ServerList(msgspec.Struct):
    servers: list[dict[str, Any]]


class Pollers:
    """The latest state: `servers` as the compute API shows them, `error` if that request failed, `queues`, and `spans`.

    `spans` says how many were lost.
    """

    def __init__(self, event_stream: EventStream) -> None:
        self.servers: list[dict[str, Any]] = []
        self.error = ""
        self.queues: Sequence[Depth] = ()
        self.spans = Delivery()
        self._event_stream = event_stream
        self._servers_due = asyncio.Event()

    def poll_servers_soon(self) -> None:
        """Poll the servers now rather than at the next interval, because they may have changed."""
        self._servers_due.set()

    async def poll_servers(self, credentials: Credentials, request_id: str) -> None:
        """Poll the servers until cancelled. All calls carry this `request_id`."""
        tracer = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False).get_tracer(SERVICE)
        async with HttpClient(SERVICE) as http:
            with request_scope(ServiceContext(SERVICE, tracer, SeededRandom()), request_id):
                session: Session | None = None
                while True:
                    await self._event_stream.has_subscribers.wait()
                    self._servers_due.clear()
                    session = await self._poll_servers_once(session, http, credentials)
                    await asyncio.sleep(LEAST_SECONDS)  # a boot has many nova-api spans in a short time
                    with suppress(TimeoutError):
                        async with asyncio.timeout(SERVERS_SECONDS):
                            await self._servers_due.wait()

    async def _poll_servers_once(
        self, session: Session | None, http: HttpClient, credentials: Credentials
    ) -> Session | None:
        """Poll the servers; return the session for the next time, None if there was no log-in yet."""
        before = self.servers, self.error
        try:
            session = session or Session(http, lambda: credentials.log_in(http), await credentials.log_in(http))
            self.servers = (await session.fetch("GET", "compute", "/servers/detail")).read(_ServerList).servers
            self.error = ""
        except (UnexpectedAnswer, LookupError, aiohttp.ClientError, TimeoutError) as error:
            self.error = str(error) or "no answer in time"
        if before != (self.servers, self.error):
            self._event_stream.publish("servers")
        return session

    async def poll_queues(self, up: Cloud) -> None:
        """Poll the depths of the queues until cancelled."""
        async with _depth_reader(up) as read_depths:
            while True:
                await self._event_stream.has_subscribers.wait()
                try:
                    async with asyncio.timeout(QUEUES_TIMEOUT_SECONDS):
                        queues = await read_depths()
                except (*BROKEN, TimeoutError) as error:  # the bus may be restarting: keep the last depths
                    log.debug("cannot read the depths of the queues: %s", error)
                else:
                    if queues != self.queues:
                        self.queues = queues
                        self._event_stream.publish("queues")
                await asyncio.sleep(QUEUES_SECONDS)

    async def poll_losses(self, export: Export) -> None:
        """Poll how many spans were lost, until cancelled. They are counted in another thread."""
        while True:
            await self._event_stream.has_subscribers.wait()
            spans = export.delivery
            if spans.lost != self.spans.lost:
                self.spans = spans
                self._event_stream.publish("spans")
            await asyncio.sleep(LOSSES_SECONDS)


@asynccontextmanager
async def _depth_reader(up: Cloud) -> AsyncIterator[Callable[[], Awaitable[Sequence[Depth]]]]:
    """Yield a function that reads the depths of all queues from the embedded broker, or of the cloud's over AMQP."""
    if up.broker is not None:
        broker = up.broker

        async def read_embedded() -> Sequence[Depth]:
            return broker.depths()

        yield read_embedded
        return
    async with linked(BusSettings(up.amqp_url, BUS_TIMEOUT_SECONDS), SERVICE) as link:

        async def read_over_amqp() -> Sequence[Depth]:
            return await depths(await (await link.session()).open_channel(), up.queues)

        yield read_over_amqp

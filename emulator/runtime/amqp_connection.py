"""A service's connection to the broker: waits for the broker at start-up, and reconnects after a loss."""

# Why not aio_pika.connect_robust: it does not always recover.
# - https://github.com/mosquito/aio-pika/issues/588 (open): after "Server connection was stuck", which is a missed
#   heartbeat, it neither reconnects nor fails. The process hangs; a service of this emulator did when its broker
#   stopped between two attempts.
# - https://github.com/mosquito/aio-pika/issues/231 (open): after a restart of the broker it reconnects, but its
#   consumers are not restored; reported for aio-pika 9.4.1 as well.
# So there is only one way to recover here: whatever breaks, connect again, and declare and consume everything again.

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from math import inf

import aio_pika
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import AuthenticationError, ProbableAuthenticationError
from aiormq.exceptions import ChannelLockedResource
from yarl import URL

from emulator.runtime.amqp_session import BROKEN, BusUnavailable, Session, not_cancelled, publishing_channel
from emulator.runtime.tasks import task_group

__all__ = [
    "PATIENCE_SECONDS",
    "AlreadyRunning",
    "BusSettings",
    "Link",
    "QueueType",
    "linked",
]

PATIENCE_SECONDS = 30.0
CONNECT_PAUSE_SECONDS = 0.2
ATTEMPT_SECONDS = 10.0
LEAST_ATTEMPT_SECONDS = 1.0
"""How long a broker has to answer even if there is no patience left: 0.1 s was too short on a loaded machine."""
HEARTBEAT_SECONDS = 10
"""Unless the URL sets another value. After twice this time the broker drops a lost client, with its locks."""
CLOSE_SECONDS = 1.0

log = logging.getLogger(__name__)


class AlreadyRunning(Exception):
    """Another process on this bus holds the lock of a service that may run only once."""

    error_type = "emulator.AlreadyRunning"

    def __init__(self, name: str, broker: URL) -> None:
        super().__init__(
            f"{name} is already running on the bus at {broker}, and keeps its state in memory, which a second one "
            "would not share: stop the first, or use another virtual host"
        )
        self.name = name


class QueueType(StrEnum):
    """The kind of RabbitMQ's durable queues: on one node, or replicated by Raft."""

    CLASSIC = "classic"
    QUORUM = "quorum"


@dataclass(frozen=True, slots=True)
class BusSettings:
    """The URL of the bus, how many seconds to wait for it at start-up, and the type of its durable queues."""

    url: str
    patience: float = PATIENCE_SECONDS
    queue_type: QueueType = QueueType.CLASSIC


Start = Callable[[Session], Awaitable[None]]


class Link:
    """A service's link to the broker, which outlives lost connections. While connected it holds `locks` exclusively."""

    def __init__(self, bus: BusSettings, service: str, locks: Collection[str] = ()) -> None:
        self.broker = URL(bus.url).with_user(None)
        self.queue_type = bus.queue_type
        self.working = False
        """Whether it is connected, and everything that `each_session` starts has been started."""
        self._url = URL(bus.url) % {"heartbeat": HEARTBEAT_SECONDS, **URL(bus.url).query}
        self._patience = bus.patience
        self._service = service
        self._locks = locks
        self._session: Session | None = None
        self._there = asyncio.Event()
        self._lost = asyncio.Event()
        self._starts: list[Start] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Connect, waiting for the broker and for the locks, and stay connected while the block lasts.

        Raises BusUnavailable, immediately if the login is refused, and AlreadyRunning if a lock is not free in time.
        """
        await self._connect(self._patience)
        async with task_group() as tasks:
            tasks.start(self._keep())
            self.working = True
            try:
                yield
            finally:
                await tasks.finish(0)
                await self._close()

    async def session(self) -> Session:
        """Return the current session. If it was lost, wait for the next one."""
        while self._session is None:
            await self._there.wait()
        return self._session

    async def after(self, session: Session) -> None:
        """Report that a session failed, and wait until it has ended; then `session` returns the next one."""
        if self._session is session:
            self._lost.set()
        await session.over.wait()

    @asynccontextmanager
    async def each_session(self, start: Start) -> AsyncIterator[None]:
        """Call `start` now, and again whenever the connection has come back, while the block lasts."""
        try:
            async with not_cancelled():
                await start(await self.session())
        except BROKEN as error:
            raise BusUnavailable(f"the broker at {self.broker} refused {self._service}: {error}") from error
        self._starts.append(start)
        try:
            yield
        finally:
            self._starts.remove(start)

    async def _connect(self, patience: float) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        # After a loss `_keep` has already logged that the bus is away.
        reported: set[type[Exception]] = {TimeoutError} if self._lost.is_set() else set()
        held: AlreadyRunning | None = None
        while True:
            try:
                left = min(max(deadline - loop.time(), LEAST_ATTEMPT_SECONDS), ATTEMPT_SECONDS)
                async with asyncio.timeout(left):
                    session = await self._begin()
                break
            except (AuthenticationError, ProbableAuthenticationError) as refused:
                raise BusUnavailable(f"the broker at {self.broker} refuses the login: {refused}") from refused
            except (*BROKEN, TimeoutError, AlreadyRunning) as error:
                if not isinstance(error, TimeoutError):  # else the broker is slow, and the lock is still held
                    held = error if isinstance(error, AlreadyRunning) else None
                if loop.time() >= deadline:
                    raise self._out_of_time(held or error, patience) from error
                kind = AlreadyRunning if isinstance(error, AlreadyRunning) else TimeoutError
                if kind not in reported:
                    self._report_waiting(error, patience)
                reported.add(kind)
            await asyncio.sleep(CONNECT_PAUSE_SECONDS)
        self._lost.clear()
        self._session = session
        session.connection.close_callbacks.add(self._loss_of(session))
        self._there.set()

    def _out_of_time(self, error: Exception, patience: float) -> Exception:
        if isinstance(error, AlreadyRunning):
            return AlreadyRunning(error.name, self.broker)
        why = str(error) or "it accepts connections, but does not answer"
        return BusUnavailable(f"no broker at {self.broker} after {patience:g} s: {why}")

    def _report_waiting(self, error: Exception, patience: float) -> None:
        awaited = f"the other {error.name} to leave" if isinstance(error, AlreadyRunning) else "the bus at"
        limit = f", for up to {patience:g} s" if patience < inf else ""
        log.warning("%s waits for %s %s%s", self._service, awaited, self.broker, limit)

    async def _begin(self) -> Session:
        # Not aio_pika.connect: on failure it leaves the connection to the garbage collector, whose __del__ starts to
        # close it, even if no event loop is running any more.
        connection = aio_pika.Connection(self._url, client_properties={"connection_name": self._service})
        try:
            await connection.connect()
            channel = await publishing_channel(connection)
            await self._take_locks(channel)
            return Session(connection, channel)
        except BaseException:
            await connection.close()
            raise

    async def _take_locks(self, channel: AbstractChannel) -> None:
        """Take the locks. Each is a queue that is exclusive to this connection, so the broker deletes it with it."""
        for lock in self._locks:
            try:
                await channel.declare_queue(f"lock.{lock}", exclusive=True)
            except ChannelLockedResource as held:
                raise AlreadyRunning(lock, self.broker) from held

    async def watch(self, session: Session, channel: AbstractChannel) -> None:
        """Treat the session as lost when this channel closes, or when the broker cancels a consumer on it."""
        lost = self._loss_of(session)
        channel.close_callbacks.add(lost)
        (await channel.get_underlay_channel()).on_consumer_cancel_callbacks.add(lost)

    async def _keep(self) -> None:
        """Reconnect whenever the connection is lost, and restart what was started on it."""
        while True:
            await self._lost.wait()
            log.warning("%s has lost the connection to the bus at %s", self._service, self.broker)
            reported = ""
            while why := await self._recover():
                if why != reported:
                    log.warning("%s is not back on the bus yet: %s", self._service, why)
                reported = why
                await asyncio.sleep(CONNECT_PAUSE_SECONDS)
            log.warning("%s is back on the bus", self._service)

    async def _recover(self) -> str:
        """Try to reconnect and to restart everything. Return why that failed, or an empty text."""
        await self._close()
        try:
            async with not_cancelled():
                await self._connect(inf)
                for start in self._starts:
                    await start(await self.session())
        except (*BROKEN, BusUnavailable) as error:
            return str(error) or type(error).__name__
        self.working = True
        return ""

    async def _close(self) -> None:
        """Close the connection, which may already be closed, or not answer."""
        self.working = False
        session, self._session = self._session, None
        self._there.clear()
        if session is None:
            return
        session.over.set()
        try:
            async with not_cancelled(), asyncio.timeout(CLOSE_SECONDS):
                await session.connection.close()
        except (*BROKEN, BusUnavailable) as error:
            log.debug("closing the connection of %s: %s", self._service, error)

    def _loss_of(self, session: Session) -> Callable[..., None]:
        """Return a close callback that marks the session as lost, unless the next one has begun."""

        def lose(*_: object) -> None:
            if self._session is session:
                self._lost.set()

        return lose


@asynccontextmanager
async def linked(bus: BusSettings, service: str, locks: Collection[str] = ()) -> AsyncIterator[Link]:
    """Open a link, as `Link.open` does, while the block lasts."""
    link = Link(bus, service, locks)
    async with link.open():
        yield link

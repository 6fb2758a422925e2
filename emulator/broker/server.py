"""The broker on its port."""

import asyncio
import socket
from types import TracebackType
from typing import Self

from emulator.broker.connection import Connection
from emulator.broker.queues import Depth
from emulator.broker.virtual_host import VirtualHost
from emulator.urls import host_in_url, reachable

__all__ = ["Broker"]

USERS = {"guest": "guest"}
"""RabbitMQ's default login, which it too lets in from loopback only."""

STOP_SECONDS = 1.0


class Broker:
    """An AMQP broker on `listener`, a bound socket, for as long as the `async with` lasts."""

    def __init__(self, listener: socket.socket, users: dict[str, str] | None = None) -> None:
        self._listener = listener
        self._users = USERS if users is None else users
        self._connections: set[Connection] = set()
        self._host = VirtualHost()
        self._server: asyncio.Server

    @property
    def url(self) -> str:
        """Where clients of the same machine find it, with the login."""
        login, password = next(iter(self._users.items()))
        address, port, *_ = self._listener.getsockname()
        return f"amqp://{login}:{password}@{host_in_url(reachable(address))}:{port}/"

    def depths(self) -> list[Depth]:
        """Return how much is in each queue."""
        return [queue.depth for queue in self._host.queues.values()]

    async def settled(self, correlation_id: str) -> None:
        """Wait until no message with this correlation id is in a queue or with a consumer."""
        mark, changed = correlation_id.encode(), asyncio.Event()
        self._host.watchers.add(changed)
        try:
            while self._host.holds(mark):
                changed.clear()
                await changed.wait()
        finally:
            self._host.watchers.discard(changed)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self._host, self._users, self._connections), sock=self._listener
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for connection in list(self._connections):
            connection.stop()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._all_gone()
        except TimeoutError:  # a client does not read
            for connection in list(self._connections):
                connection.abort()
            await self._all_gone()

    async def _all_gone(self) -> None:
        for connection in list(self._connections):
            await connection.gone.wait()

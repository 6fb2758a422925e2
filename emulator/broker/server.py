"""The broker on its port: accepts connections, and closes them when it stops."""

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
"""RabbitMQ's default user, which RabbitMQ lets in from loopback only: https://www.rabbitmq.com/docs/access-control."""

STOP_SECONDS = 1.0


class Broker:
    """An AMQP broker on `listener`, a bound socket, while the `async with` block lasts.

    `users` maps user names to passwords.
    """

    def __init__(self, listener: socket.socket, users: dict[str, str] | None = None) -> None:
        self._listener = listener
        self._users = USERS if users is None else users
        self._connections: set[Connection] = set()
        self._virtual_host = VirtualHost()
        self._server: asyncio.Server

    @property
    def url(self) -> str:
        """The URL for clients on this machine, with user and password."""
        user, password = next(iter(self._users.items()))
        address, port, *_ = self._listener.getsockname()
        return f"amqp://{user}:{password}@{host_in_url(reachable(address))}:{port}/"

    def depths(self) -> list[Depth]:
        """Return the depth of each queue."""
        return [queue.depth for queue in self._virtual_host.queues.values()]

    async def settled(self, correlation_id: str) -> None:
        """Wait until no message with this correlation id is ready or unacknowledged."""
        changed = asyncio.Event()
        self._virtual_host.watchers.add(changed)
        try:
            # Searching the encoded headers is enough, since correlation ids are unique, and saves decoding them.
            while self._virtual_host.holds_header(correlation_id.encode()):
                changed.clear()
                await changed.wait()
        finally:
            self._virtual_host.watchers.discard(changed)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self._virtual_host, self._users, self._connections), sock=self._listener
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
                await self._all_closed()
        except TimeoutError:  # a client that does not read keeps its connection.close in our send buffer
            for connection in list(self._connections):
                connection.abort()
            await self._all_closed()

    async def _all_closed(self) -> None:
        for connection in list(self._connections):
            await connection.closed.wait()

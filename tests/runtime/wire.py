"""A TCP proxy before a broker, which can lose what passes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from yarl import URL

__all__ = ["Wire", "wire"]


@dataclass
class Wire:
    """A connection to the broker at `url`."""

    url: str
    cuts: int = 0
    """How many more times the connection is lost when `cut_at` passes on its way to the broker."""
    cut_at: bytes = b""
    seconds: float = 0.0
    """How long each piece takes to the broker."""
    deaf: bool = False
    """Whether nothing reaches the broker any more."""


@asynccontextmanager
async def wire(amqp_url: str) -> AsyncIterator[Wire]:
    """Proxy the broker while the block lasts."""
    to = URL(amqp_url)
    writers: list[asyncio.StreamWriter] = []

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection(to.host, to.port)
        both = [writer, upstream_writer]
        writers.extend(both)

        async def forward() -> None:
            while data := await reader.read(65536):
                await asyncio.sleep(proxied.seconds)
                if proxied.cuts and proxied.cut_at in data:
                    proxied.cuts -= 1
                    break
                if not proxied.deaf:
                    upstream_writer.write(data)

        async def back() -> None:
            while data := await upstream_reader.read(65536):
                writer.write(data)

        with suppress(ConnectionError):
            await asyncio.wait(
                [asyncio.ensure_future(forward()), asyncio.ensure_future(back())], return_when="FIRST_COMPLETED"
            )
        for each in both:
            each.close()

    server = await asyncio.start_server(connect, "127.0.0.1", 0)
    proxied = Wire(str(to.with_host("127.0.0.1").with_port(server.sockets[0].getsockname()[1])))
    try:
        yield proxied
    finally:
        server.close()
        for each in writers:
            each.close()

"""A broker that outlives single tests, since the programs that use it take seconds to start."""

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest

from emulator.broker import Broker


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    """The URL of an embedded broker, which runs in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    loop, stopped = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with Broker(listener):
            await stopped.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    yield f"amqp://guest:guest@127.0.0.1:{listener.getsockname()[1]}/"
    loop.call_soon_threadsafe(stopped.set)
    thread.join()
    loop.close()

"""One connection to the broker, the channel for publishing on it, and the errors of both."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange
from aio_pika.exceptions import AMQPError
from aiormq.exceptions import ChannelAccessRefused, ChannelPreconditionFailed

from emulator.runtime.errors import ApiError

__all__ = ["BROKEN", "REFUSED", "BusUnavailable", "Session", "not_cancelled", "publishing_channel"]

BROKEN = (AMQPError, OSError, RuntimeError)
"""What aio-pika raises if the broker or the connection fails; RuntimeError if a channel is closed already."""
REFUSED = (ChannelAccessRefused, ChannelPreconditionFailed)
"""The broker's answer to what it would refuse on the next connection too. It closes the channel, not the connection."""


class BusUnavailable(ApiError):
    """The broker cannot be reached or did not take a message; try again later."""

    error_type = "emulator.BusUnavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE


@dataclass(slots=True)
class Session:
    """One connection, its channel for publishing, and the exchanges declared on it. `over` is set when it has ended."""

    connection: AbstractConnection
    channel: AbstractChannel
    exchanges: dict[str, AbstractExchange] = field(default_factory=dict)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def open_channel(self) -> AbstractChannel:
        """Return the channel for publishing. Opens another one if the broker closed it when it refused something."""
        if self.channel.is_closed:
            async with self._opening:
                if self.channel.is_closed:  # nobody else has opened one meanwhile
                    self.channel = await publishing_channel(self.connection)
                    self.exchanges.clear()
        return self.channel


async def publishing_channel(connection: AbstractConnection) -> AbstractChannel:
    """Open a channel on which a publish waits for the broker's confirm, and fails if no queue takes the message."""
    return await connection.channel(publisher_confirms=True, on_return_raises=True)


@asynccontextmanager
async def not_cancelled() -> AsyncIterator[None]:
    """Raise BusUnavailable in place of a CancelledError that does not mean this task.

    When the connection is lost, aiormq cancels the futures that wait for an answer, and raises a bare Exception in
    those that wait for a write.
    """
    try:
        yield
    except Exception as error:
        if type(error) is Exception:
            raise BusUnavailable("the connection to the broker was lost") from error
        raise
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise BusUnavailable("the connection to the broker was lost") from None

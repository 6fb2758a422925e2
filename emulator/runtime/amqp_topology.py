"""Exchanges and queues, by name; declared when they are first needed."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractQueue, FieldValue

from emulator.broker import Depth
from emulator.instrumentation.messaging import destination_name
from emulator.runtime.amqp_connection import BusSettings, QueueType, linked
from emulator.runtime.amqp_session import BROKEN, BusUnavailable, Session, not_cancelled

__all__ = ["Destination", "declare_exchange", "declare_queue", "depths", "purge", "session_exchange"]


@dataclass(frozen=True, slots=True)
class Destination:
    """Where messages go to or come from. `template` replaces the name in span names if a part of the name varies.

    A `fanout` exchange gives every consumer its own temporary queue. Otherwise the routing key names a queue: a durable
    one, or if `temporary` one that is exclusive to its consumer and deleted with it. If `dead_letters` is set, messages
    rejected from the queue go to that routing key.
    """

    exchange: str
    routing_key: str = ""
    template: str | None = None
    fanout: bool = False
    temporary: bool = False
    dead_letters: str | None = None

    @property
    def name(self) -> str:
        """The name by the conventions for RabbitMQ; the queue has the name of the routing key."""
        return destination_name(self.exchange, self.routing_key)

    @property
    def label(self) -> str:
        """The name in span names: the template, if there is one."""
        return self.template or self.name


async def session_exchange(session: Session, named: Destination) -> AbstractExchange:
    """Return an exchange on the session's channel, declared once per channel."""
    channel = await session.open_channel()
    if named.exchange not in session.exchanges:
        session.exchanges[named.exchange] = await declare_exchange(channel, named)
    return session.exchanges[named.exchange]


async def declare_exchange(channel: AbstractChannel, named: Destination) -> AbstractExchange:
    """Return an exchange on a channel, declared if it does not exist."""
    if not named.exchange:
        return channel.default_exchange
    kind = aio_pika.ExchangeType.FANOUT if named.fanout else aio_pika.ExchangeType.TOPIC
    return await channel.declare_exchange(named.exchange, kind, durable=True)


async def declare_queue(channel: AbstractChannel, source: Destination, kind: QueueType) -> AbstractQueue:
    """Return a queue, declared if it does not exist: a durable one, unless it is temporary."""
    if source.temporary:
        return await channel.declare_queue(source.routing_key, exclusive=True, auto_delete=True)
    arguments: dict[str, FieldValue] = {}
    if source.dead_letters is not None:
        arguments = {"x-dead-letter-exchange": source.exchange, "x-dead-letter-routing-key": source.dead_letters}
    if kind is not QueueType.CLASSIC:  # else the default of the virtual host
        arguments["x-queue-type"] = str(kind)
    return await channel.declare_queue(source.routing_key, durable=True, arguments=arguments)


async def depths(channel: AbstractChannel, queues: Iterable[Destination]) -> list[Depth]:
    """Return how many messages wait in existing durable queues. AMQP does not count unsettled messages."""
    found = []
    for queue in queues:
        declared = (await channel.declare_queue(queue.routing_key, passive=True)).declaration_result
        found.append(Depth(queue.routing_key, declared.message_count or 0, None, declared.consumer_count or 0))
    return found


async def purge(bus: BusSettings, queues: Iterable[Destination], locks: Collection[str]) -> None:
    """Purge durable queues, and declare those that do not exist, for consumers that start later.

    Raises AlreadyRunning if a running consumer holds one of the `locks`, and BusUnavailable.
    """
    async with linked(bus, "emulator", locks) as link, not_cancelled():
        channel = await (await link.session()).open_channel()
        try:
            for queue in queues:
                await (await declare_queue(channel, queue, link.queue_type)).purge()
        except BROKEN as error:
            raise BusUnavailable(f"the broker at {link.broker} refused to purge its queues: {error}") from error

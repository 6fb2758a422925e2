"""The bus: publish, process and settle spans around aio-pika, the same on the embedded broker and on RabbitMQ.

Knows exchanges, queues and messages, not what they say. Context travels in the message's headers and nowhere else.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import aio_pika
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import PublishError
from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.trace import Link as SpanLink
from opentelemetry.trace import SpanKind, get_current_span

from emulator.plumbing.amqp_link import BROKEN, BusUnavailable, Link, Session, not_cancelled
from emulator.plumbing.scene import Actor, acting, current_scene
from emulator.plumbing.tasks import Tasks, task_group
from emulator.plumbing.telemetry import AttributeValue, fail, span

__all__ = ["Bus", "Consumer", "Destination", "Unroutable"]

CANCEL_SECONDS = 0.5
PUBLISH_SECONDS = 5.0
DRAIN_SECONDS = 5.0
PREFETCH = 200

log = logging.getLogger(__name__)


class Unroutable(BusUnavailable):
    """No queue is bound for the message: whoever should consume it has never been there."""

    def __init__(self, destination: "Destination") -> None:
        super().__init__(f"no queue takes messages for {destination.name}")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where messages go, and whence they come. `template` stands for the name where a part of the name varies.

    A `fanout` exchange gives every consumer a temporary queue of its own; else the routing key names a durable queue.
    """

    exchange: str
    routing_key: str = ""
    template: str | None = None
    fanout: bool = False

    @property
    def name(self) -> str:
        """`{exchange}:{routing key}`, RabbitMQ's convention; a queue named as its routing key is written once."""
        return ":".join(filter(None, (self.exchange, self.routing_key)))


@dataclass(frozen=True, slots=True)
class Consumer:
    """What to do with the bodies of a queue's messages: acknowledged when `handle` returns, rejected when it raises."""

    source: Destination
    handle: Callable[[bytes], Awaitable[None]]


class Bus:
    """What a service publishes and consumes, over its link to the broker."""

    def __init__(self, actor: Actor, link: Link) -> None:
        self._actor = actor
        self._link = link
        self._server: dict[str, AttributeValue] = {
            "server.address": link.broker.host or "localhost",
            "server.port": link.broker.port or 5672,
        }

    async def publish(self, to: Destination, body: bytes, message_id: str, kind: str | None = None) -> None:
        """Put a persistent message on the bus, and wait until the broker has it in a queue.

        `kind` is the message's `type` property; here it is the method that it calls.
        Raises Unroutable if no queue takes it, BusUnavailable if the broker does not.
        """
        attributes = {
            **self._describe("publish", "send", to, message_id, kind),
            "messaging.message.body.size": len(body),
        }
        with span(f"publish {to.template or to.name}", SpanKind.PRODUCER, attributes) as publishing:
            headers: dict[str, str] = {}
            propagate.inject(headers)
            message = aio_pika.Message(
                body,
                headers=dict(headers),
                content_type="application/json",
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                message_id=message_id,
                type=kind,
                correlation_id=current_scene().request_id,
            )
            try:
                async with not_cancelled(), asyncio.timeout(PUBLISH_SECONDS):
                    exchange = await _exchange(await self._link.session(), to)
                    await exchange.publish(message, to.routing_key)
            except PublishError as returned:
                raise Unroutable(to) from returned
            except BROKEN as error:
                why = str(error) or type(error).__name__
                raise BusUnavailable(f"the broker did not take a message for {to.name}: {why}") from error
            publishing.add_event("confirmed")

    @asynccontextmanager
    async def consuming(self, *consumers: Consumer) -> AsyncIterator[None]:
        """Consume while the block lasts. At its end take no more messages, but finish those at hand.

        What is not finished in `DRAIN_SECONDS` is left unsettled: the broker gives it to the next consumer.
        """
        queues: list[tuple[AbstractQueue, str]] = []
        async with task_group() as at_work:

            async def start(session: Session) -> None:
                queues[:] = [await self._start(consumer, session, at_work) for consumer in consumers]

            async with self._link.each_session(start):
                yield
            for queue, tag in queues:
                await _cancel(queue, tag)
            await at_work.finish(DRAIN_SECONDS)

    async def _start(self, consumer: Consumer, session: Session, at_work: Tasks) -> tuple[AbstractQueue, str]:
        source = consumer.source
        channel = await session.connection.channel()
        await self._link.watch(session, channel)
        await channel.set_qos(prefetch_count=PREFETCH)
        exchange = await _exchange(session, source)
        if source.fanout:
            unique = self._actor.chance.draw("queue", source.exchange).getrandbits(128)
            queue = await channel.declare_queue(f"{source.exchange}_{unique:032x}", exclusive=True, auto_delete=True)
            template = f"{source.exchange}:{source.exchange}_{{id}}"
            source = replace(source, routing_key=queue.name, template=template)
        else:
            queue = await channel.declare_queue(source.routing_key, durable=True)
        await queue.bind(exchange, consumer.source.routing_key)

        async def deliver(message: AbstractIncomingMessage) -> None:
            at_work.start(self._process(replace(consumer, source=source), message))

        return queue, await queue.consume(deliver)

    async def _process(self, consumer: Consumer, message: AbstractIncomingMessage) -> None:
        """Handle one message below the span that published it, and settle it. The next one does not wait for it."""
        headers = {key: value for key, value in message.headers.items() if isinstance(value, str)}
        context = propagate.extract(headers, context=Context())
        published = get_current_span(context).get_span_context()
        source = consumer.source
        message_id = message.message_id or ""
        with acting(self._actor, message.correlation_id, context):
            settled = {
                **self._describe("process", "process", source, message_id, message.type),
                "messaging.rabbitmq.message.delivery_tag": message.delivery_tag or 0,
            }
            attributes = {**settled, "messaging.message.body.size": len(message.body)}
            if message.redelivered:
                attributes["openstack.amqp.redelivered"] = True
            links = [SpanLink(published)] if published.is_valid else []
            with span(f"process {source.template or source.name}", SpanKind.CONSUMER, attributes, links) as processing:
                try:
                    await consumer.handle(message.body)
                except Exception as error:  # noqa: BLE001 - it is on the span; the consumer goes on
                    fail(processing, error)
                    await self._settle(message, "reject", source, settled)
                else:
                    await self._settle(message, "ack", source, settled)

    async def _settle(
        self, message: AbstractIncomingMessage, how: str, source: Destination, described: dict[str, AttributeValue]
    ) -> None:
        attributes = {**described, "messaging.operation.name": how, "messaging.operation.type": "settle"}
        with span(f"{how} {source.template or source.name}", SpanKind.CLIENT, attributes) as settling:
            try:
                async with not_cancelled():
                    await (message.ack() if how == "ack" else message.reject(requeue=False))
            except (*BROKEN, BusUnavailable) as lost:  # the broker redelivers; the duplicate is dropped
                fail(settling, lost)

    def _describe(
        self, name: str, operation: str, where: Destination, message_id: str, kind: str | None
    ) -> dict[str, AttributeValue]:
        described: dict[str, AttributeValue | None] = {
            "messaging.system": "rabbitmq",
            "messaging.operation.name": name,
            "messaging.operation.type": operation,
            "messaging.destination.name": where.name,
            "messaging.destination.template": where.template,
            "messaging.rabbitmq.destination.routing_key": where.routing_key if not where.fanout else None,
            "messaging.message.id": message_id or None,
            "messaging.message.conversation_id": current_scene().request_id,
            "openstack.rpc.method": kind,
            **self._server,
        }
        return {key: value for key, value in described.items() if value is not None}


async def _exchange(session: Session, named: Destination) -> AbstractExchange:
    """Return an exchange, declared once a session."""
    if named.exchange not in session.exchanges:
        kind = aio_pika.ExchangeType.FANOUT if named.fanout else aio_pika.ExchangeType.TOPIC
        session.exchanges[named.exchange] = await session.channel.declare_exchange(named.exchange, kind, durable=True)
    return session.exchanges[named.exchange]


async def _cancel(queue: AbstractQueue, tag: str) -> None:
    try:
        await queue.cancel(tag, timeout=CANCEL_SECONDS)
    except BROKEN as gone:  # then nothing is delivered any more either
        log.debug("consumer %s is gone: %s", tag, gone)

"""The bus: publish, process and settle spans around aio-pika, the same on the embedded broker and on RabbitMQ.

Knows exchanges, queues and messages, not what they say. Context travels in the message's headers and nowhere else.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus

import aio_pika
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage, AbstractQueue, AbstractRobustConnection
from aio_pika.exceptions import AMQPError, AuthenticationError, ProbableAuthenticationError, PublishError
from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind, get_current_span
from yarl import URL

from emulator.plumbing.http_server import ApiError
from emulator.plumbing.scene import Actor, acting, current_scene
from emulator.plumbing.tasks import Tasks, task_group
from emulator.plumbing.telemetry import AttributeValue, fail, span

__all__ = ["Bus", "BusUnavailable", "Consumer", "Delivery", "Destination", "Unroutable", "connected"]

CONNECT_PAUSE_SECONDS = 0.2
RECONNECT_SECONDS = 1.0
PUBLISH_SECONDS = 5.0
DRAIN_SECONDS = 5.0
PREFETCH = 200

log = logging.getLogger(__name__)


class BusUnavailable(ApiError):
    """The broker cannot be reached or did not take a message; try again later."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


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
class Delivery:
    """A message as its consumer sees it."""

    body: bytes
    message_id: str


@dataclass(frozen=True, slots=True)
class Consumer:
    """What to do with the messages of a queue: acknowledged when `handle` returns, rejected when it raises."""

    source: Destination
    handle: Callable[[Delivery], Awaitable[None]]


@asynccontextmanager
async def connected(url: str, actor: Actor, patience: float) -> AsyncIterator["Bus"]:
    """Connect to the broker, waiting up to `patience` seconds for it to be there.

    Raises BusUnavailable, with the reason, when it is not, and at once when it refuses the login.
    """
    connection = await _connect(url, actor.service, patience)
    try:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        yield Bus(actor, connection, channel, URL(url))
    finally:
        await connection.close()


async def _connect(url: str, service: str, patience: float) -> AbstractRobustConnection:
    where = URL(url).with_user(None)
    deadline = asyncio.get_running_loop().time() + patience
    waiting = False
    while True:
        try:
            return await aio_pika.connect_robust(
                url, reconnect_interval=RECONNECT_SECONDS, client_properties={"connection_name": service}
            )
        except (AuthenticationError, ProbableAuthenticationError) as refused:
            raise BusUnavailable(f"the broker at {where} refuses the login: {refused}") from refused
        except (AMQPError, OSError) as error:
            if asyncio.get_running_loop().time() >= deadline:
                raise BusUnavailable(f"no broker at {where} after {patience:g} s: {error}") from error
            if not waiting:
                log.warning("%s waits for the bus at %s, for %g s at the most", service, where, patience)
                waiting = True
            await asyncio.sleep(CONNECT_PAUSE_SECONDS)


class Bus:
    """A service's connection to the broker."""

    def __init__(
        self, actor: Actor, connection: AbstractRobustConnection, channel: aio_pika.abc.AbstractChannel, broker: URL
    ) -> None:
        self._actor = actor
        self._connection = connection
        self._channel = channel
        self._exchanges: dict[str, AbstractExchange] = {}
        self._server: dict[str, AttributeValue] = {
            "server.address": broker.host or "localhost",
            "server.port": broker.port or 5672,
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
                async with asyncio.timeout(PUBLISH_SECONDS):
                    exchange = await self._declare_exchange(self._channel, to)
                    await exchange.publish(message, to.routing_key)
            except PublishError as returned:
                raise Unroutable(to) from returned
            except (AMQPError, OSError, RuntimeError) as error:  # RuntimeError: aiormq's channel is closed
                why = str(error) or type(error).__name__
                raise BusUnavailable(f"the broker did not take a message for {to.name}: {why}") from error
            publishing.add_event("confirmed")

    @asynccontextmanager
    async def consuming(self, *consumers: Consumer) -> AsyncIterator[None]:
        """Consume while the block lasts. At its end take no more messages, but finish those at hand.

        What is not finished in `DRAIN_SECONDS` is left unsettled: the broker gives it to the next consumer.
        """
        async with task_group() as at_work:
            queues = [await self._start(consumer, at_work) for consumer in consumers]
            yield
            for queue, tag in queues:
                await _cancel(queue, tag)
            await at_work.finish(DRAIN_SECONDS)

    async def _start(self, consumer: Consumer, at_work: Tasks) -> tuple[AbstractQueue, str]:
        source = consumer.source
        channel = await self._connection.channel()
        await channel.set_qos(prefetch_count=PREFETCH)
        exchange = await self._declare_exchange(channel, source)
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

    async def _declare_exchange(self, channel: aio_pika.abc.AbstractChannel, named: Destination) -> AbstractExchange:
        if channel is self._channel and named.exchange in self._exchanges:
            return self._exchanges[named.exchange]
        kind = aio_pika.ExchangeType.FANOUT if named.fanout else aio_pika.ExchangeType.TOPIC
        exchange = await channel.declare_exchange(named.exchange, kind, durable=True)
        if channel is self._channel:
            self._exchanges[named.exchange] = exchange
        return exchange

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
            links = [Link(published)] if published.is_valid else []
            with span(f"process {source.template or source.name}", SpanKind.CONSUMER, attributes, links) as processing:
                try:
                    await consumer.handle(Delivery(message.body, message_id))
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
                await (message.ack() if how == "ack" else message.reject(requeue=False))
            except (AMQPError, OSError, RuntimeError) as lost:  # the broker redelivers; the duplicate is dropped
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


async def _cancel(queue: AbstractQueue, tag: str) -> None:
    try:
        await queue.cancel(tag, timeout=CONNECT_PAUSE_SECONDS)
    except (AMQPError, OSError, RuntimeError) as gone:  # then nothing is delivered any more either
        log.debug("consumer %s is gone: %s", tag, gone)

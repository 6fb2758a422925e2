"""The bus: publish, process and settle spans around aio-pika, the same on the embedded broker and on RabbitMQ.

Knows exchanges, queues and messages, not what they say. Context travels in the message's headers and nowhere else.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import aio_pika
from aio_pika.abc import AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import DeliveryError, PublishError
from opentelemetry.trace import Link as SpanLink
from opentelemetry.trace import Span, SpanKind, get_current_span

from emulator.faults import Effect
from emulator.runtime.amqp_connection import BROKEN, BusUnavailable, Link, Session, not_cancelled
from emulator.runtime.amqp_topology import Destination, declare_exchange, declare_queue
from emulator.runtime.propagation import put_into
from emulator.runtime.request_context import (
    GLOBAL_REQUEST_ID,
    MessagingContext,
    ServiceContext,
    apply_fault,
    current_request,
    fault_at,
    request_scope,
)
from emulator.runtime.simulated_work import wait_for_duration
from emulator.runtime.spans import AttributeValue, event, fail, report_ignored, span
from emulator.runtime.tasks import SharedTimeout, Tasks, task_group

__all__ = ["Bus", "ConnectionDropped", "Consumer", "Unroutable"]

CANCEL_SECONDS = 0.5
PUBLISH_SECONDS = 5.0
CONFIRM_SECONDS = 30.0
PUBLISH_ATTEMPTS = 10
PREFETCH = 200

log = logging.getLogger(__name__)


class Unroutable(BusUnavailable):
    """No queue is bound for the message: whoever should consume it has never been there."""

    def __init__(self, destination: "Destination") -> None:
        super().__init__(f"no queue takes messages for {destination.name}")


class ConnectionDropped(Exception):
    """The connection to the broker went before the message was acknowledged: it will come again.

    That is pretended: in truth the one message is given back, since a connection that went would take along what
    others have on it. To the broker both are the same.
    """

    def __init__(self) -> None:
        super().__init__("the connection to the broker was dropped before the message was acknowledged")


@dataclass(frozen=True, slots=True)
class Consumer:
    """What to do with the messages of a queue, their bodies and headers.

    A message is acknowledged when `handle` returns, rejected when it raises.
    """

    source: Destination
    handle: Callable[[bytes, Mapping[str, str]], Awaitable[None]]


class Bus:
    """What a service publishes and consumes, over its link to the broker. It has `stopping` to finish its work."""

    def __init__(self, service_context: ServiceContext, link: Link, stopping: SharedTimeout) -> None:
        self._actor = service_context
        self._stopping = stopping
        self._link = link
        self._server: dict[str, AttributeValue] = {
            "server.address": link.broker.host or "localhost",
            "server.port": link.broker.port or 5672,
        }

    async def publish(
        self,
        to: Destination,
        body: bytes,
        message_id: str,
        kind: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Put a persistent message on the bus, and wait until the broker has it in a queue.

        `kind` is the message's `type` property; here it is the method that it calls. `headers` go along. A message
        whose confirmation was lost with the connection is published again: consumers know it by its id.
        Raises Unroutable if no queue takes it, BusUnavailable if the broker does not.
        """
        attributes = self._describe("publish", "send", to, message_id, kind)
        with span(f"publish {to.label}", SpanKind.PRODUCER, attributes) as publishing:
            fault = apply_fault(f"publish {to.label}")
            effect = fault and fault.effect
            if effect is Effect.MISROUTE:
                to = replace(to, routing_key=f"{to.routing_key}.nowhere")
            if effect is Effect.GARBLE:
                body = body[: len(body) // 2]
            publishing.set_attributes({**_routed(to), "messaging.message.body.size": len(body)})
            carried: dict[str, str] = {}
            if chosen := current_request().global_request_id:
                carried[GLOBAL_REQUEST_ID] = chosen
            if effect is not Effect.LOSE_CONTEXT:
                put_into(carried, current_request().fault, current_request().profiled)
            message = aio_pika.Message(
                body,
                headers={**(headers or {}), **carried},
                content_type="application/json",
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                message_id=message_id,
                type=kind,
                correlation_id=current_request().request_id,
            )
            await self._send(to, message, publishing)
            event(publishing, "confirmed")
        if effect is Effect.REPEAT:
            await self.publish(to, body, message_id, kind, headers)

    async def _send(self, to: Destination, message: aio_pika.Message, publishing: Span) -> None:
        """Have the broker confirm a message; where the connection is lost, again on the next one.

        A broker that is away has `PUBLISH_SECONDS` to come back, one that is there `CONFIRM_SECONDS` for its answer.
        """
        loop, lost = asyncio.get_running_loop(), Exception("no answer in time")
        try:
            async with asyncio.timeout(PUBLISH_SECONDS) as patience:
                for _ in range(PUBLISH_ATTEMPTS):
                    session = await self._link.session()
                    patience.reschedule(loop.time() + CONFIRM_SECONDS)
                    try:
                        async with not_cancelled():
                            await (await declare_exchange(session, to)).publish(message, to.routing_key)
                    except DeliveryError:  # the broker has answered: it does not take the message
                        raise
                    except (*BROKEN, BusUnavailable) as error:
                        lost = error
                        event(publishing, "connection lost")
                        patience.reschedule(loop.time() + PUBLISH_SECONDS)
                        await self._link.after(session)
                    else:
                        return
        except PublishError as returned:
            raise Unroutable(to) from returned
        except DeliveryError as refused:
            lost = refused
        except TimeoutError:
            log.debug("gave up a message for %s", to.name)
        raise BusUnavailable(f"the broker did not take a message for {to.name}: {lost}") from lost

    @asynccontextmanager
    async def consuming(self, *consumers: Consumer) -> AsyncIterator[None]:
        """Consume while the block lasts. At its end take no more messages, but finish those at hand.

        What is not finished in time is left unsettled: the broker gives it to the next consumer.
        """
        queues: list[tuple[AbstractQueue, str]] = []
        async with task_group() as at_work:

            async def start(session: Session) -> None:
                queues[:] = [await self._start(consumer, session, at_work) for consumer in consumers]

            async with self._link.each_session(start):
                yield
            for queue, tag in queues:
                await _cancel(queue, tag)
            await at_work.finish(self._stopping.left())

    async def _start(self, consumer: Consumer, session: Session, at_work: Tasks) -> tuple[AbstractQueue, str]:
        source = consumer.source
        channel = await session.connection.channel()
        await self._link.watch(session, channel)
        await channel.set_qos(prefetch_count=PREFETCH)
        exchange = await declare_exchange(session, source)
        if source.fanout:
            unique = self._actor.rng.draw("queue", source.exchange).getrandbits(128)
            queue = await channel.declare_queue(f"{source.exchange}_{unique:032x}", exclusive=True, auto_delete=True)
            template = f"{source.exchange}:{source.exchange}_{{id}}"
            source = replace(source, routing_key=queue.name, template=template)
        else:
            queue = await declare_queue(channel, source, self._link.queue_type)
        if source.exchange:  # else it is bound already, by its name
            await queue.bind(exchange, consumer.source.routing_key)

        async def deliver(message: AbstractIncomingMessage) -> None:
            if not at_work.over:  # else it goes back to the queue with the channel
                at_work.start(self._process(replace(consumer, source=source), message))

        return queue, await queue.consume(deliver)

    async def _process(self, consumer: Consumer, message: AbstractIncomingMessage) -> None:
        """Handle one message below the span that published it, and settle it. The next one does not wait for it."""
        headers = {key: value for key, value in message.headers.items() if isinstance(value, str)}
        source, at = consumer.source, f"process {consumer.source.label}"
        with request_scope(self._actor, message.correlation_id, headers, headers.get(GLOBAL_REQUEST_ID)):
            effect = await self._upset(at, message)
            described = {
                **self._describe("process", "process", source, message.message_id or "", message.type),
                **_routed(source),
                "messaging.rabbitmq.message.delivery_tag": message.delivery_tag or 0,
            }
            attributes = {**described, **_history(message), "messaging.message.body.size": len(message.body)}
            with span(at, SpanKind.CONSUMER, attributes, self._links(), root=self._begins_traces) as processing:
                report_ignored(processing)
                apply_fault(at)
                try:
                    await consumer.handle(message.body, headers)
                except Exception as error:  # noqa: BLE001 - it is on the span; the consumer goes on
                    fail(processing, error)
                    await self._settle(message, "reject", source, described)
                else:
                    if effect is Effect.CRASH:
                        fail(processing, ConnectionDropped())
                        await message.reject(requeue=True)
                    else:
                        await self._settle(message, "ack", source, described)

    @staticmethod
    async def _upset(at: str, message: AbstractIncomingMessage) -> Effect | None:
        """Return what a fault does to this delivery; one that lets the message wait has done so."""
        fault = fault_at(at)
        if fault is None:
            return None
        if fault.effect is Effect.DELAY:
            await wait_for_duration(fault.name)
        if fault.effect is Effect.CRASH and message.redelivered:  # it was the first delivery that crashed
            current_request().spend()
            return None
        return fault.effect

    def _links(self) -> list[SpanLink]:
        """Return the links of a process span: to the span that published the message, as its headers say."""
        published = get_current_span().get_span_context()
        wanted = self._actor.messaging_context is not MessagingContext.PARENT
        return [SpanLink(published)] if wanted and published.is_valid else []

    @property
    def _begins_traces(self) -> bool:
        return self._actor.messaging_context is MessagingContext.LINK

    async def _settle(
        self, message: AbstractIncomingMessage, how: str, source: Destination, described: dict[str, AttributeValue]
    ) -> None:
        attributes = {**described, "messaging.operation.name": how, "messaging.operation.type": "settle"}
        with span(f"{how} {source.label}", SpanKind.CLIENT, attributes) as settling:
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
            "messaging.destination.template": where.template,
            "messaging.message.id": message_id or None,
            "messaging.message.conversation_id": current_request().request_id,
            "openstack.rpc.method": kind,
            **self._server,
        }
        return {key: value for key, value in described.items() if value is not None}


def _routed(where: Destination) -> dict[str, AttributeValue]:
    named: dict[str, AttributeValue] = {"messaging.destination.name": where.name}
    return named if where.fanout else {**named, "messaging.rabbitmq.destination.routing_key": where.routing_key}


def _history(message: AbstractIncomingMessage) -> dict[str, AttributeValue]:
    """Tell what became of a message before: that it was delivered, or rejected by the consumers of another queue."""
    history: dict[str, AttributeValue] = {"openstack.amqp.redelivered": True} if message.redelivered else {}
    for what in ("queue", "reason"):
        if said := message.headers.get(f"x-first-death-{what}"):
            history[f"openstack.amqp.dead_letter.{what}"] = str(said)
    return history


async def _cancel(queue: AbstractQueue, tag: str) -> None:
    try:
        await queue.cancel(tag, timeout=CANCEL_SECONDS)
    except BROKEN as gone:  # then nothing is delivered any more either
        log.debug("consumer %s is gone: %s", tag, gone)

"""The bus: what a service publishes and consumes, the same on the embedded broker and on RabbitMQ.

Knows exchanges, queues and messages, not their contents. Context travels in the message's headers and nowhere else.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import aio_pika
from aio_pika.abc import AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import ChannelInvalidStateError, DeliveryError, PublishError
from opentelemetry import context as otel_context
from opentelemetry.trace import Span

from emulator.instrumentation import Attributes, AttributeValue, Inject, record_error
from emulator.instrumentation.messaging import (
    MessagingDestination,
    headers_of,
    processing,
    publishing,
    settling,
)
from emulator.runtime.amqp_connection import Link
from emulator.runtime.amqp_session import BROKEN, REFUSED, BusUnavailable, Session, not_cancelled, publishing_channel
from emulator.runtime.amqp_topology import Destination, declare_exchange, declare_queue, session_exchange
from emulator.runtime.fault_injection.messages import (
    ConnectionDropped,
    Handle,
    process_with_fault,
    publish_with_fault,
)
from emulator.runtime.request_context import GLOBAL_REQUEST_ID, ServiceContext, current_request, request_scope
from emulator.runtime.spans import report_ignored, request_attributes, request_tracer
from emulator.runtime.tasks import SharedTimeout, Tasks, task_group

__all__ = ["Bus", "Consumer", "Unroutable"]

CANCEL_SECONDS = 0.5
PUBLISH_SECONDS = 5.0
"""How long a publish waits for a lost broker to come back."""
CONFIRM_SECONDS = 30.0
"""How long a publish waits for a connected broker to confirm the message."""
PUBLISH_ATTEMPTS = 10
PREFETCH = 200
"""Also limits how many messages of a queue are handled at the same time: each delivery is its own task."""

log = logging.getLogger(__name__)


class Unroutable(BusUnavailable):
    """No queue is bound for the message: its consumer was never started."""

    error_type = "emulator.Unroutable"

    def __init__(self, destination: Destination) -> None:
        super().__init__(f"no queue takes messages for {destination.name}")


@dataclass(frozen=True, slots=True)
class Consumer:
    """A queue and the function that handles its messages.

    A message is acknowledged when `handle` returns, rejected when it raises.
    """

    source: Destination
    handle: Handle


class Bus:
    """Publishes and consumes messages over a service's link to the broker. `stopping` limits how long a stop takes."""

    def __init__(self, service_context: ServiceContext, link: Link, stopping: SharedTimeout) -> None:
        self._service_context = service_context
        self._stopping = stopping
        self._link = link

    async def publish(
        self,
        to: Destination,
        body: bytes,
        message_id: str,
        kind: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Publish a persistent message, and wait until the broker has it in a queue.

        `kind` is the message's `type` property; here the name of the method that it calls. `headers` are sent with it.
        If the connection is lost before the confirm, the message is published again: consumers drop duplicates by id.
        Raises Unroutable if no queue takes it, BusUnavailable if the broker does not.
        """

        async def publish(to: Destination, body: bytes, attributes: Attributes, inject: Inject) -> None:
            message = aio_pika.Message(
                body,
                headers={**(headers or {}), **_global_request_id()},
                content_type="application/json",
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                message_id=message_id,
                type=kind,
                correlation_id=current_request().request_id,
            )
            described = {**_attributes(kind), **attributes}
            destination = self._described(to)
            with publishing(request_tracer(), message, destination, attributes=described, inject=inject) as span:
                await self._send(to, message, span)

        await publish_with_fault(publish, to, body)

    async def _send(self, to: Destination, message: aio_pika.Message, span: Span) -> None:
        """Publish and wait for the broker's confirm. Publishes again on the next connection if this one is lost.

        What the broker refuses is not published again: it would refuse that too.
        """
        loop, lost = asyncio.get_running_loop(), Exception("no answer in time")
        try:
            async with asyncio.timeout(PUBLISH_SECONDS) as deadline:
                for _ in range(PUBLISH_ATTEMPTS):
                    session = await self._link.session()
                    deadline.reschedule(loop.time() + CONFIRM_SECONDS)  # connected: now only the confirm takes time
                    try:
                        async with not_cancelled():
                            await _publish(session, to, message)
                    except (DeliveryError, *REFUSED):  # not a lost connection
                        raise
                    except (*BROKEN, BusUnavailable) as error:
                        lost = error
                        span.add_event("connection lost")
                        deadline.reschedule(loop.time() + PUBLISH_SECONDS)
                        await self._link.after(session)
                    else:
                        return
        except PublishError as returned:
            raise Unroutable(to) from returned
        except (DeliveryError, *REFUSED) as refused:
            lost = refused
        except TimeoutError:
            log.debug("gave up a message for %s", to.name)
        raise BusUnavailable(f"the broker did not take a message for {to.name}: {lost}") from lost

    @asynccontextmanager
    async def consuming(self, *consumers: Consumer) -> AsyncIterator[None]:
        """Consume while the block lasts. At its end take no more messages, but finish those that are being handled.

        Messages that are not finished in time stay unsettled: the broker delivers them to the next consumer.
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
        exchange = await session_exchange(session, source)
        if source.fanout:
            unique = self._service_context.rng.draw("queue", source.exchange).getrandbits(128)
            queue = await channel.declare_queue(f"{source.exchange}_{unique:032x}", exclusive=True, auto_delete=True)
            template = f"{source.exchange}:{source.exchange}_{{id}}"
            source = replace(source, routing_key=queue.name, template=template)
        else:
            queue = await declare_queue(channel, source, self._link.queue_type)
        if source.exchange:  # every queue is already bound to the default exchange by its name
            await queue.bind(exchange, consumer.source.routing_key)

        async def deliver(message: AbstractIncomingMessage) -> None:
            if not at_work.over:  # when stopping, leave it: the broker requeues it when the channel closes
                at_work.start(self._process(replace(consumer, source=source), message))

        return queue, await queue.consume(deliver)

    async def _process(self, consumer: Consumer, message: AbstractIncomingMessage) -> None:
        """Process one message as part of the request that its headers name. The next one does not wait for it."""
        headers = headers_of(message)

        async def process(handle: Handle, attributes: Attributes) -> None:
            await self._handle_and_settle(consumer.source, message, headers, handle, attributes)

        with request_scope(self._service_context, message.correlation_id, headers, headers.get(GLOBAL_REQUEST_ID)):
            await process_with_fault(process, f"process {consumer.source.label}", message, consumer.handle)

    async def _handle_and_settle(
        self,
        source: Destination,
        message: AbstractIncomingMessage,
        headers: Mapping[str, str],
        handle: Handle,
        attributes: Attributes,
    ) -> None:
        with processing(
            request_tracer(),
            message,
            self._described(source),
            context=otel_context.get_current(),
            messaging_context=self._service_context.messaging_context,
            attributes={**_attributes(message.type), **_history(message), **attributes},
        ) as span:
            report_ignored(span)
            try:
                await handle(message.body, headers)
            except ConnectionDropped as dropped:  # nothing to settle: the broker has the message back
                record_error(span, dropped)
            except Exception as error:  # noqa: BLE001 - it is on the span; the consumer goes on
                record_error(span, error)
                await self._settle(message, "reject", source)
            else:
                await self._settle(message, "ack", source)

    async def _settle(self, message: AbstractIncomingMessage, operation: str, source: Destination) -> None:
        attributes = _attributes(message.type)
        with settling(request_tracer(), operation, message, self._described(source), attributes=attributes) as span:
            try:
                async with not_cancelled():
                    await (message.ack() if operation == "ack" else message.reject(requeue=False))
            except (*BROKEN, BusUnavailable) as lost:  # the broker delivers it again; the duplicate is dropped
                record_error(span, lost)

    def _described(self, where: Destination) -> MessagingDestination:
        routing_key = None if where.fanout else where.routing_key
        return MessagingDestination(self._link.broker, where.name, routing_key, where.template)


def _attributes(kind: str | None) -> Attributes:
    """Return the attributes that the current request adds to the spans of a message."""
    request_id = current_request().request_id
    method: Attributes = {} if kind is None else {"openstack.rpc.method": kind}
    return request_attributes({"messaging.message.conversation_id": request_id, **method})


def _global_request_id() -> dict[str, str]:
    chosen = current_request().global_request_id
    return {GLOBAL_REQUEST_ID: chosen} if chosen else {}


def _history(message: AbstractIncomingMessage) -> dict[str, AttributeValue]:
    """Return attributes about a message's past: delivered before, or rejected by the consumers of another queue."""
    history: dict[str, AttributeValue] = {"openstack.amqp.redelivered": True} if message.redelivered else {}
    for what in ("queue", "reason"):
        if value := message.headers.get(f"x-first-death-{what}"):
            history[f"openstack.amqp.dead_letter.{what}"] = str(value)
    return history


async def _publish(session: Session, to: Destination, message: aio_pika.Message) -> None:
    """Publish on the session's channel and wait for the confirm."""
    try:
        await (await session_exchange(session, to)).publish(message, to.routing_key)
    except (*REFUSED, ChannelInvalidStateError):
        # A refused message closes the channel for all that publish on it. On a channel of its own, it is known whether
        # the broker refuses this message or has refused another one.
        async with await publishing_channel(session.connection) as own:
            await (await declare_exchange(own, to)).publish(message, to.routing_key)


async def _cancel(queue: AbstractQueue, tag: str) -> None:
    try:
        await queue.cancel(tag, timeout=CANCEL_SECONDS)
    except BROKEN as gone:  # nothing is delivered any more on a lost connection, so the goal is reached
        log.debug("consumer %s is gone: %s", tag, gone)

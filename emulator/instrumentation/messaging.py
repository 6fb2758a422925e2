"""Spans of AMQP 0-9-1 messages with aio-pika: publish (PRODUCER), process (CONSUMER) and settle (CLIENT).

Messaging semantic conventions 1.44: "Messaging spans", and "RabbitMQ" for the names of destinations. The context
travels in the message's headers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import aio_pika
from aio_pika.abc import AbstractIncomingMessage
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Tracer, get_current_span
from yarl import URL

from emulator.instrumentation import propagation
from emulator.instrumentation.propagation import MessagingContext
from emulator.instrumentation.spans import Attributes, AttributeValue, present, span

__all__ = [
    "MessagingDestination",
    "destination_name",
    "headers_of",
    "processing",
    "publishing",
    "settling",
]

AMQP_PORT, AMQPS_PORT = 5672, 5671


@dataclass(frozen=True, slots=True)
class MessagingDestination:
    """Where messages go or come from; `broker` is a URL.

    `template` replaces `name` in span names if a part of the name varies, as in `nova:compute.{host}`. A fanout
    exchange has no `routing_key`. A queue is `temporary` if it ends with its consumer, and `anonymous` if the broker
    chose its name; without a template, span names leave out the names of both.
    """

    broker: URL
    name: str
    routing_key: str | None = None
    template: str | None = None
    temporary: bool = False
    anonymous: bool = False

    def span_name(self, operation: str) -> str:
        """Return `{operation} {destination}`, without names that would have too many values ("Span name")."""
        label = self.template or ("" if self.temporary or self.anonymous else self.name)
        return f"{operation} {label}".rstrip()


def destination_name(exchange: str, routing_key: str = "", queue: str = "") -> str:
    """Return `{exchange}:{routing key}`, for consumers followed by `:{queue}`. Empty parts are left out.

    So is a queue with the name of its routing key ("RabbitMQ", `messaging.destination.name`).
    """
    parts = (exchange, routing_key, "" if queue == routing_key else queue)
    return ":".join(filter(None, parts)) or "amq.default"


@contextmanager
def publishing(
    tracer: Tracer,
    message: aio_pika.Message,
    to: MessagingDestination,
    *,
    attributes: Attributes | None = None,
    inject: propagation.Inject = propagation.inject,
) -> Iterator[Span]:
    """Publish the message in the block, until the broker has confirmed it. Injects the context into its headers.

    The event `confirmed` is not part of the conventions: it separates the broker's time from the time in the queue. It
    marks the end of the block, so it is true only on a channel with `publisher_confirms` and `on_return_raises`.
    """
    described = {
        **_described("publish", "send", to, message.message_id, message.correlation_id),
        "messaging.message.body.size": len(message.body),
        **(attributes or {}),
    }
    with span(tracer, to.span_name("publish"), SpanKind.PRODUCER, described) as sending:
        carrier: dict[str, str] = {}
        inject(carrier)
        message.headers.update(carrier)
        yield sending
        sending.add_event("confirmed")


@contextmanager
def processing(
    tracer: Tracer,
    message: AbstractIncomingMessage,
    source: MessagingDestination,
    *,
    context: Context | None = None,
    messaging_context: MessagingContext = MessagingContext.BOTH,
    attributes: Attributes | None = None,
) -> Iterator[Span]:
    """Process one delivered message in the block. `context` is the publisher's, by default the one in the headers.

    By default the span is a child of the publisher's span and also links to it: the conventions allow the parent for
    single messages, and recommend the link in any case ("Consumer spans").
    """
    received = propagation.extract(headers_of(message)) if context is None else context
    published = get_current_span(received).get_span_context()
    linked = published.is_valid and messaging_context is not MessagingContext.PARENT
    described = {
        **_described("process", "process", source, message.message_id, message.correlation_id),
        "messaging.rabbitmq.message.delivery_tag": message.delivery_tag or 0,
        "messaging.message.body.size": len(message.body),
        **(attributes or {}),
    }
    with (
        propagation.attached(received),
        span(
            tracer,
            source.span_name("process"),
            SpanKind.CONSUMER,
            described,
            [Link(published)] if linked else [],
            root=messaging_context is MessagingContext.LINK,
        ) as handling,
    ):
        yield handling


@contextmanager
def settling(
    tracer: Tracer,
    operation: str,
    message: AbstractIncomingMessage,
    source: MessagingDestination,
    *,
    attributes: Attributes | None = None,
) -> Iterator[Span]:
    """Settle a message in the block: `operation` is `ack`, `nack` or `reject`.

    The span is a child of the process span. It is separate because a reject succeeds even though processing failed.
    """
    described = {
        **_described(operation, "settle", source, message.message_id, message.correlation_id),
        "messaging.rabbitmq.message.delivery_tag": message.delivery_tag or 0,
        **(attributes or {}),
    }
    with span(tracer, source.span_name(operation), SpanKind.CLIENT, described) as settled:
        yield settled


def headers_of(message: AbstractIncomingMessage) -> dict[str, str]:
    """Return the text headers of a message. AMQP has other types too, but context is always text."""
    return {name: value for name, value in message.headers.items() if isinstance(value, str)}


def _described(
    name: str, operation: str, destination: MessagingDestination, message_id: str | None, conversation: str | None
) -> dict[str, AttributeValue]:
    """Return the attributes that all three kinds of span share."""
    default_port = AMQPS_PORT if destination.broker.scheme == "amqps" else AMQP_PORT
    return present(
        {
            "messaging.system": "rabbitmq",
            "messaging.operation.name": name,
            "messaging.operation.type": operation,
            "messaging.destination.name": destination.name,
            "messaging.destination.template": destination.template,
            "messaging.destination.temporary": destination.temporary or None,
            "messaging.destination.anonymous": destination.anonymous or None,
            "messaging.rabbitmq.destination.routing_key": destination.routing_key or None,
            "messaging.message.id": message_id or None,
            "messaging.message.conversation_id": conversation or None,
            "server.address": destination.broker.host or "localhost",
            "server.port": destination.broker.port or default_port,
        }
    )

"""Context in headers, and how a message's span relates to its publisher's."""

import pytest
from aio_pika import IncomingMessage, Message
from aiormq.abc import DeliveredMessage
from opentelemetry import baggage
from opentelemetry.trace import get_current_span
from yarl import URL

from emulator.instrumentation import BAGGAGE_LIMIT_BYTES, MessagingContext, attached, extract, inject, span
from emulator.instrumentation.messaging import MessagingDestination, destination_name, processing, publishing
from tests.instrumentation.conftest import Traced

TO = MessagingDestination(URL("amqp://broker/"), "orders.7", template="orders.{shop}")


def test_headers_without_context_do_not_inherit_the_current_one(traced: Traced) -> None:
    with span(traced.tracer("shop"), "work"):
        assert not get_current_span(extract({})).get_span_context().is_valid


def test_context_and_baggage_travel_in_headers(traced: Traced) -> None:
    headers: dict[str, str] = {"baggage": "team=demo"}
    with attached(extract(headers)), span(traced.tracer("shop"), "work") as begun:
        inject(headers)
    received = extract(headers)
    assert get_current_span(received).get_span_context().span_id == begun.get_span_context().span_id
    assert baggage.get_all(received) == {"team": "demo"}


def test_baggage_beyond_the_limit_is_dropped() -> None:
    assert baggage.get_all(extract({"baggage": f"a={'x' * BAGGAGE_LIMIT_BYTES}"})) == {}


@pytest.mark.parametrize(
    ("exchange", "routing_key", "queue", "name"),
    [
        ("shop", "orders", "", "shop:orders"),
        ("shop", "orders", "orders", "shop:orders"),
        ("shop", "orders", "printer", "shop:orders:printer"),
        ("", "orders", "", "orders"),
    ],
)
def test_destinations_follow_rabbitmqs_naming(exchange: str, routing_key: str, queue: str, name: str) -> None:
    assert destination_name(exchange, routing_key, queue) == name


@pytest.mark.parametrize("how", MessagingContext)
def test_a_process_span_relates_to_its_publish_span_as_configured(traced: Traced, how: MessagingContext) -> None:
    tracer, message = traced.tracer("shop"), Message(b"one book")
    with publishing(tracer, message, TO) as sending:
        pass
    with processing(tracer, _delivered(message), TO, messaging_context=how):
        pass
    published, processed = traced.one("publish orders.{shop}"), traced.one("process orders.{shop}")
    assert sending.get_span_context().span_id == int(published.span_id, 16)
    is_child, is_linked = how is not MessagingContext.LINK, how is not MessagingContext.PARENT
    assert processed.parent_id == (published.span_id if is_child else "")
    assert (processed.trace_id == published.trace_id) is is_child
    assert [link.span_id for link in processed.links] == [published.span_id] * is_linked


def _delivered(message: Message) -> IncomingMessage:
    from pamqp.commands import Basic
    from pamqp.header import ContentHeader

    header = ContentHeader(body_size=len(message.body), properties=message.properties)
    deliver = Basic.Deliver("consumer", 1, redelivered=False, exchange="", routing_key="orders")
    return IncomingMessage(DeliveredMessage(delivery=deliver, header=header, body=message.body, channel=None))  # type: ignore[arg-type]

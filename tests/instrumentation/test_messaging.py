"""Spans of messages: their names, how they relate to their publisher's, and what counts as a failure."""

import asyncio
from dataclasses import replace

import aiormq
import pytest
from aio_pika import IncomingMessage, Message
from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic
from pamqp.header import ContentHeader
from yarl import URL

from emulator.instrumentation import MessagingContext
from emulator.instrumentation.messaging import (
    MessagingDestination,
    destination_name,
    processing,
    publishing,
    settling,
)
from tests.instrumentation.conftest import Traced

TO = MessagingDestination(URL("amqp://broker/"), "orders.7", template="orders.{shop}")
ORDERS = MessagingDestination(URL("amqp://broker/"), "orders", routing_key="orders")


def delivered(message: Message) -> IncomingMessage:
    """Return a message as a consumer gets it, without a channel on which it could be settled."""
    header = ContentHeader(body_size=len(message.body), properties=message.properties)
    deliver = Basic.Deliver("consumer", 1, redelivered=False, exchange="", routing_key="orders")
    return IncomingMessage(DeliveredMessage(delivery=deliver, header=header, body=message.body, channel=None))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("exchange", "routing_key", "queue", "name"),
    [
        ("shop", "orders", "", "shop:orders"),
        ("shop", "orders", "orders", "shop:orders"),
        ("shop", "orders", "printer", "shop:orders:printer"),
        ("", "orders", "", "orders"),
        ("", "", "", "amq.default"),
    ],
)
def test_destinations_follow_rabbitmqs_naming(exchange: str, routing_key: str, queue: str, name: str) -> None:
    assert destination_name(exchange, routing_key, queue) == name


@pytest.mark.parametrize("how", MessagingContext)
def test_a_process_span_relates_to_its_publish_span_as_configured(traced: Traced, how: MessagingContext) -> None:
    tracer, message = traced.tracer("shop"), Message(b"one book")
    with publishing(tracer, message, TO) as sending:
        pass
    with processing(tracer, delivered(message), TO, messaging_context=how):
        pass
    published, processed = traced.one("publish orders.{shop}"), traced.one("process orders.{shop}")
    assert sending.get_span_context().span_id == int(published.span_id, 16)
    is_child, is_linked = how is not MessagingContext.LINK, how is not MessagingContext.PARENT
    assert processed.parent_id == (published.span_id if is_child else "")
    assert (processed.trace_id == published.trace_id) is is_child
    assert [link.span_id for link in processed.links] == [published.span_id] * is_linked


def publish_to(traced: Traced, to: MessagingDestination, name: str) -> dict[str, object]:
    """Publish to a destination, and return what the span with this name shows of it."""
    with publishing(traced.tracer("shop"), Message(b"one book"), to):
        pass
    return {
        key.removeprefix("messaging."): value
        for key, value in traced.one(name).attributes.items()
        if "destination" in key or key == "server.port"
    }


@pytest.mark.parametrize(
    ("broker", "port"), [("amqp://broker/", 5672), ("amqps://broker/", 5671), ("amqps://broker:443/", 443)]
)
def test_a_brokers_port_is_the_one_of_its_scheme(traced: Traced, broker: str, port: int) -> None:
    to = replace(ORDERS, broker=URL(broker), routing_key="")
    assert publish_to(traced, to, "publish orders") == {"destination.name": "orders", "server.port": port}


@pytest.mark.parametrize(
    ("template", "name"), [(None, "publish"), ("amq.gen-{id}", "publish amq.gen-{id}")], ids=["no template", "template"]
)
def test_span_names_do_not_contain_the_name_of_an_anonymous_queue(
    traced: Traced, template: str | None, name: str
) -> None:
    to = MessagingDestination(URL("amqp://broker/"), "amq.gen-7", template=template, temporary=True, anonymous=True)
    shown = publish_to(traced, to, name)
    assert shown["destination.name"] == "amq.gen-7"
    assert shown["destination.temporary"] is shown["destination.anonymous"] is True


def test_a_message_that_was_not_taken_is_not_confirmed(traced: Traced) -> None:
    with pytest.raises(aiormq.AMQPError), publishing(traced.tracer("shop"), Message(b"one book"), ORDERS):
        raise aiormq.AMQPError
    span = traced.one("publish orders")
    assert span.failed
    assert [event.name for event in span.events] == ["exception"]


def reject(traced: Traced, error: Exception, settled: Exception | None = None) -> None:
    """Fail to handle a message, and reject it, which fails too if `settled` is set."""
    tracer, message = traced.tracer("warehouse"), delivered(Message(b"one book"))
    with processing(tracer, message, ORDERS):
        try:
            raise error
        except RuntimeError:
            with settling(tracer, "reject", message, ORDERS):
                if settled is not None:
                    raise settled from None
            raise


def test_a_rejected_message_failed_but_its_reject_did_not(traced: Traced) -> None:
    with pytest.raises(RuntimeError):
        reject(traced, RuntimeError("no copy is left"))
    processed, rejected = traced.one("process orders"), traced.one("reject orders")
    assert (processed.error_type, rejected.failed) == ("RuntimeError", False)
    assert [event.name for event in processed.events] == ["exception"]
    assert rejected.parent_id == processed.span_id
    assert rejected.attributes["messaging.operation.type"] == "settle"


def test_a_failed_reject_has_its_own_event(traced: Traced) -> None:
    with pytest.raises(aiormq.AMQPError):
        reject(traced, RuntimeError("no copy is left"), aiormq.AMQPError("the channel is closed"))
    processed, rejected = traced.one("process orders"), traced.one("reject orders")
    assert rejected.error_type == processed.error_type == "aiormq.exceptions.AMQPError"
    assert [len(span.events) for span in (rejected, processed)] == [1, 0]


async def test_cancelled_processing_is_no_failure(traced: Traced) -> None:
    async def process() -> None:
        with processing(traced.tracer("warehouse"), delivered(Message(b"one book")), ORDERS):
            began.set()
            await asyncio.Event().wait()

    began = asyncio.Event()
    processed = asyncio.create_task(process())
    await began.wait()
    processed.cancel()
    with pytest.raises(asyncio.CancelledError):
        await processed
    assert not traced.one("process orders").failed

"""aio-pika over the embedded broker: a consumer below its producer, one that links to several, and lost messages."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import aio_pika
import pytest

from spantree import OtlpReceiver, tree
from tests.spantree.foreign.programs import INSTRUMENTED, only, started

ORDER = tree("""
    shop: checkouts receive (consumer)
      shop: ",orders send" (producer)
        warehouse: pack order (consumer)
""")
SENT = tree("""
    shop: checkouts receive (consumer)
      shop: ",mails send" (producer)
      shop: ",mails send" (producer)
""")
MAILED = tree("""
    warehouse: send mails (consumer)
""")
LINKED = tree("""
    shop: checkouts receive (consumer)
      shop: ",mails send" (producer)
      shop: ",mails send" (producer)
    warehouse: send mails (consumer)
""")
NOWHERE = tree("""
    shop: checkouts receive (consumer)
      shop: ",nowhere send" (producer)
""")
LOST = tree("""
    warehouse: pack order (consumer)
""")


@pytest.fixture(scope="module")
def services(otlp_session: OtlpReceiver, broker: str) -> Iterator[None]:
    program = (*INSTRUMENTED, Path(__file__).with_name("shop.py"))
    with (
        started(otlp_session, "warehouse", *program, "warehouse", BROKER=broker, **only()),
        started(otlp_session, "shop", *program, "shop", BROKER=broker, **only("aio-pika")),
    ):
        yield


def publish(broker: str, body: str, queue: str = "checkouts") -> None:
    async def send() -> None:
        async with await aio_pika.connect(broker) as connection:
            channel = await connection.channel()
            await channel.default_exchange.publish(aio_pika.Message(body.encode()), queue)

    asyncio.run(send())


def test_an_aio_pika_consumer_is_below_its_producer(otlp: OtlpReceiver, broker: str, services: None) -> None:
    publish(broker, "orders")
    trace = otlp.trace(expecting=ORDER).wait()
    assert trace == ORDER
    assert trace.hop("shop", "warehouse").by == "parent"
    assert trace.check() == []


def test_a_batch_of_messages_links_to_each_of_them(otlp: OtlpReceiver, broker: str, services: None) -> None:
    publish(broker, "mails mails")
    sent = otlp.trace(expecting=SENT).wait()
    otlp.trace(expecting=MAILED).wait()
    trace = otlp.find(sent.trace_id)
    assert trace is not None
    assert trace == LINKED
    hops = trace.joined().hops("shop", "warehouse")
    assert [hop.cause for hop in hops] == list(hops[0].effect.linked)
    assert [hop.cause.name for hop in hops] == [",mails send", ",mails send"]
    assert trace.check() == []


def test_a_message_that_nobody_consumes_is_found(otlp: OtlpReceiver, broker: str, services: None) -> None:
    publish(broker, "nowhere")
    trace = otlp.trace(expecting=NOWHERE).wait()
    assert trace == NOWHERE
    assert [finding.rule for finding in trace.check(at_least="warning")] == ["never-processed"]


def test_a_message_without_the_context_begins_a_trace(otlp: OtlpReceiver, broker: str, services: None) -> None:
    publish(broker, "a teapot", queue="orders")
    assert otlp.trace(expecting=LOST).wait() == LOST

"""Celery over the embedded broker: tasks that call tasks, a failure, a retry; as children, and by links."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import aio_pika
import pytest

from spantree import OtlpReceiver, tree
from tests.spantree.foreign.programs import INSTRUMENTED, only, started

CHECKOUT = tree("""
    worker: run/check_out (consumer)
      worker: apply_async/charge (producer)
        worker: run/charge (consumer) {celery.state=SUCCESS}
      worker: apply_async/send_mail (producer)
        worker: run/send_mail (consumer) {celery.state=RETRY}
          worker: apply_async/send_mail (producer)
            worker: run/send_mail (consumer) {celery.state=SUCCESS}
""")
DECLINED = tree("""
    worker: run/check_out (consumer)
      worker: apply_async/charge (producer)
        worker: run/charge (consumer) ! {celery.state=FAILURE}
      worker: apply_async/send_mail (producer)
        ...
""")
SENT = tree("""
    linking: run/check_out (consumer)
      linking: apply_async/charge (producer)
      linking: apply_async/send_mail (producer)
""")
CHARGED = tree("""
    linking: run/charge (consumer)
""")
MAILED = tree("""
    linking: run/send_mail (consumer) {celery.state=SUCCESS}
""")
LINKED = tree("""
    linking: run/check_out (consumer)
      linking: apply_async/charge (producer)
      linking: apply_async/send_mail (producer)
    linking: run/charge (consumer)
    linking: run/send_mail (consumer)
      linking: apply_async/send_mail (producer)
    linking: run/send_mail (consumer)
""")


@pytest.fixture(scope="module")
def workers(otlp_session: OtlpReceiver, broker: str) -> Iterator[None]:
    program = (*INSTRUMENTED, Path(__file__).with_name("worker.py"))
    settings = {"BROKER": broker, **only("celery")}
    with (
        started(otlp_session, "worker", *program, QUEUE="worker", **settings),
        started(otlp_session, "linking", *program, QUEUE="linking", LINKS="1", **settings),
    ):
        yield


def check_out(broker: str, queue: str, amount: int) -> None:
    """Send a task as Celery does (its message protocol, version 2), from a client without tracing."""
    task_id = str(uuid4())
    message = aio_pika.Message(
        json.dumps([[amount], {}, {}]).encode(),
        content_type="application/json",
        content_encoding="utf-8",
        correlation_id=task_id,
        headers={"lang": "py", "task": "check_out", "id": task_id, "root_id": task_id},
    )

    async def publish() -> None:
        async with await aio_pika.connect(broker) as connection:
            channel = await connection.channel()
            await channel.default_exchange.publish(message, queue)

    asyncio.run(publish())


def test_celery_tasks_are_children_of_their_messages(otlp: OtlpReceiver, broker: str, workers: None) -> None:
    check_out(broker, "worker", 7)
    trace = otlp.trace(expecting=CHECKOUT).wait()
    assert trace == CHECKOUT
    assert [hop.effect.name for hop in trace.hops("worker", "worker")] == [
        "run/charge",
        "run/send_mail",
        "run/send_mail",
    ]
    assert trace.check() == []


def test_a_failed_celery_task_fails_its_span_alone(otlp: OtlpReceiver, broker: str, workers: None) -> None:
    check_out(broker, "worker", 700)
    trace = otlp.trace(expecting=DECLINED).wait()
    assert trace == DECLINED
    assert trace.one(error=True).message == "700 is too much"


def test_celery_tasks_that_link_are_joined_with_their_senders(otlp: OtlpReceiver, broker: str, workers: None) -> None:
    check_out(broker, "linking", 7)
    sent, charged = otlp.trace(expecting=SENT).wait(), otlp.trace(expecting=CHARGED).wait()
    assert [span.name for span in charged.roots[0].linked] == ["apply_async/charge"]
    otlp.trace(expecting=MAILED).wait()  # the last
    trace = otlp.find(sent.trace_id)
    assert trace is not None
    assert trace == LINKED
    assert trace.check() == []

"""Two services that talk over AMQP with aio-pika. The argument picks one: the shop or the warehouse.

The shop knows nothing about tracing. The warehouse is instrumented by hand: it packs orders below the span that
published them, and mails about several of them at once, with a link to each.
"""

import asyncio
import os
import sys

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.propagate import extract

tracer = trace.get_tracer("warehouse")


async def sell(channel: AbstractChannel) -> None:
    """Publish an order and a mail for each checkout."""
    checkouts = await channel.declare_queue("checkouts")

    async def on_checkout(message: AbstractIncomingMessage) -> None:
        async with message.process():
            for name in message.body.decode().split():
                await channel.default_exchange.publish(aio_pika.Message(b"a teapot"), name)

    await checkouts.consume(on_checkout)


async def pack(channel: AbstractChannel) -> None:
    """Pack each order; tell of every two mails at once."""
    orders, mails = await channel.declare_queue("orders"), await channel.declare_queue("mails")
    waiting: list[AbstractIncomingMessage] = []

    async def on_order(message: AbstractIncomingMessage) -> None:
        with tracer.start_as_current_span("pack order", _sender(message), kind=trace.SpanKind.CONSUMER):
            await message.ack()

    async def on_mail(message: AbstractIncomingMessage) -> None:
        waiting.append(message)
        if len(waiting) == 2:
            links = [trace.Link(trace.get_current_span(_sender(each)).get_span_context()) for each in waiting]
            with tracer.start_as_current_span("send mails", kind=trace.SpanKind.CONSUMER, links=links):
                for each in waiting:
                    await each.ack()
            waiting.clear()

    await orders.consume(on_order)
    await mails.consume(on_mail)


def _sender(message: AbstractIncomingMessage) -> Context:
    return extract({name: str(value) for name, value in message.headers.items()})


async def main() -> None:
    async with await aio_pika.connect(os.environ["BROKER"]) as connection:
        await {"shop": sell, "warehouse": pack}[sys.argv[1]](await connection.channel())
        print("listening on the broker", flush=True)  # noqa: T201 - the test reads it
        await asyncio.Event().wait()


asyncio.run(main())

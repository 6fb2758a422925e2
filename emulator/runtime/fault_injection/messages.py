"""Faults of messages: misrouted, truncated, published twice, delayed, or redelivered after a crash."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from aio_pika.abc import AbstractIncomingMessage

from emulator.faults import Effect
from emulator.instrumentation import Attributes, Inject
from emulator.runtime.amqp_topology import Destination
from emulator.runtime.fault_injection.acting import fault_at, mark, take_fault, wait_for_fault
from emulator.runtime.fault_injection.traces import injection
from emulator.runtime.request_context import current_request, inject_request

__all__ = ["ConnectionDropped", "Handle", "Process", "Publish", "process_with_fault", "publish_with_fault"]

Publish = Callable[[Destination, bytes, Attributes, Inject], Awaitable[None]]
"""Publishes a body, under a span that has these attributes."""

Handle = Callable[[bytes, Mapping[str, str]], Awaitable[None]]
"""Handles a message: its body and its headers."""

Process = Callable[[Handle, Attributes], Awaitable[None]]
"""Processes a message by handling it, under a span that has these attributes, and settles it."""


class ConnectionDropped(Exception):
    """The connection to the broker was lost before the message was acknowledged: the broker delivers it again."""

    error_type = "emulator.ConnectionDropped"

    def __init__(self) -> None:
        super().__init__("the connection to the broker was dropped before the message was acknowledged")


async def publish_with_fault(publish: Publish, to: Destination, body: bytes) -> None:
    """Publish a message. A fault may misroute or truncate it, lose its context, or publish it twice."""
    fault = take_fault(f"publish {to.label}")
    effect = fault and fault.effect
    if effect is Effect.MISROUTE:
        to = replace(to, routing_key=f"{to.routing_key}.nowhere")
    if effect is Effect.GARBLE:
        body = body[: len(body) // 2]
    await publish(to, body, mark(fault), injection(fault))
    if effect is Effect.REPEAT:
        await publish(to, body, {}, inject_request)


async def process_with_fault(process: Process, at: str, message: AbstractIncomingMessage, handle: Handle) -> None:
    """Process a delivery. A fault may delay it, or drop the connection after the work is done."""
    fault = fault_at(at)
    if fault is not None and fault.effect is Effect.CRASH and message.redelivered:
        current_request().spend()  # the first delivery has already crashed
    if fault is not None and fault.effect is Effect.DELAY:
        await wait_for_fault(fault)
    fault = take_fault(at)
    if fault is not None and fault.effect is Effect.CRASH:
        handle = _dropping_connection(handle, message)
    await process(handle, mark(fault))


def _dropping_connection(handle: Handle, message: AbstractIncomingMessage) -> Handle:
    async def handle_and_drop(body: bytes, headers: Mapping[str, str]) -> None:
        await handle(body, headers)
        # Closing the real connection would also drop the other messages that are being processed on it. A requeue looks
        # the same to the broker and to the consumer of this message.
        await message.reject(requeue=True)
        raise ConnectionDropped

    return handle_and_drop

"""What is around every command that runs for a while: signals, the export of its spans, and errors that end it."""

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any

from opentelemetry.sdk.trace import SpanProcessor

from emulator.cloud import AlreadyRunning, PortInUse
from emulator.faults import Fault
from emulator.runtime.amqp_connection import BusUnavailable
from emulator.runtime.export import Export, otlp_exporter
from emulator.runtime.propagation import carries_baggage

__all__ = ["Refused", "at_the_first_signal", "cancel_on_signals", "check_carried", "exporting", "run"]

INTERRUPTED = 130
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Refused(Exception):
    """A command that cannot do what it was asked to; the message is for the user."""


def run(story: Coroutine[Any, Any, int]) -> int:
    """Run a command to its end and return its exit status. What was refused is said on stderr."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING, stream=sys.stderr)
    for chatty in ("aio_pika", "aiormq", "asyncio", "opentelemetry.baggage"):  # what matters of theirs we say
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
    status = 1
    try:
        status = asyncio.run(story)
    except* (KeyboardInterrupt, asyncio.CancelledError):
        status = INTERRUPTED
    except* (Refused, AlreadyRunning, BusUnavailable, PortInUse) as failed:
        for error in _leaves(failed):
            print(f"emulator: {error}", file=sys.stderr)
    return status


def _leaves(group: BaseExceptionGroup[Any]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def cancel_on_signals() -> None:
    """On Ctrl-C and SIGTERM stop everything in order, and send the spans so far.

    asyncio does that for Ctrl-C by itself, but not where a shell has started us in the background.
    """
    me = asyncio.current_task()
    assert me is not None
    for signalled in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(signalled, me.cancel)


def at_the_first_signal(stop: Callable[[], object]) -> None:
    """Say so and call `stop` at the first SIGINT or SIGTERM. A second one ends the process at once."""
    loop = asyncio.get_running_loop()

    def first() -> None:
        print("stopping: finishing what has begun", file=sys.stderr, flush=True)
        for signalled in SIGNALS:
            loop.remove_signal_handler(signalled)
        stop()

    for signalled in SIGNALS:
        loop.add_signal_handler(signalled, first)


@asynccontextmanager
async def exporting(
    otlp: str | None, seed: int | None, *, keep: bool = False, watching: SpanProcessor | None = None
) -> AsyncIterator[Export]:
    """Export spans while the block lasts, and send the rest at its end; that is done beside the event loop."""
    try:
        export = Export(otlp_exporter(otlp), keep=keep, seed=seed, watching=watching)
    except ValueError as error:
        raise Refused(str(error)) from error
    try:
        yield export
    finally:
        await asyncio.to_thread(export.close)


def check_carried(faults: Iterable[Fault | None]) -> None:
    """Raise Refused if there are faults, and nothing that they could ride in."""
    if any(faults) and not carries_baggage():
        raise Refused("OTEL_PROPAGATORS leaves out baggage, in which faults ride")

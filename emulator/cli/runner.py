"""Shared by the long-running commands: signals, the export of spans, and errors that end a command."""

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from opentelemetry.sdk.trace import SpanProcessor

from emulator.cloud import AlreadyRunning, PortInUse
from emulator.faults import Fault
from emulator.runtime.amqp_session import BusUnavailable
from emulator.runtime.export import Export, otlp_exporter
from emulator.runtime.heartbeats import Heartbeats
from emulator.runtime.propagation import carries_baggage

__all__ = [
    "CommandError",
    "cancel_on_signals",
    "check_baggage",
    "exporting",
    "on_first_signal",
    "run",
    "serve_until_signalled",
]

INTERRUPTED = 130
SIGNALS = (signal.SIGINT, signal.SIGTERM)
QUIET_LOGGERS = ("aio_pika", "aiormq", "asyncio", "opentelemetry.baggage")
"""Silenced: whatever their records tell a user, the emulator reports in its own words, once."""


class CommandError(Exception):
    """The command cannot do its work. The message is for the user."""


def run(main: Coroutine[Any, Any, int]) -> int:
    """Run a command to its end and return its exit status. Errors that a user can cause are printed on stderr."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING, stream=sys.stderr)
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    status = 1
    # except* catches errors in groups and without one: task groups may have wrapped them.
    try:
        status = asyncio.run(main)
    except* (KeyboardInterrupt, asyncio.CancelledError):
        status = INTERRUPTED
    except* (CommandError, AlreadyRunning, BusUnavailable, PortInUse) as failed:
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
    """Cancel the current task on Ctrl-C or SIGTERM, so that everything stops in order and the spans are sent.

    asyncio does this for Ctrl-C by itself, except where a shell started the process in the background.
    """
    task = asyncio.current_task()
    assert task is not None
    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)


def on_first_signal(stop: Callable[[], object]) -> None:
    """Call `stop` on the first SIGINT or SIGTERM, and print a message. A second signal ends the process at once."""
    loop = asyncio.get_running_loop()

    def first() -> None:
        print("stopping: finishing work in progress", file=sys.stderr, flush=True)
        for number in SIGNALS:
            loop.remove_signal_handler(number)
        stop()

    for number in SIGNALS:
        loop.add_signal_handler(number, first)


async def serve_until_signalled(
    service: Callable[[Export], AbstractAsyncContextManager[str]],
    *,
    otlp: str | None,
    seed: int | None,
    heartbeats: Heartbeats,
    span_processor: SpanProcessor | None = None,
) -> int:
    """Run a service or a cloud and print the text that it yields. On SIGINT or SIGTERM, let it finish its work.

    A signal during start-up cancels the start. Returns the exit status.
    """
    stopping, is_up = asyncio.Event(), False
    task = asyncio.current_task()
    assert task is not None

    def stop() -> None:
        stopping.set()
        if not is_up:
            task.cancel()

    on_first_signal(stop)
    async with exporting(otlp, seed, watching=span_processor, heartbeats=heartbeats) as export:
        try:
            async with service(export) as description:
                is_up = True
                print(description, flush=True)
                await stopping.wait()
        except asyncio.CancelledError:
            if not stopping.is_set():
                raise
            task.uncancel()  # else timeouts and task groups of this task would still count it as being cancelled
    if export.untraced_heartbeats:
        print(f"heartbeats not traced: {export.untraced_heartbeats}; see --trace-heartbeats", file=sys.stderr)
    return 0


@asynccontextmanager
async def exporting(
    otlp: str | None,
    seed: int | None,
    *,
    keep: bool = False,
    watching: SpanProcessor | None = None,
    heartbeats: Heartbeats = Heartbeats.COUNT,
) -> AsyncIterator[Export]:
    """Export spans while the block lasts, and send the rest at its end. Raises CommandError for invalid settings."""
    try:
        export = Export(otlp_exporter(otlp), keep=keep, seed=seed, watching=watching, heartbeats=heartbeats)
    except ValueError as error:
        raise CommandError(str(error)) from error
    try:
        yield export
    finally:
        await asyncio.to_thread(export.close)  # it blocks until the collector has answered


def check_baggage(faults: Iterable[Fault | None]) -> None:
    """Raise CommandError if there are faults and OTEL_PROPAGATORS does not propagate baggage, which carries them."""
    if any(faults) and not carries_baggage():
        raise CommandError("OTEL_PROPAGATORS does not include baggage, which carries the fault: add it")

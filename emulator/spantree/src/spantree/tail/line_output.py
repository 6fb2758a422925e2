"""Prints a line for each trace once it is complete: for pipes, files and terminals without a keyboard."""

import os
import select
import signal
import sys
from collections.abc import Callable, Iterable
from time import monotonic

from spantree.tail.inbox import Inbox
from spantree.tail.kept_traces import KeptTraces, receive
from spantree.tail.settled import Printed, due, next_due
from spantree.tail.wakeup import Wakeup

__all__ = ["LINE_SIGNALS", "print_lines"]

LINE_SIGNALS = (signal.SIGINT, signal.SIGTERM)
SECONDS_PER_UPDATE = 0.1


def print_lines(inbox: Inbox, wakeup: Wakeup, limit: int, write: Callable[..., str]) -> int:
    """Print what `write` makes of each trace until SIGINT, SIGTERM, or until nobody reads; return the exit status.

    A trace that gets more spans later is printed again, and `update` is true. A signal prints what is incomplete, too.
    """
    kept, printed, notice = KeptTraces(limit), Printed(), ""
    caught: set[int] = set()
    waits = select.poll()
    waits.register(wakeup, select.POLLIN)
    waits.register(sys.stdout, 0)  # only errors: the reader of a pipe has closed it
    try:
        while not caught:
            kept = receive(kept, inbox.take(), monotonic())
            now, before = monotonic(), printed
            printed, traces = due(printed, kept, now)
            _print(write(trace, update=trace.trace_id in before.spans) for trace in traces)
            notice = _warn(inbox.notice, notice)
            at = next_due(printed, kept)
            pause = None if at is None else max(at - now, SECONDS_PER_UPDATE)
            if any(descriptor != wakeup.fileno() for descriptor, _ in waits.poll(pause and pause * 1000)):
                return 0
            caught = wakeup.signals()
        kept = receive(kept, inbox.take(), monotonic())
        _, traces = due(printed, kept, monotonic(), all_of_them=True)
        _print(write(trace, update=trace.trace_id in printed.spans) for trace in traces)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python flushes again at exit, and fails
        return 0
    return 128 + min(caught)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)  # noqa: T201 - it is what this is for
    sys.stdout.flush()


def _warn(notice: str, known: str) -> str:
    if notice != known:
        print(notice, file=sys.stderr, flush=True)  # noqa: T201 - as above
    return notice

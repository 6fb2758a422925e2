"""Divides what a receiver gets among tests that follow one another, while the programs under test keep running.

Each test has an inbox of its own. A trace belongs to the test in which its first span arrived, for ever: what comes of
it after that test is dropped, and never shows up in another one. Where the first spans of a trace had all ended before
the test began, an exporter was late with the work of an earlier test, or of the start: they are not this test's either.
Work that was only begun earlier is: a consumer may have waited since then for the message that this test sends.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from spantree.formats.span_records import SpanRecords
from spantree.receiver.batch import Batch
from spantree.receiver.logs import Logs
from spantree.receiver.metrics import Metrics
from spantree.receiver.trace_store import TraceStore
from spantree.receiver.trace_waiters import TraceWaiters

__all__ = ["Inbox", "Windows"]

MILLISECOND = 1_000_000


@dataclass(eq=False, slots=True)
class Inbox:
    """Spans, log records and metrics that have arrived."""

    traces: TraceStore = field(default_factory=TraceStore)
    waiters: TraceWaiters = field(init=False)
    logs: Logs = field(default_factory=Logs)
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        self.waiters = TraceWaiters(self.traces)

    since: int = field(default_factory=time.time_ns)
    """When it began, in nanoseconds since the epoch."""

    def take(self, batch: Batch) -> None:
        """Add what has arrived."""
        if batch.by_trace:
            self.traces.add(batch)
        if batch.logs:
            self.logs.add(batch.logs)
        if batch.metrics:
            self.metrics.add(batch.metrics)


class Windows:
    """Passes what arrives to the inbox of the current test; between tests to the `outside` one."""

    def __init__(self, outside: Inbox) -> None:
        self._outside = outside
        self._lock = threading.Lock()
        self._open: list[Inbox] = []
        self._owners: dict[str, Inbox | None] = {}
        """The inboxes of traces that belong to tests; None if the test is over."""

    def take(self, batch: Batch) -> None:
        """Pass a batch on. The traces in it may belong to several tests."""
        with self._lock:
            current = self._open[-1] if self._open else self._outside
            parts: defaultdict[Inbox, dict[str, SpanRecords]] = defaultdict(dict)
            for trace_id, records in batch.by_trace.items():
                owner = self._owner(trace_id, records, current)
                if owner is not None:
                    parts[owner][trace_id] = records
        for owner, by_trace in parts.items():
            owner.traces.add(Batch(by_trace))
        if batch.logs or batch.metrics:
            current.take(Batch(logs=batch.logs, metrics=batch.metrics))

    def claim(self, trace_id: str, inbox: Inbox) -> None:
        """Let a trace that has not begun belong to a test."""
        with self._lock:
            self._owners[trace_id] = inbox

    @contextmanager
    def window(self) -> Iterator[Inbox]:
        """Collect the traces that begin inside the block."""
        inbox = Inbox()
        with self._lock:
            self._open.append(inbox)
        try:
            yield inbox
        finally:
            with self._lock:
                self._open.remove(inbox)
                mine = [trace_id for trace_id, owner in self._owners.items() if owner is inbox]
                self._owners.update(dict.fromkeys(mine))
            inbox.waiters.close()

    def _owner(self, trace_id: str, records: SpanRecords, current: Inbox) -> Inbox | None:
        if trace_id in self._owners:
            return self._owners[trace_id]
        if current is self._outside or self._outside.traces.has(trace_id):
            return self._outside
        owner = current if _has_work_since(current.since, records) else self._outside
        self._owners[trace_id] = owner
        return owner


def _has_work_since(began: int, records: SpanRecords) -> bool:
    # Times may be truncated to milliseconds, as JavaScript's SDK does.
    return any(records.span(number).end >= began - MILLISECOND for number in range(len(records)))

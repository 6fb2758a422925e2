"""Stores spans by trace as they arrive. Traces can be read at any time."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from time import monotonic

from spantree.expectation import Expectation
from spantree.receiver.batch import Batch
from spantree.receiver.late_spans import Watch, describe_late_spans
from spantree.receiver.stored_trace import StoredTrace
from spantree.receiver.traceparent import TraceParent
from spantree.relations import Traces
from spantree.span_tree import SpanTree

__all__ = ["TraceStore", "tree_in"]


class TraceStore:
    """Takes spans from any thread, and tells `on_change` which traces they belong to, with the lock held."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        """Guards everything below, and what is built on it. `stored` and what it returns may be read only with it."""
        self.stored: dict[str, StoredTrace] = {}
        self.on_change: Callable[[Iterable[str]], None] = lambda _: None
        self._callers: defaultdict[str, set[str]] = defaultdict(set)
        """The ids of spans of the test itself, which need not arrive, by trace id."""
        self._may_arrive: set[TraceParent] = set()
        """Those of them that the test's own tracer may export: they would then be the roots of their traces."""
        self._watched: dict[tuple[str, str], Watch] = {}
        self.ambiguous: dict[str, str] = {}
        """Why no new tree may be written from a trace, by trace id."""
        self._snapshot: Traces | None = None

    def add(self, batch: Batch) -> None:
        """Store spans."""
        now = monotonic()
        with self.lock:
            for trace_id, records in batch.by_trace.items():
                self.stored.setdefault(trace_id, StoredTrace()).add(records, now)
            self._snapshot = None
            self.on_change(batch.by_trace)

    def has(self, trace_id: str) -> bool:
        """Return whether a span of a trace has arrived."""
        with self.lock:
            return trace_id in self.stored

    def know_caller(self, parent: TraceParent, *, may_arrive: bool) -> None:
        """Take note that the test itself is the caller of a trace, whose own span need not arrive, but may."""
        with self.lock:
            if may_arrive and parent.span_id not in self._callers[parent.trace_id]:
                self._may_arrive.add(parent)
            self._callers[parent.trace_id].add(parent.span_id)
            self._snapshot = None

    def trees(self, most: int | None = None) -> list[SpanTree]:
        """Return every trace so far, or `most` of them, in the order in which their first spans arrived."""
        snapshot = self.snapshot()
        return [tree_in(snapshot, trace_id) for trace_id in list(snapshot)[:most]]

    def tree(self, trace_id: str) -> SpanTree | None:
        """Return a trace so far; None if none of its spans has arrived."""
        snapshot = self.snapshot()
        return tree_in(snapshot, trace_id) if trace_id in snapshot else None

    def snapshot(self) -> Traces:
        """Return all traces as they are now: a tree does not change when more spans arrive. Decodes nothing."""
        with self.lock:
            if self._snapshot is None:
                callers = {trace_id: frozenset(span_ids) for trace_id, span_ids in self._callers.items()}
                spans = {trace_id: stored.arrived() for trace_id, stored in self.stored.items()}
                self._snapshot = Traces(spans, callers, self.watch, self.ambiguous)
            return self._snapshot

    def last_arrival(self) -> float:
        """Return when the last span of any trace arrived, by `time.monotonic()`."""
        with self.lock:
            return max((stored.last_arrival for stored in self.stored.values()), default=0.0)

    def is_complete(self, trace_id: str) -> bool:
        """Return whether a root and every parent have arrived. A span that the test itself called is a root."""
        stored = self.stored[trace_id]
        called = self._callers.get(trace_id, set()) & set(stored.missing_parents)
        return stored.complete or (len(called) == len(stored.missing_parents) and bool(called))

    def root_may_arrive(self, trace_id: str) -> bool:
        """Return whether a missing parent is the test's own span, which its tracer may still export."""
        missing = self.stored[trace_id].missing_parents
        return any(TraceParent(trace_id, span_id) in self._may_arrive for span_id in missing)

    def watch(self, trace: SpanTree, expected: Expectation) -> None:
        """Remember that a trace is as expected. Spans that come later may change that."""
        if expected.is_updating:
            return
        with self.lock:
            self.stored[trace.trace_id].note_arrivals()
            self._watched[trace.trace_id, expected.text] = Watch(trace, expected, monotonic())

    def late_spans(self) -> list[str]:
        """Return a report for each trace that was as expected when the test looked at it, and no longer is."""
        with self.lock:
            watched = list(self._watched.values())
        reports = (describe_late_spans(watch, self.tree(watch.trace.trace_id), self._arrived_at) for watch in watched)
        return [report for report in reports if report]

    def _arrived_at(self, trace_id: str, span_id: str) -> float | None:
        with self.lock:
            return self.stored[trace_id].arrived_at(span_id)


def tree_in(snapshot: Traces, trace_id: str) -> SpanTree:
    """Return a trace of a snapshot. Its tree is built once, however many callers look at it."""
    known: SpanTree | None = snapshot.trees.get(trace_id)
    if known is None:
        known = snapshot.trees[trace_id] = SpanTree(snapshot[trace_id], snapshot)
    return known

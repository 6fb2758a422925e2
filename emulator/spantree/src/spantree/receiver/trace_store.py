"""Stores spans by trace as they arrive, and hands traces to the callers that wait for them.

Nothing polls: the thread that adds spans checks whether a caller is waiting for their traces.
"""

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

from spantree.expectation import Expectation
from spantree.receiver.batch import Batch
from spantree.receiver.pending import Pending
from spantree.receiver.stored_trace import StoredTrace
from spantree.receiver.timeout_report import all_received, closest, explain_timeout
from spantree.relations import Traces
from spantree.span_tree import SpanTree

__all__ = ["NotReceived", "TraceStore"]


class NotReceived(AssertionError):
    """The awaited trace did not arrive in time. The message shows what is missing, and what did arrive."""

    __module__ = "spantree"  # where users import it from, and what a failed test shows


@dataclass(frozen=True, slots=True)
class _Waiter:
    """A caller that waits for a trace: a complete one, or one with all spans of an expected tree."""

    expected: Expectation | None
    trace_id: str | None
    names: set[tuple[str, str]] = field(default_factory=set)
    is_updating: bool = False
    """Whether the expected tree is about to be rewritten, so that it says little about what to wait for."""
    future: Future[SpanTree] = field(default_factory=Future)

    def may_accept(self, stored: StoredTrace) -> bool:
        """Return whether a trace is worth comparing with the expected tree, which would be slow for every batch."""
        expected = self.expected
        return (
            expected is not None
            and len(stored) >= expected.size
            and self.names <= stored.names
            and expected.begins_like(chain(stored.roots, *stored.children_of.values()))
        )


class TraceStore:
    """Takes spans from any thread. Traces can be read at any time, or waited for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._traces: dict[str, StoredTrace] = {}
        self._handed_out: set[str] = set()
        self._waiters: list[_Waiter] = []

    def add(self, batch: Batch) -> None:
        """Store spans, and hand out the traces that callers are waiting for."""
        with self._lock:
            changed = {}
            for trace_id, records in batch.by_trace.items():
                changed[trace_id] = self._traces.setdefault(trace_id, StoredTrace())
                changed[trace_id].add(records)
            served = [(waiter, trace) for waiter in self._waiters if (trace := self._trace_for(waiter, changed))]
            done = {id(waiter) for waiter, _ in served}
            self._waiters = [waiter for waiter in self._waiters if id(waiter) not in done and not waiter.future.done()]
        # Outside the lock: callbacks of the future may read from this store.
        for waiter, trace in served:
            waiter.future.set_result(trace)

    def trees(self) -> list[SpanTree]:
        """Return every trace so far, in the order in which their first spans arrived."""
        with self._lock:
            snapshot = self._snapshot()
        return [SpanTree(spans, snapshot) for spans in snapshot.values()]

    def tree(self, trace_id: str) -> SpanTree | None:
        """Return a trace so far; None if none of its spans has arrived."""
        with self._lock:
            return self._tree(trace_id) if trace_id in self._traces else None

    def trace(self, expected: Expectation | None, trace_id: str | None, seconds: float) -> Pending[SpanTree]:
        """Return the next trace that is complete, or that has all expected spans.

        No trace is handed out twice, unless it is asked for by its id. Awaiting raises NotReceived after `seconds`.
        """
        names, is_updating = (set(), False) if expected is None else (expected.names, expected.is_updating)
        waiter = _Waiter(expected, trace_id, names, is_updating)
        with self._lock:
            trace = self._trace_for(waiter, self._traces)
            if trace is None:
                self._waiters.append(waiter)
        if trace is not None:
            waiter.future.set_result(trace)
        return Pending(waiter.future, seconds, partial(self._time_out, waiter, seconds))

    def _trace_for(self, waiter: _Waiter, traces: dict[str, StoredTrace]) -> SpanTree | None:
        """Return the first of these traces that a waiter accepts, and mark it as handed out."""
        for trace_id, stored in traces.items():
            if self._is_eligible(waiter, trace_id) and self._is_enough(waiter, trace_id, stored):
                if not waiter.future.set_running_or_notify_cancel():
                    return None
                self._handed_out.add(trace_id)
                return self._tree(trace_id)
        return None

    def _is_eligible(self, waiter: _Waiter, trace_id: str) -> bool:
        if waiter.future.done():
            return False
        return trace_id not in self._handed_out if waiter.trace_id is None else trace_id == waiter.trace_id

    def _is_enough(self, waiter: _Waiter, trace_id: str, stored: StoredTrace) -> bool:
        if waiter.expected is None or (waiter.is_updating and not waiter.names):
            return stored.complete
        if not waiter.may_accept(stored):
            return False
        return waiter.expected.has_arrived(self._tree(trace_id).roots, incomplete=bool(stored.missing_parents))

    def _tree(self, trace_id: str) -> SpanTree:
        return SpanTree(self._traces[trace_id].spans, self._snapshot())

    def _snapshot(self) -> Traces:
        """Return all traces as they are now: a tree does not change when more spans arrive. Decodes nothing."""
        return Traces({trace_id: stored.arrived() for trace_id, stored in self._traces.items()})

    def _time_out(self, waiter: _Waiter, seconds: float) -> SpanTree:
        """Raise NotReceived. If an expected tree is being rewritten, return the trace that is closest to it instead."""
        __tracebackhide__ = True
        with self._lock:
            ids = [name for name in self._traces if name == waiter.trace_id or name not in self._handed_out]
            candidates = [self._tree(trace_id) for trace_id in ids if waiter.trace_id in {None, trace_id}]
            if waiter.expected is not None and waiter.is_updating and candidates:
                nearest = closest(waiter.expected, candidates)
                self._handed_out.add(nearest.trace_id)
                return nearest
            handed_out = [trace_id for trace_id in self._handed_out if waiter.trace_id in {None, trace_id}]
        reason = explain_timeout(waiter.expected, waiter.trace_id, seconds, candidates, handed_out)
        raise NotReceived(f"{reason}\n\n{all_received(self.trees(), reason)}")

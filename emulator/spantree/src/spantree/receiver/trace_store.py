"""Spans as they come in, by trace, and those who wait for some of them.

Nothing here polls: what comes is looked at once, by the thread that brings it.
"""

import threading
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import chain

from spantree.expectation import Expectation
from spantree.receiver.pending import Pending
from spantree.span import Span
from spantree.span_tree import SpanTree

__all__ = ["Arrivals", "NotReceived"]

SHOWN = 20
"""Traces that the report of a time-out shows."""


class NotReceived(AssertionError):
    """The trace that was waited for did not come in time. The message has what is missing, and what did come."""


@dataclass(slots=True)
class _Arriving:
    """The spans of a trace so far: once its root is there and every parent, nothing more is known to come."""

    spans: list[Span] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    names: set[tuple[str, str]] = field(default_factory=set)
    roots: list[Span] = field(default_factory=list)
    waiting: dict[str, list[Span]] = field(default_factory=dict)
    """Spans whose parent has not come, by its id."""

    def add(self, span: Span) -> None:
        if span.span_id in self.ids:
            return
        self.spans.append(span)
        self.ids.add(span.span_id)
        self.names.add((span.service, span.name))
        self.waiting.pop(span.span_id, None)
        if not span.parent_id:
            self.roots.append(span)
        elif span.parent_id not in self.ids:
            self.waiting.setdefault(span.parent_id, []).append(span)

    @property
    def complete(self) -> bool:
        return bool(self.roots) and not self.waiting


@dataclass(frozen=True, slots=True)
class _Wish:
    """What somebody waits for: a trace that is complete, or has all that is expected."""

    expected: Expectation | None
    trace_id: str | None
    names: set[tuple[str, str]] = field(default_factory=set)
    updates: bool = False
    """Whether the expected tree is brought up to date: then it says little of what to wait for."""
    future: Future[SpanTree] = field(default_factory=Future)

    def may_have(self, arriving: _Arriving) -> bool:
        """Whether it is worth while to lay a trace beside what is expected: it is asked with every span that comes."""
        expected = self.expected
        return (
            expected is not None
            and len(arriving.spans) >= expected.size
            and self.names <= arriving.names
            and expected.begins_like(chain(arriving.roots, *arriving.waiting.values()))
        )


class Arrivals:
    """Takes spans from any thread. Whatever has come can be asked for, and what is to come waited for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._traces: dict[str, _Arriving] = {}
        self._given: set[str] = set()
        self._wishes: list[_Wish] = []

    def add(self, spans: Iterable[Span]) -> None:
        """Take spans in, and hand out the traces that somebody waited for."""
        with self._lock:
            touched = {}
            for span in spans:
                arriving = self._traces.setdefault(span.trace_id, _Arriving())
                arriving.add(span)
                touched[span.trace_id] = arriving
            granted = [(wish, trace) for wish in self._wishes if (trace := self._granted(wish, touched))]
            met = {id(wish) for wish, _ in granted}
            self._wishes = [wish for wish in self._wishes if id(wish) not in met and not wish.future.done()]
        for wish, trace in granted:
            wish.future.set_result(trace)

    def trees(self) -> list[SpanTree]:
        """Return every trace that has come so far, in the order of their first spans' coming."""
        with self._lock:
            snapshot = self._snapshot()
        return [SpanTree(spans, snapshot) for spans in snapshot.values()]

    def tree(self, trace_id: str) -> SpanTree | None:
        """Return a trace so far; None if there is none."""
        with self._lock:
            return self._tree(trace_id) if trace_id in self._traces else None

    def trace(self, expected: Expectation | None, trace_id: str | None, seconds: float) -> Pending[SpanTree]:
        """Return the next trace that is complete, or that has all that is expected.

        No trace is handed out twice, but one that is asked for by its id. Raises NotReceived when awaited.
        """
        names, updates = (set(), False) if expected is None else (expected.names, expected.is_updating)
        wish = _Wish(expected, trace_id, names, updates)
        with self._lock:
            trace = self._granted(wish, self._traces)
            if trace is None:
                self._wishes.append(wish)
        if trace is not None:
            wish.future.set_result(trace)
        return Pending(wish.future, seconds, lambda: self._too_late(wish, seconds))

    def _granted(self, wish: _Wish, traces: dict[str, _Arriving]) -> SpanTree | None:
        """Return the first of these traces that a wish is for; from then on it is given."""
        for trace_id, arriving in traces.items():
            if self._suits(wish, trace_id) and self._is_enough(wish, trace_id, arriving):
                if not wish.future.set_running_or_notify_cancel():
                    return None
                self._given.add(trace_id)
                return self._tree(trace_id)
        return None

    def _suits(self, wish: _Wish, trace_id: str) -> bool:
        if wish.future.done():
            return False
        return trace_id not in self._given if wish.trace_id is None else trace_id == wish.trace_id

    def _is_enough(self, wish: _Wish, trace_id: str, arriving: _Arriving) -> bool:
        if wish.expected is None or (wish.updates and not wish.names):
            return arriving.complete
        if not wish.may_have(arriving):
            return False
        roots = self._tree(trace_id).roots
        return wish.expected.has_arrived(roots, incomplete=bool(arriving.waiting))

    def _tree(self, trace_id: str) -> SpanTree:
        return SpanTree(self._traces[trace_id].spans, self._snapshot())

    def _snapshot(self) -> dict[str, tuple[Span, ...]]:
        """What is there now: a tree does not change when more comes in."""
        return {name: tuple(arriving.spans) for name, arriving in self._traces.items()}

    def _too_late(self, wish: _Wish, seconds: float) -> SpanTree:
        """Raise NotReceived; but a tree that is brought up to date gets the trace that is most like it."""
        __tracebackhide__ = True
        with self._lock:
            names = [name for name in self._traces if name == wish.trace_id or name not in self._given]
            new = [self._tree(name) for name in names if wish.trace_id in {None, name}]
            if wish.expected is not None and wish.updates and new:
                nearest = self._nearest(wish.expected, new)
                self._given.add(nearest.trace_id)
                return nearest
            given = [name for name in self._given if wish.trace_id in {None, name}]
        which = "" if wish.trace_id is None else f" {wish.trace_id}"
        if wish.expected is None:
            reasons = [f"trace {tree.trace_id}: {_gaps(tree)}" for tree in new]
            reasons += [f"trace {name}: it was handed out before" for name in given if wish.trace_id is None]
            summary = "\n".join([f"no complete trace{which} came within {seconds:g} s.", *reasons])
        else:
            summary = f"the expected trace{which} did not come within {seconds:g} s."
            difference = wish.expected.difference(self._nearest(wish.expected, new).roots) if new else None
            if difference is not None:
                missing = "".join(f"\n  {line}" for line in difference.missing)
                summary += f" Missing:{missing}" if missing else " Nothing is missing, but it is not as expected."
                summary += f"\n\nThe nearest trace:\n{difference}"
            elif given:
                summary += " All that came was handed out before."
        raise NotReceived(f"{summary}\n\n{self._all_that_came()}")

    def _nearest(self, expected: Expectation, candidates: list[SpanTree]) -> SpanTree:
        return min(candidates, key=lambda tree: expected.cost(tree.roots))

    def _all_that_came(self) -> str:
        trees = self.trees()
        if not trees:
            return "Nothing came: does the exporter send to this receiver's endpoint, and was it flushed?"
        more = f"\n\nand {len(trees) - SHOWN} traces more" if len(trees) > SHOWN else ""
        return "What came:" + "".join(f"\n\ntrace {tree.trace_id}\n{tree}" for tree in trees[:SHOWN]) + more


def _gaps(tree: SpanTree) -> str:
    absent = {span.parent_id: span for span in tree.orphans}
    return "; ".join(f"the parent {parent} of {span} has not come" for parent, span in absent.items())

"""A caller that waits for a trace, and what it makes of each trace that has changed.

A trace is enough for its caller
- without an expected tree, once a root and every parent have arrived;
- with one, once every expected span has arrived. Others may be there, unless they could still become expected ones;
- while the tree's file is being rewritten, once a root and every parent have arrived;
- in each case, if it has been silent for `settle` seconds.
It has failed as soon as its root and every parent are there, and later spans can no longer make it as expected. If the
caller has not said by its root or id which trace is meant, it has half a second more: the next one may be right.
"""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import Enum, auto

from spantree.expectation import Expectation, updated_tree_files
from spantree.receiver.selection import Selection
from spantree.receiver.stored_trace import StoredTrace
from spantree.span import Named, Span
from spantree.span_tree import SpanTree

__all__ = ["UPDATE_SETTLE_SECONDS", "Interest", "Outcome", "Waiter"]

UPDATE_SETTLE_SECONDS = 1.0
"""The silence after which a tree's file is written: what comes later would be missing from it."""


QUIET_SECONDS = 0.05
"""A trace that is not all there is looked at after this silence, not for each of its batches."""
PATIENCE_SECONDS = 0.5
"""The silence after which a trace fails that the caller has not chosen: another with its root may be the right one."""


class Outcome(Enum):
    """What a trace is to a waiter: not (yet) what it waits for, enough, or no longer able to become right."""

    WAIT = auto()
    ENOUGH = auto()
    FAILED = auto()


class Interest(Enum):
    """Why a trace is worth comparing: it may have all that is expected, or lacks some of that but may have failed."""

    NONE = auto()
    ARRIVED = auto()
    INCOMPLETE = auto()


@dataclass(eq=False, slots=True)
class Waiter:
    """Waits for a trace of its selection: a complete one, or one with all spans of an expected tree."""

    selection: Selection
    expected: Expectation | None
    settle: float
    is_updating: bool = field(init=False)
    """Whether the expected tree is about to be rewritten, so that it says little about what to wait for."""
    future: Future[SpanTree] = field(default_factory=Future)
    due: dict[str, float] = field(default_factory=dict)
    """When to look again at traces that are enough, but not silent yet, by `time.monotonic()`."""
    _trees_are_updated: bool = field(init=False)
    _names: set[tuple[str, str]] = field(init=False)
    _several_roots: bool = field(init=False)

    def __post_init__(self) -> None:
        self.is_updating = self.expected is not None and self.expected.is_updating
        self._names = set() if self.expected is None else self.expected.names
        self._several_roots = self.expected is not None and len(self.expected.roots) > 1
        self._trees_are_updated = updated_tree_files.get() is not None
        if self._trees_are_updated:  # whether the tree is given here, or compared later
            self.settle = max(self.settle, UPDATE_SETTLE_SECONDS)

    @property
    def patience(self) -> float:
        """How many seconds a trace must have been silent before it can fail its caller."""
        return QUIET_SECONDS if self._is_choosy else PATIENCE_SECONDS

    @property
    def _is_choosy(self) -> bool:
        """Whether the caller has said which trace is meant, other than by the expected tree."""
        return self.selection.by_root or self.selection.trace_id is not None

    @property
    def wants_any_root(self) -> bool:
        """Whether nothing says which root is meant, although the tree of that trace will be written."""
        return self.is_updating and not self._names and not self._is_choosy

    @property
    def may_write_any_root(self) -> bool:
        """Whether a tree may be written from whatever trace comes first."""
        return self._trees_are_updated and self.expected is None and not self._is_choosy

    def interest(self, trace_id: str, stored: StoredTrace, *, complete: bool, now: float) -> Interest:
        """Return whether a trace is worth comparing. This is cheap: it looks at ids and names only."""
        if self.selection.trace_id not in {None, trace_id} or not self.begins_like(stored.tops):
            return Interest.NONE
        if self.expected is None or self.is_updating:
            return Interest.ARRIVED if complete else Interest.NONE
        if self._several_roots or (len(stored) >= self.expected.size and self._names <= stored.names):
            return Interest.ARRIVED
        if complete and now < stored.last_arrival + QUIET_SECONDS:
            self.due[trace_id] = stored.last_arrival + QUIET_SECONDS
            return Interest.NONE
        return Interest.INCOMPLETE if complete else Interest.NONE

    def begins_like(self, tops: Sequence[Named]) -> bool:
        """Return whether a trace with these spans at its top is one that the caller may have meant."""
        if self.selection.by_root or self.expected is None or not self.expected.roots:
            return self.selection.may_accept(tops)
        return self.expected.begins_like(tops)

    def distance(self, stored: StoredTrace) -> tuple[bool, int, int]:
        """Return, for sorting, how far a trace seems to be from the expected one. This is cheap, as `interest` is."""
        if self.expected is None:
            return (False, 0, 0)
        is_about = any(map(self.expected.is_about, stored.roots))
        return (not is_about, len(self._names - stored.names), abs(len(stored) - self.expected.size))

    def judge(self, trace: SpanTree, interest: Interest, *, complete: bool, final: bool) -> Outcome:
        """Say what a trace is. `complete`: a root and every parent have arrived; `final`: no other root can come."""
        expected = self.expected
        if not self.selection.accepts(trace.roots):
            return Outcome.WAIT
        if expected is None or self.is_updating:
            return Outcome.ENOUGH
        may_fit = interest is Interest.ARRIVED and all(map(expected.accepts_root, _own_roots(trace)))
        if may_fit and expected.has_arrived(trace.roots_for(expected), incomplete=not complete):
            return Outcome.ENOUGH
        return Outcome.FAILED if final and self._has_failed(trace, expected) else Outcome.WAIT

    def may_still_want(self, trace: SpanTree) -> bool:
        """Return whether a trace, whose root and parents are all there, is or may become what this caller waits for."""
        if self.selection.trace_id not in {None, trace.trace_id} or not self.begins_like(trace.roots):
            return False
        return self.selection.accepts(trace.roots) and (
            self.expected is None or self.is_updating or self.expected.can_still_fit(trace.roots)
        )

    def _has_failed(self, trace: SpanTree, expected: Expectation) -> bool:
        roots = _own_roots(trace)
        return (self._is_choosy or any(map(expected.is_about, roots))) and not expected.can_still_fit(roots)


def _own_roots(trace: SpanTree) -> list[Span]:
    """Return the roots, without spans whose parents may still come."""
    orphans = {span.span_id for span in trace.orphans}
    return [span for span in trace.roots if span.span_id not in orphans]

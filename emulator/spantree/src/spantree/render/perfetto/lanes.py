"""Assigns overlapping spans to lanes: on each lane a span lies within its parent, or after the one before it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import heappop, heappush

from spantree import Span

__all__ = ["Slice", "lanes"]


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """A span with the times to draw. It never ends before it starts."""

    span: Span
    start: int
    end: int


@dataclass(slots=True)
class _Lane:
    """A lane, and the slices that are open on it, the outermost first."""

    number: int
    open: list[Slice] = field(default_factory=list)

    def innermost_at(self, time: int) -> Slice | None:
        """Close the slices that have ended by this time, and return the innermost that is still open."""
        while self.open and _free_from(self.open[-1]) <= time:
            self.open.pop()
        return self.open[-1] if self.open else None


def lanes(slices: Iterable[Slice]) -> list[int]:
    """Return the number of a lane, from 0, for each slice. Slices come in the order of their starts.

    A slice is on the lane of its parent if it lies within it and the place is free, else on the first free lane.
    """
    known: list[_Lane] = []
    free: list[int] = []
    busy: list[tuple[int, int]] = []  # a heap of when a lane becomes free, and its number
    lane_of: dict[tuple[str, str], _Lane] = {}
    assigned = []
    for each in slices:
        while busy and busy[0][0] <= each.start:
            heappush(free, heappop(busy)[1])
        lane = lane_of.get((each.span.trace_id, each.span.parent_id))
        if lane is None or not _fits(each, lane):
            if not free:
                heappush(free, len(known))
                known.append(_Lane(len(known)))
            lane = known[heappop(free)]
            lane.open.clear()
            heappush(busy, (_free_from(each), lane.number))
        lane.open.append(each)
        lane_of[each.span.trace_id, each.span.span_id] = lane
        assigned.append(lane.number)
    return assigned


def _fits(each: Slice, lane: _Lane) -> bool:
    parent = lane.innermost_at(each.start)
    if parent is None or parent.span is not each.span.parent:
        return False
    # Perfetto closes a slice without length at once, so that nothing lies within it
    return each.start < parent.end and _free_from(each) <= parent.end


def _free_from(each: Slice) -> int:
    """Return when the next slice may begin. A slice without any length still takes up a nanosecond."""
    return max(each.end, each.start + 1)

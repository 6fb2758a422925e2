"""Lanes for spans that overlap: on each, one lies within another or behind it, and within its parent only."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import heappop, heappush

from spantree import Span

__all__ = ["Slice", "lanes"]


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """A span with its times as they are to be drawn: it ends no earlier than it starts."""

    span: Span
    start: int
    end: int


@dataclass(slots=True)
class Lane:
    """What is open on a lane, the outermost first."""

    number: int
    open: list[Slice] = field(default_factory=list)

    def reaches(self, time: int) -> Slice | None:
        """Close what is over at this time; return the innermost that is not."""
        while self.open and _over(self.open[-1]) <= time:
            self.open.pop()
        return self.open[-1] if self.open else None


def lanes(slices: Iterable[Slice]) -> list[int]:
    """Return the number of a lane, from 0, for each of these slices, which come in the order of their starts.

    A slice is on the lane of its parent if it lies within it and nothing is in the way, else on the first that is free.
    """
    known: list[Lane] = []
    free: list[int] = []
    busy: list[tuple[int, int]] = []  # until when, and which lane
    lane_of: dict[tuple[str, str], Lane] = {}
    chosen = []
    for each in slices:
        while busy and busy[0][0] <= each.start:
            heappush(free, heappop(busy)[1])
        lane = lane_of.get((each.span.trace_id, each.span.parent_id))
        if lane is None or not _fits(each, lane):
            if not free:
                heappush(free, len(known))
                known.append(Lane(len(known)))
            lane = known[heappop(free)]
            lane.open.clear()
            heappush(busy, (_over(each), lane.number))
        lane.open.append(each)
        lane_of[each.span.trace_id, each.span.span_id] = lane
        chosen.append(lane.number)
    return chosen


def _fits(each: Slice, lane: Lane) -> bool:
    above = lane.reaches(each.start)
    # A slice without length is over at once: what starts with it is not within it for Perfetto.
    return above is not None and above.span is each.span.parent and each.start < above.end and _over(each) <= above.end


def _over(each: Slice) -> int:
    """Return when what follows may begin: a slice without any length still needs a place."""
    return max(each.end, each.start + 1)

"""Finds which span stands for which line of an expected tree, so that there are as few differences as possible.

Each level is a search (A*) for the cheapest path through lines and spans; where they agree it takes one step per span.
Levels call each other through a stack of generators, because a trace may be deeper than Python's own stack.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import count, groupby, pairwise
from typing import NamedTuple, TypeAlias

from spantree.expectation.comparison import RENAMED, Alignment, Reasons, Row, compare, weight
from spantree.expectation.parser import ExpectedSpan, Level
from spantree.expectation.placeholders import Placeholder
from spantree.expectation.search_states import MISSING, SearchSpace, State, Step, needed_spans
from spantree.span import Span

__all__ = ["align", "fits_level"]

UNEXPECTED = 2
"""The cost of a span that nothing expects, and of each span below it."""
NOT_EXACT = 1
"""The cost of anything that does not fit in an exact search, in which the amount does not matter."""
STEP_LIMIT = 200_000
"""Steps, some seconds of them, after which the search settles for a good alignment instead of the best."""


class Trail(NamedTuple):
    """The rows of a path, the last one first."""

    row: Row
    before: "Trail | None"


class Path(NamedTuple):
    """A path to a state, ordered by the least total cost. `pair` is a row whose children are still to be compared."""

    estimate: int
    progress: int
    serial: int
    cost: int
    state: State
    trail: Trail | None
    pair: Row | None


Request: TypeAlias = tuple[Level, Sequence[Span]]
Search: TypeAlias = Generator[Request, Alignment, Alignment]


def align(level: Level, spans: Sequence[Span], placeholders: Mapping[str, Placeholder]) -> Alignment:
    """Align spans, with everything below them, with an expected tree.

    Whether they fit is decided first, exactly and for any number of spans. If they do not, the differences are as few
    as STEP_LIMIT steps can find; in traces with many differing siblings there may be an alignment with fewer.
    """
    exact = _run(_Aligner(placeholders, {}, exact=True), level, spans)
    return exact if exact.cost == 0 else _run(_Aligner(placeholders, _sizes(spans)), level, spans)


def fits_level(level: Level, spans: Sequence[Span], placeholders: Mapping[str, Placeholder]) -> bool:
    """Return whether spans, with everything below them, fit an expected tree."""
    return _run(_Aligner(placeholders, {}, exact=True), level, spans).cost == 0


def _run(aligner: "_Aligner", level: Level, spans: Sequence[Span]) -> Alignment:
    """Run a search, and the searches of the levels below that it asks for, without recursion."""
    searches: list[Search] = [aligner.search(level, spans)]
    found: Alignment | None = None
    while searches:
        try:
            request = searches[-1].send(found)  # type: ignore[arg-type] # None starts a generator
        except StopIteration as finished:
            searches.pop()
            found = finished.value
        else:
            searches.append(aligner.search(*request))
            found = None
    assert found is not None
    return found


@dataclass(slots=True)
class _Aligner:
    """The state that the searches of one tree share. `sizes` has, for each span, the number of spans from it down.

    An `exact` search only looks for an alignment without differences.
    """

    placeholders: Mapping[str, Placeholder]
    sizes: Mapping[str, int]
    exact: bool = False
    steps_left: int = STEP_LIMIT
    known: dict[tuple[int, str], Alignment] = field(default_factory=dict)
    serial: Iterator[int] = field(default_factory=count)

    def search(self, level: Level, spans: Sequence[Span]) -> Search:
        """Find the cheapest alignment of a level. Spans with equal starts may stand in another order than given."""
        found = yield from self._align_in_order(level, spans)
        if found.cost and (ordered := self._order_ties(level, spans)) is not spans:
            other = yield from self._align_in_order(level, ordered)
            return min(found, other, key=lambda alignment: alignment.cost)
        return found

    def _align_in_order(self, level: Level, spans: Sequence[Span]) -> Search:
        rows = yield from self._in_step(level, spans) if self._agree(level, spans) else self._cheapest(level, spans)
        if rows is None:
            return Alignment(level, (), NOT_EXACT)
        taken = {row.span.span_id for row in rows if row.expected is not None and row.span is not None}
        for expected in level.deep:
            row = yield from self._at_any_depth(expected, spans, taken, len(level.items))
            taken |= {row.span.span_id} if row.span is not None else set()
            rows.append(row)
        return Alignment(level, tuple(rows), sum(map(self._cost, rows)))

    def _order_ties(self, level: Level, spans: Sequence[Span]) -> Sequence[Span]:
        """Put spans with equal starts into the order of the lines that they fit: their real order is unknown."""
        if all(one.start != other.start for one, other in pairwise(spans)):
            return spans
        ordered: list[Span] = []
        unused = list(level.spans())
        for _, tied in groupby(spans, key=lambda span: span.start):
            left = list(tied)
            for expected in list(unused):
                fitting = [span for span in left if self._compare(expected, span) == ()]
                for span in fitting[: expected.most]:
                    ordered.append(span)
                    left.remove(span)
                if fitting and not expected.repeats:
                    unused.remove(expected)
                if not left:
                    break
            ordered += left
        return ordered

    def _agree(self, level: Level, spans: Sequence[Span]) -> bool:
        """Return whether lines and spans fit one by one, as they do in most cases."""
        return len(level.items) == len(spans) and all(
            isinstance(item, ExpectedSpan) and item.least == item.most == 1 and self._compare(item, span) == ()
            for item, span in zip(level.items, spans, strict=True)
        )

    def _in_step(self, level: Level, spans: Sequence[Span]) -> Generator[Request, Alignment, list[Row] | None]:
        rows = []
        for place, (expected, span) in enumerate(zip(level.spans(), spans, strict=True)):
            rows.append((yield from self._compare_below(Row(expected, span, place))))
        return rows

    def _cheapest(self, level: Level, spans: Sequence[Span]) -> Generator[Request, Alignment, list[Row] | None]:
        """Find the cheapest path through lines and spans; None if the search is exact and there is no free one."""
        space = SearchSpace(level, spans, self._compare, self._unexpected_cost, needed_spans(level))
        frontier = [Path(0, 0, next(self.serial), 0, space.start, None, None)]
        settled: set[State] = set()
        while frontier:
            self.steps_left -= 0 if self.exact else 1
            if self.steps_left < 0:
                frontier = [min(frontier)]
            path = heappop(frontier)
            if path.pair is not None:
                row = yield from self._compare_below(path.pair)
                more = self._cost(row) - weight(row.reasons)
                path = path._replace(
                    estimate=path.estimate + more, cost=path.cost + more, trail=Trail(row, path.trail), pair=None
                )
                if more:
                    _push(frontier, path, unless=self.exact)
                    continue
            if path.state in settled and self.steps_left >= 0:
                continue
            settled.add(path.state)
            if space.is_end(path.state):
                return _rows(path.trail)
            for step in space.steps(path.state):
                _push(frontier, self._follow(path, step), unless=self.exact and step.cost + step.remaining > 0)
        return None

    def _follow(self, path: Path, step: Step) -> Path:
        """Extend a path by a step. A row with a line and a span becomes its `pair`, any other goes onto the trail."""
        row, cost = step.row, path.cost + step.cost
        pair = row if row is not None and row.expected is not None and row.span is not None else None
        trail = path.trail if row is None or pair is not None else Trail(row, path.trail)
        progress = -step.to.place - step.to.position  # of equal estimates, the path that is furthest comes first
        return Path(cost + step.remaining, progress, next(self.serial), cost, step.to, trail, pair)

    def _compare_below(self, row: Row) -> Generator[Request, Alignment, Row]:
        """Return the row of a line and a span with the alignment of what is below them."""
        assert row.expected is not None
        assert row.span is not None
        key = (id(row.expected), row.span.span_id)
        if key not in self.known:
            self.known[key] = yield row.expected.below, row.span.children
        return replace(row, below=self.known[key])

    def _at_any_depth(
        self, expected: ExpectedSpan, spans: Sequence[Span], taken: set[str], place: int
    ) -> Generator[Request, Alignment, Row]:
        """Find the best span that is not `taken` for a line that accepts any depth."""
        best, least = Row(expected, None, place, allowed=expected.optional), float("inf")
        for span in _walk(spans):
            reasons = None if span.span_id in taken else self._compare(expected, span)
            if reasons is None or weight(reasons) >= (NOT_EXACT if self.exact else RENAMED):
                continue
            row = yield from self._compare_below(Row(expected, span, place, reasons))
            if (cost := self._cost(row)) < least:
                best, least = row, cost
            if cost == 0:
                break
        return best

    def _compare(self, expected: ExpectedSpan, span: Span) -> Reasons | None:
        return compare(expected, span, self.placeholders)

    def _unexpected_cost(self, span: Span) -> int:
        return UNEXPECTED * self.sizes.get(span.span_id, 1) + 1

    def _cost(self, row: Row) -> int:
        if row.expected is None:
            assert row.span is not None
            return 0 if row.allowed else self._unexpected_cost(row.span)
        if row.span is None:
            return 0 if row.allowed else MISSING * row.expected.size
        assert row.below is not None
        return weight(row.reasons) + row.below.cost


def _push(frontier: list[Path], path: Path, *, unless: bool) -> None:
    if not unless:
        heappush(frontier, path)


def _rows(trail: Trail | None) -> list[Row]:
    rows: list[Row] = []
    while trail is not None:
        rows.append(trail.row)
        trail = trail.before
    return rows[::-1]


def _walk(spans: Sequence[Span]) -> Iterator[Span]:
    for span in spans:
        yield span
        yield from span.descendants


def _sizes(spans: Sequence[Span]) -> dict[str, int]:
    """Return for each span, by id, the number of spans from it down, itself included."""
    sizes: dict[str, int] = {}
    for span in reversed(list(_walk(spans))):
        sizes[span.span_id] = 1 + sum(sizes[child.span_id] for child in span.children)
    return sizes

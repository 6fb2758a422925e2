"""Laying a trace beside an expected tree: which span stands for which line, with as few differences as possible.

For each level it is a search for the cheapest way through lines and spans (A*); where they agree, that is one step a
span. Levels call each other through a stack of generators, since a trace may be deeper than Python's own stack.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import count, groupby, pairwise
from typing import NamedTuple, TypeAlias

from spantree.expectation.comparison import RENAMED, Reasons, differences, weight
from spantree.expectation.parser import Item, Level
from spantree.expectation.placeholders import Placeholder
from spantree.expectation.rows import Alignment, Row
from spantree.expectation.search_states import MISSING, Crossing, State, Step, needed
from spantree.span import Span

__all__ = ["align"]

TOO_MUCH = 2
UNFIT = 1
"""The cost of what does not fit, where nobody asks for how much."""
PATIENCE = 200_000
"""Steps until the search gives up the best way for a good one."""


class Trail(NamedTuple):
    """The rows of a way, the last one first."""

    row: Row
    before: "Trail | None"


class Way(NamedTuple):
    """A way to a state, ordered by what it will cost at least. What is below `pair` is still to be compared."""

    estimate: int
    behind: int
    serial: int
    cost: int
    state: State
    trail: Trail | None
    pair: Row | None


Request: TypeAlias = tuple[Level, Sequence[Span]]
Search: TypeAlias = Generator[Request, Alignment, Alignment]


def align(level: Level, spans: Sequence[Span], placeholders: Mapping[str, Placeholder]) -> Alignment:
    """Lay spans, with all below them, beside what is expected.

    Whether they fit is decided first, and for any number of spans. Where they do not, the differences are as few as
    can be found with some patience: in traces of many differing siblings there may be fewer.
    """
    exact = _run(_Aligner(placeholders, {}, exact=True), level, spans)
    return exact if exact.cost == 0 else _run(_Aligner(placeholders, _sizes(spans)), level, spans)


def _run(aligner: "_Aligner", level: Level, spans: Sequence[Span]) -> Alignment:
    """Let searches wait for those of the levels below them."""
    searches: list[Search] = [aligner.search(level, spans)]
    answer: Alignment | None = None
    while searches:
        try:
            request = searches[-1].send(answer)  # type: ignore[arg-type] # None starts a generator
        except StopIteration as found:
            searches.pop()
            answer = found.value
        else:
            searches.append(aligner.search(*request))
            answer = None
    assert answer is not None
    return answer


@dataclass(slots=True)
class _Aligner:
    placeholders: Mapping[str, Placeholder]
    sizes: Mapping[str, int]
    """How many spans there are of each and below it."""
    exact: bool = False
    """Whether only what costs nothing is looked for."""
    patience: int = PATIENCE
    known: dict[tuple[int, str], Alignment] = field(default_factory=dict)
    serial: Iterator[int] = field(default_factory=count)

    def search(self, level: Level, spans: Sequence[Span]) -> Search:
        """Find the cheapest alignment of a level."""
        spans = self._ties_settled(level, spans)
        rows = yield from self._in_step(level, spans) if self._agree(level, spans) else self._cheapest(level, spans)
        if rows is None:
            return Alignment(level, (), UNFIT)
        taken = {row.span.span_id for row in rows if row.item is not None and row.span is not None}
        for item in level.deep:
            row = yield from self._somewhere(item, spans, taken, len(level.items))
            taken |= {row.span.span_id} if row.span is not None else set()
            rows.append(row)
        return Alignment(level, tuple(rows), sum(map(self._cost, rows)))

    def _ties_settled(self, level: Level, spans: Sequence[Span]) -> Sequence[Span]:
        """Bring spans that began at once into the order of the lines that they fit: nobody knows which was first."""
        if all(one.start != other.start for one, other in pairwise(spans)):
            return spans
        settled: list[Span] = []
        for _, at_once in groupby(spans, key=lambda span: span.start):
            left = list(at_once)
            for item in level.lines() if len(left) > 1 else ():
                fitting = [span for span in left if self._differences(item, span) == ()]
                for span in fitting if item.many else fitting[:1]:
                    settled.append(span)
                    left.remove(span)
            settled += left
        return settled

    def _agree(self, level: Level, spans: Sequence[Span]) -> bool:
        """Whether lines and spans agree one by one, as they mostly do."""
        return len(level.items) == len(spans) and all(
            isinstance(item, Item) and not item.line.repeated and self._differences(item, span) == ()
            for item, span in zip(level.items, spans, strict=True)
        )

    def _in_step(self, level: Level, spans: Sequence[Span]) -> Generator[Request, Alignment, list[Row] | None]:
        rows = []
        for place, (item, span) in enumerate(zip(level.lines(), spans, strict=True)):
            rows.append(Row(item, span, place, below=(yield item.below, span.children)))
        return rows

    def _cheapest(self, level: Level, spans: Sequence[Span]) -> Generator[Request, Alignment, list[Row] | None]:
        """Find the cheapest way through lines and spans; None if it has to be for nothing and is not."""
        crossing = Crossing(level, spans, self._differences, self._too_much, needed(level))
        frontier = [Way(0, 0, next(self.serial), 0, crossing.start, None, None)]
        settled: set[State] = set()
        while frontier:
            self.patience -= 0 if self.exact else 1
            if self.patience < 0:
                frontier = [min(frontier)]
            way = heappop(frontier)
            if way.pair is not None:
                row = yield from self._compared(way.pair)
                more = self._cost(row) - weight(row.why)
                way = way._replace(
                    estimate=way.estimate + more, cost=way.cost + more, trail=Trail(row, way.trail), pair=None
                )
                if more:
                    _push(frontier, way, unless=self.exact)
                    continue
            if way.state in settled and self.patience >= 0:
                continue
            settled.add(way.state)
            if crossing.ends(way.state):
                return _unwound(way.trail)
            for step in crossing.steps(way.state):
                _push(frontier, self._onward(way, step), unless=self.exact and step.cost + step.left > 0)
        return None

    def _onward(self, way: Way, step: Step) -> Way:
        """Go a step: its row is on the trail at once, or is a pair that has to be compared below first."""
        row, cost = step.row, way.cost + step.cost
        pair = row if row is not None and row.item is not None and row.span is not None else None
        trail = way.trail if row is None or pair is not None else Trail(row, way.trail)
        behind = -step.to.place - step.to.position
        return Way(cost + step.left, behind, next(self.serial), cost, step.to, trail, pair)

    def _compared(self, row: Row) -> Generator[Request, Alignment, Row]:
        """Add what is below a line and a span to their row."""
        assert row.item is not None
        assert row.span is not None
        key = (id(row.item), row.span.span_id)
        if key not in self.known:
            self.known[key] = yield row.item.below, row.span.children
        return replace(row, below=self.known[key])

    def _somewhere(
        self, item: Item, spans: Sequence[Span], taken: set[str], place: int
    ) -> Generator[Request, Alignment, Row]:
        """Find the best span, of those not `taken`, for a line that may stand anywhere below."""
        best, least = Row(item, None, place, allowed=item.optional), float("inf")
        for span in _walk(spans):
            why = None if span.span_id in taken else self._differences(item, span)
            if why is None or weight(why) >= (UNFIT if self.exact else RENAMED):
                continue
            row = yield from self._compared(Row(item, span, place, why))
            if (cost := self._cost(row)) < least:
                best, least = row, cost
            if cost == 0:
                break
        return best

    def _differences(self, item: Item, span: Span) -> Reasons | None:
        return differences(item, span, self.placeholders)

    def _too_much(self, span: Span) -> int:
        return TOO_MUCH * self.sizes.get(span.span_id, 1) + 1

    def _cost(self, row: Row) -> int:
        if row.item is None:
            assert row.span is not None
            return 0 if row.allowed else self._too_much(row.span)
        if row.span is None:
            return 0 if row.allowed else MISSING * row.item.size
        assert row.below is not None
        return weight(row.why) + row.below.cost


def _push(frontier: list[Way], way: Way, *, unless: bool) -> None:
    if not unless:
        heappush(frontier, way)


def _unwound(trail: Trail | None) -> list[Row]:
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
    """Return for each span how many there are of it and below it."""
    sizes: dict[str, int] = {}
    for span in reversed(list(_walk(spans))):
        sizes[span.span_id] = 1 + sum(sizes[child.span_id] for child in span.children)
    return sizes

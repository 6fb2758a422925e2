"""Laying a trace beside an expected tree: which span stands for which line, with as few differences as possible.

For each level it is a search for the cheapest way through two lists at once (A*, with costs for what is
missing, too much or different); where the lists agree, that is one step a span. Levels call each other through a
stack of generators, since a trace may be deeper than Python's own stack.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count, groupby, pairwise
from typing import NamedTuple, TypeAlias

from emulator.traces.expectation.pattern import AnyOrder, Item, Level
from emulator.traces.expectation.placeholders import Placeholder, fits
from emulator.traces.line import visible, write_value
from emulator.traces.span import Span

__all__ = ["Alignment", "Reason", "Row", "align"]

DIFFERENT = 2
MISSING = 2
TOO_MUCH = 2
RENAMED = 3
PATIENCE = 200_000
"""Steps until the search gives up the best way for a good one."""


class Reason(NamedTuple):
    """Why a span is not as its line wants it, and how much that weighs."""

    words: str
    weight: int = DIFFERENT


@dataclass(frozen=True, slots=True)
class Row:
    """An expected line, a span, or both side by side. `why` names differences of the two; `place` is the line's place.

    A span without a line is too much, unless it is `allowed` by `...`; so is a missing line that is optional.
    """

    item: Item | None
    span: Span | None
    place: int
    why: tuple[Reason, ...] = ()
    below: "Alignment | None" = None
    allowed: bool = False

    @property
    def differs(self) -> bool:
        """Whether the row itself, not what is below it, is not as expected."""
        return not self.allowed and (self.item is None or self.span is None or bool(self.why))


@dataclass(frozen=True, slots=True)
class Alignment:
    """A level of an expected tree beside the spans that are there. `cost` is 0 if all is as expected."""

    level: Level
    rows: tuple[Row, ...]
    cost: int


Open: TypeAlias = tuple[tuple[Item, bool], ...]
"""The lines that are due, each with whether it has come once already."""


class State(NamedTuple):
    """How far a search has come: the place among lines, the lines due there, and the place among spans."""

    place: int
    due: Open
    position: int


class Way(NamedTuple):
    """A way to a state, ordered by what it will cost at least. What is below `pair` is still to be compared."""

    estimate: int
    cost: int
    behind: int
    serial: int
    state: State
    trail: "tuple[Row, tuple[object, ...] | None] | None"
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
    exact: bool = False
    """Whether only what costs nothing is looked for."""
    patience: int = PATIENCE
    known: dict[tuple[int, str], Alignment] = field(default_factory=dict)

    def search(self, level: Level, spans: Sequence[Span]) -> Search:
        """Find the cheapest alignment of a level."""
        spans = self._ties_settled(level, spans)
        if self._in_step(level, spans):
            rows = []
            for place, span in enumerate(spans):
                item = level.items[place]
                assert isinstance(item, Item)
                rows.append(Row(item, span, place, below=(yield item.below, span.children)))
        else:
            found = yield from self._cheapest(level, spans)
            if found is None:
                return Alignment(level, (), DIFFERENT)
            rows = found
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
                fitting = [span for span in left if self._difference(item, span) == ()]
                for span in fitting if item.many else fitting[:1]:
                    settled.append(span)
                    left.remove(span)
            settled += left
        return settled

    def _in_step(self, level: Level, spans: Sequence[Span]) -> bool:
        """Whether lines and spans agree one by one, as they mostly do."""
        return len(level.items) == len(spans) and all(
            isinstance(item, Item) and not item.line.repeated and self._difference(item, span) == ()
            for item, span in zip(level.items, spans, strict=True)
        )

    def _cheapest(self, level: Level, spans: Sequence[Span]) -> Generator[Request, Alignment, list[Row] | None]:
        """Find the cheapest way through lines and spans; None if it has to be for nothing and is not."""
        serial = count()
        needed = _needed(level)
        frontier: list[Way] = [Way(0, 0, 0, next(serial), State(0, _due(level, 0), 0), None, None)]
        settled: set[State] = set()
        while frontier:
            self.patience -= 0 if self.exact else 1
            if self.patience < 0:
                frontier = [min(frontier)]
            way = heappop(frontier)
            state, trail = way.state, way.trail
            if way.pair is not None:
                compared = yield from self._compared(way.pair)
                assert compared.below is not None
                trail = (compared, trail)
                if compared.below.cost and self.exact:
                    continue
                if compared.below.cost:
                    more = compared.below.cost
                    known = way._replace(estimate=way.estimate + more, cost=way.cost + more, trail=trail, pair=None)
                    heappush(frontier, known)
                    continue
            if state in settled and self.patience >= 0:
                continue
            settled.add(state)
            if state.place == len(level.items) and state.position == len(spans):
                return _unwound(trail)
            for cost, following, row in self._steps(level, spans, state):
                left = needed[following.place] + sum(1 for item, met in following.due if not (met or item.optional))
                still = MISSING * max(0, left - len(spans) + following.position)
                if cost + still and self.exact:
                    continue
                pair = row if row is not None and row.item is not None and row.span is not None else None
                on = trail if row is None or pair is not None else (row, trail)
                behind = -following.place - following.position
                known = Way(way.cost + cost + still, way.cost + cost, behind, next(serial), following, on, pair)
                heappush(frontier, known)
        return None

    def _compared(self, row: Row) -> Generator[Request, Alignment, Row]:
        """Add what is below a line and a span to their row."""
        assert row.item is not None
        assert row.span is not None
        key = (id(row.item), row.span.span_id)
        if key not in self.known:
            self.known[key] = yield row.item.below, row.span.children
        return Row(row.item, row.span, row.place, row.why, self.known[key])

    def _steps(
        self, level: Level, spans: Sequence[Span], state: State
    ) -> Generator[tuple[int, State, Row | None], None, None]:
        """Yield where one can go from a state, at what cost, and the row that makes."""
        place, due, position = state
        unmet = [entry for entry in due if not (entry[1] or entry[0].optional)]
        if not unmet and place < len(level.items):
            yield 0, State(place + 1, _due(level, place + 1), position), None
        if unmet:
            item = unmet[0][0]
            without = tuple(entry for entry in due if entry is not unmet[0])
            yield MISSING * item.size, State(place, without, position), Row(item, None, place)
        if position == len(spans):
            return
        span = spans[position]
        pairs = [(entry, why) for entry in due if (why := self._difference(entry[0], span)) is not None]
        exact = [pair for pair in pairs if not pair[1]]
        for entry, why in exact or pairs:
            rest = tuple(other for other in due if other is not entry)
            due_then = (*rest, (entry[0], True)) if entry[0].many else rest
            yield (
                max((reason.weight for reason in why), default=0),
                State(place, due_then, position + 1),
                Row(entry[0], span, place, why),
            )
        too_much = 0 if level.rest else self._too_much(span)
        yield too_much, State(place, due, position + 1), Row(None, span, place, allowed=level.rest)

    def _somewhere(
        self, item: Item, spans: Sequence[Span], taken: set[str], place: int
    ) -> Generator[Request, Alignment, Row]:
        """Find the best span, of those not `taken`, for a line that may stand anywhere below."""
        best, least = Row(item, None, place, allowed=item.optional), float("inf")
        for span in _walk(spans):
            why = None if span.span_id in taken else self._difference(item, span)
            if why is None or (why and (self.exact or max(reason.weight for reason in why) >= RENAMED)):
                continue
            row = yield from self._compared(Row(item, span, place, why))
            if (cost := self._cost(row)) < least:
                best, least = row, cost
            if cost == 0:
                break
        return best

    def _difference(self, item: Item, span: Span) -> tuple[Reason, ...] | None:
        """Say in what a span is not as its line wants it, what is below apart; None if they have nothing in common."""
        line = item.line
        same_service, same_kind = line.service == span.service, line.kind in {"any", span.kind}
        if not fits(line.name, span.name, self.placeholders):
            if item.many:
                return None  # several of one name are no place for a span of another
            return (Reason(f"its name is {visible(span.name)}", RENAMED),) if same_service and same_kind else None
        why = [] if same_service else [Reason(f"it is of {visible(span.service)}", RENAMED)]
        why += [] if same_kind else [Reason(f"its kind is {span.kind}")]
        if line.error is None and span.failed:
            why.append(Reason(f"it failed: {visible(span.error_type or span.message) or 'without an error.type'}"))
        elif line.error is not None and not span.failed:
            why.append(Reason("it did not fail"))
        elif line.error and span.error_type != line.error:
            why.append(Reason(f"it failed with {visible(span.error_type) or 'no error.type'}, not {line.error}"))
        for key, wanted in line.attributes.items():
            if key not in span.attributes:
                why.append(Reason(f"it has no {key}"))
            elif wanted is not None and not fits(wanted, found := write_value(span.attributes[key]), self.placeholders):
                why.append(Reason(f"{key} is {visible(found)}, not {wanted}"))
        return tuple(why)

    def _too_much(self, span: Span) -> int:
        return TOO_MUCH * self.sizes.get(span.span_id, 1) + 1

    def _cost(self, row: Row) -> int:
        if row.item is None:
            assert row.span is not None
            return 0 if row.allowed else self._too_much(row.span)
        if row.span is None:
            return 0 if row.allowed else MISSING * row.item.size
        assert row.below is not None
        return max((reason.weight for reason in row.why), default=0) + row.below.cost


def _due(level: Level, place: int) -> Open:
    if place == len(level.items):
        return ()
    item = level.items[place]
    return tuple((one, False) for one in item.items) if isinstance(item, AnyOrder) else ((item, False),)


def _needed(level: Level) -> list[int]:
    """Return for each place, and the end, how many spans the lines behind it need at least."""
    needed = [0] * (len(level.items) + 1)
    for place in range(len(level.items) - 2, -1, -1):
        needed[place] = needed[place + 1] + sum(not item.optional for item, _ in _due(level, place + 1))
    return needed


def _unwound(trail: "tuple[Row, tuple[object, ...] | None] | None") -> list[Row]:
    rows: list[Row] = []
    while trail is not None:
        row, trail = trail  # type: ignore[assignment] # a linked list: mypy has no recursive tuples here
        rows.append(row)
    return rows[::-1]


def _walk(spans: Sequence[Span]) -> Generator[Span, None, None]:
    for span in spans:
        yield span
        yield from span.descendants


def _sizes(spans: Sequence[Span]) -> dict[str, int]:
    """Return for each span how many there are of it and below it."""
    sizes: dict[str, int] = {}
    for span in reversed(list(_walk(spans))):
        sizes[span.span_id] = 1 + sum(sizes[child.span_id] for child in span.children)
    return sizes

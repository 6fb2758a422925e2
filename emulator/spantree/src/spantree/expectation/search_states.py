"""The ways through the lines of a level and the spans that are there, both at once, and what each step costs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from spantree.expectation.comparison import Reasons, weight
from spantree.expectation.parser import AnyOrder, Item, Level
from spantree.expectation.rows import Row
from spantree.span import Span

__all__ = ["MISSING", "Crossing", "State", "Step", "due", "needed"]

MISSING = 2


class State(NamedTuple):
    """How far one has come: the place among lines, the lines due there, and the place among spans."""

    place: int
    due: "Due"
    position: int


class Step(NamedTuple):
    """Where a step leads, its cost, what more there is to pay at least, and the row that it makes, if it makes one."""

    to: State
    cost: int
    left: int
    row: Row | None = None


Due: TypeAlias = tuple[tuple[Item, bool], ...]
"""The lines that are due, each with whether it has come once already."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """A level and its spans; `differences` compares a line and a span, `too_much` is what a span with no line costs."""

    level: Level
    spans: Sequence[Span]
    differences: Callable[[Item, Span], Reasons | None]
    too_much: Callable[[Span], int]
    needed: tuple[int, ...]
    """For each place how many spans the lines behind it need at least."""

    @property
    def start(self) -> State:
        """Before everything."""
        return State(0, due(self.level, 0), 0)

    def ends(self, state: State) -> bool:
        """Whether all lines and spans are behind."""
        return state.place == len(self.level.items) and state.position == len(self.spans)

    def steps(self, state: State) -> Iterator[Step]:
        """Yield the steps from a state: to the next line, past a line that is missing, and past a span."""
        place, lines, position = state
        unmet = [entry for entry in lines if _is_unmet(entry)]
        if unmet:
            item = unmet[0][0]
            without = tuple(entry for entry in lines if entry is not unmet[0])
            yield self._step(State(place, without, position), MISSING * item.size, Row(item, None, place))
        elif place < len(self.level.items):
            yield self._step(State(place + 1, due(self.level, place + 1), position), 0)
        if position < len(self.spans):
            yield from self._past_span(state, self.spans[position])

    def _past_span(self, state: State, span: Span) -> Iterator[Step]:
        place, lines, position = state
        pairs = [(entry, why) for entry in lines if (why := self.differences(entry[0], span)) is not None]
        exact = [pair for pair in pairs if not pair[1]]
        for entry, why in exact or pairs:
            item = entry[0]
            others = tuple(other for other in lines if other is not entry)
            then = State(place, (*others, (item, True)) if item.many else others, position + 1)
            yield self._step(then, weight(why), Row(item, span, place, why))
        too_much = 0 if self.level.rest else self.too_much(span)
        row = Row(None, span, place, allowed=self.level.rest)
        yield self._step(State(place, lines, position + 1), too_much, row)

    def _step(self, to: State, cost: int, row: Row | None = None) -> Step:
        """Lines for which no span is left will be missing, whatever comes."""
        lines = self.needed[to.place] + sum(map(_is_unmet, to.due))
        return Step(to, cost, MISSING * max(0, lines - len(self.spans) + to.position), row)


def due(level: Level, place: int) -> Due:
    """Return the lines that are due at a place: one, several in any order, or none at the end."""
    if place == len(level.items):
        return ()
    item = level.items[place]
    return tuple((one, False) for one in item.items) if isinstance(item, AnyOrder) else ((item, False),)


def needed(level: Level) -> tuple[int, ...]:
    """Return for each place, and the end, how many spans the lines behind it need at least."""
    counts = [0]
    for place in range(len(level.items) - 1, -1, -1):
        counts.append(counts[-1] + sum(map(_is_unmet, due(level, place))))
    return (*counts[-2::-1], 0)


def _is_unmet(entry: tuple[Item, bool]) -> bool:
    item, has_come = entry
    return not (has_come or item.optional)

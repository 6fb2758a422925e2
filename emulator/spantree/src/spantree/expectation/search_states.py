"""The states of the search for an alignment: how far it is through a level's lines and spans, and what a step costs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from spantree.expectation.comparison import Reasons, Row, weight
from spantree.expectation.parser import AnyOrder, ExpectedSpan, Level
from spantree.span import Span

__all__ = ["MISSING", "SearchSpace", "State", "Step", "needed_spans"]

MISSING = 2
"""The cost of an expected span that is missing."""


class State(NamedTuple):
    """How far the search is: the index among the level's items, the lines due there, and the index among spans."""

    place: int
    due: "Due"
    position: int


class Step(NamedTuple):
    """A step to another state: its cost, the least cost from there to the end, and the row that it adds, if any."""

    to: State
    cost: int
    remaining: int
    row: Row | None = None


Due: TypeAlias = tuple[tuple[ExpectedSpan, int], ...]
"""The lines that are due, each with the number of spans found for it, as far as that number matters."""


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """A level and the spans to align with it.

    `compare` compares a line with a span, `unexpected_cost` is the cost of a span without a line, and `needed` has for
    each place the least number of spans that the lines after it need.
    """

    level: Level
    spans: Sequence[Span]
    compare: Callable[[ExpectedSpan, Span], Reasons | None]
    unexpected_cost: Callable[[Span], int]
    needed: tuple[int, ...]

    @property
    def start(self) -> State:
        """The state before all lines and spans."""
        return State(0, _due(self.level, 0), 0)

    def is_end(self, state: State) -> bool:
        """Return whether all lines and spans have been consumed."""
        return state.place == len(self.level.items) and state.position == len(self.spans)

    def steps(self, state: State) -> Iterator[Step]:
        """Yield the steps from a state: past a missing line or to the next lines, and past a span."""
        place, lines, position = state
        required = [entry for entry in lines if _required(entry)]
        if required:
            missing = required[0][0]
            others = tuple(
                _with_one_more(entry) if entry is required[0] else entry
                for entry in lines
                if entry is not required[0] or _required(entry) > 1 or entry[0].repeats
            )
            yield self._step(State(place, others, position), MISSING * missing.size, Row(missing, None, place))
        elif place < len(self.level.items):
            yield self._step(State(place + 1, _due(self.level, place + 1), position), 0)
        if position < len(self.spans):
            yield from self._past_span(state, self.spans[position])

    def _past_span(self, state: State, span: Span) -> Iterator[Step]:
        place, lines, position = state
        pairs = [(entry, reasons) for entry in lines if (reasons := self.compare(entry[0], span)) is not None]
        exact = [pair for pair in pairs if not pair[1]]
        for entry, reasons in exact or pairs:
            expected = entry[0]
            others = tuple(other for other in lines if other is not entry)
            more = _with_one_more(entry)
            due = others if more[1] == expected.most else (*others, more)
            row = Row(expected, span, place, reasons)
            yield self._step(State(place, due, position + 1), weight(reasons), row)
        cost = 0 if self.level.rest else self.unexpected_cost(span)
        yield self._step(State(place, lines, position + 1), cost, Row(None, span, place, allowed=self.level.rest))

    def _step(self, to: State, cost: int, row: Row | None = None) -> Step:
        # Lines for which no span is left will be missing, whatever the search does: a lower bound, as A* needs it.
        lines = self.needed[to.place] + sum(map(_required, to.due))
        return Step(to, cost, MISSING * max(0, lines - len(self.spans) + to.position), row)


def needed_spans(level: Level) -> tuple[int, ...]:
    """Return for each place of a level, and its end, the least number of spans that the lines after it need."""
    counts = [0]
    for place in range(len(level.items) - 1, -1, -1):
        counts.append(counts[-1] + sum(map(_required, _due(level, place))))
    return (*counts[-2::-1], 0)


def _due(level: Level, place: int) -> Due:
    """Return the lines that are due at a place: one, several in any order, or none at the end."""
    if place == len(level.items):
        return ()
    element = level.items[place]
    spans = element.items if isinstance(element, AnyOrder) else (element,)
    return tuple((expected, 0) for expected in spans)


def _required(entry: tuple[ExpectedSpan, int]) -> int:
    """Return how many spans a line still needs."""
    expected, found = entry
    return max(0, expected.least - found)


def _with_one_more(entry: tuple[ExpectedSpan, int]) -> tuple[ExpectedSpan, int]:
    expected, found = entry
    # Beyond the least of a line that accepts any number, the number makes no difference and only more states.
    return expected, found + 1 if expected.most is not None else min(found + 1, expected.least)

"""A plan: how the lines of one level stand beside spans, by numbers, so that it holds for all that look the same."""

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import NamedTuple, TypeAlias, TypeVar

from spantree.expectation.parser import Level
from spantree.span import Span

__all__ = ["UNIT", "Plan", "Planning", "Request", "Step", "answers"]

UNIT = 1 << 24
"""Costs are counted in these units, so that one more can be added for a line or a span that stands alone.

Of equally cheap plans, the one with the most pairs is best.
"""


class Step(NamedTuple):
    """A row of an alignment by numbers: the item at which it stands, the line and the span, if any."""

    item: int
    line: int | None
    span: int | None


class Request(NamedTuple):
    """A level and the spans to align with it; the answer is known by its key from then on."""

    level: Level
    spans: Sequence[Span]
    key: tuple[int, int]


class Plan(NamedTuple):
    """The rows of a level and their cost."""

    steps: tuple[Step, ...]
    cost: int


Planning: TypeAlias = Generator[Request, None, Plan]

T = TypeVar("T")


def answers(
    request: Request, planner: Callable[[Level, Sequence[Span]], Generator[Request, None, T]]
) -> Iterator[tuple[tuple[int, int], T]]:
    """Yield the plans of a level and of all levels below that it asks for, by key, without recursion.

    Each has to be known to the planner before it goes on.
    """
    waiting = [(request.key, planner(request.level, request.spans))]
    while waiting:
        key, planning = waiting[-1]
        try:
            asked = next(planning)
        except StopIteration as finished:
            waiting.pop()
            yield key, finished.value
        else:
            waiting.append((asked.key, planner(asked.level, asked.spans)))

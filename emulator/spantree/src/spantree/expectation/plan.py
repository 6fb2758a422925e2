"""A plan: how the lines of one level stand beside spans, by numbers, so that it holds for all that look the same."""

from collections.abc import Generator, Sequence
from typing import NamedTuple, TypeAlias

from spantree.expectation.parser import Level
from spantree.span import Span

__all__ = ["UNIT", "Plan", "Planning", "Request", "Step"]

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

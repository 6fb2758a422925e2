"""The rows of a waterfall: one for each span, or one for many siblings that are all alike."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from spantree import Span, SpanTree

__all__ = ["Row", "every_span", "without_repetition"]

FEWEST_REPEATED = 3
"""Two equal rows are read as quickly as one that says so."""


@dataclass(frozen=True, slots=True)
class Row:
    """The spans of one row, the earliest first, and their depth below the roots."""

    depth: int
    spans: tuple[Span, ...]

    @property
    def duration(self) -> int:
        """The time during which any of the spans was open, in nanoseconds: spans may overlap."""
        if len(self.spans) == 1:
            return self.spans[0].duration
        total, reached = 0, min(span.start for span in self.spans)
        for span in sorted(self.spans, key=lambda span: span.start):
            total += max(0, span.end - max(span.start, reached))
            reached = max(reached, span.end)
        return total


def every_span(tree: SpanTree) -> list[Row]:
    """Return a row for each span, from the top down."""
    return [Row(depth, (span,)) for depth, span in tree.walk()]


def without_repetition(tree: SpanTree, look: Callable[[Span], Hashable | None]) -> list[Row]:
    """Return the rows of a tree, in which three or more adjacent siblings with equal subtrees share their rows.

    Spans are equal if `look` returns the same for them. If it returns None, a span and its ancestors keep their rows.
    """
    shapes = _shapes(tree, look)
    rows: list[Row] = []
    stack = _runs([(span,) for span in tree.roots], shapes)[::-1]
    left_on_level = [len(stack)]  # the number of entries on the stack for each depth
    while stack:
        while not left_on_level[-1]:
            left_on_level.pop()
        left_on_level[-1] -= 1
        spans = stack.pop()
        rows.append(Row(len(left_on_level) - 1, spans))
        below = _runs(list(zip(*(span.children for span in spans), strict=True)), shapes)
        stack += below[::-1]
        left_on_level.append(len(below))
    return rows


def _shapes(tree: SpanTree, look: Callable[[Span], Hashable | None]) -> dict[str, int | None]:
    """Return a number for each span, equal for spans with equal subtrees; None for a span that is kept by itself.

    Children are visited before their parents, since recursion would not survive deep traces.
    """
    numbers: dict[Hashable, int] = {}
    shapes: dict[str, int | None] = {}
    for _, span in reversed(list(tree.walk())):
        looks, below = look(span), tuple(shapes[child.span_id] for child in span.children)
        unique = looks is None or None in below
        shapes[span.span_id] = None if unique else numbers.setdefault((looks, below), len(numbers))
    return shapes


def _runs(siblings: Sequence[tuple[Span, ...]], shapes: dict[str, int | None]) -> list[tuple[Span, ...]]:
    """Join adjacent siblings of equal shape. Each sibling is already a tuple of spans that share a row."""

    def joined() -> Iterator[tuple[Span, ...]]:
        for shape, alike in groupby(siblings, key=lambda spans: shapes[spans[0].span_id]):
            run = list(alike)
            if shape is None or len(run) < FEWEST_REPEATED:
                yield from run
            else:
                yield tuple(sorted((span for spans in run for span in spans), key=lambda span: span.start))

    return list(joined())

"""The rows of a picture of a trace: a span each, or one for many siblings that are all alike. It knows no pictures."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from spantree import Span, SpanTree

__all__ = ["Row", "every_span", "without_repetition"]

FEWEST = 3
"""So many alike are repetition; two are soon read."""


@dataclass(frozen=True, slots=True)
class Row:
    """Spans that are shown in one line, the earliest first, and how deep below the roots they are."""

    depth: int
    spans: tuple[Span, ...]

    @property
    def duration(self) -> int:
        """Nanoseconds that the spans took, one after the other."""
        return sum(span.duration for span in self.spans)


def every_span(tree: SpanTree) -> list[Row]:
    """Return a row for each span, from the top down."""
    return [Row(depth, (span,)) for depth, span in tree.walk()]


def without_repetition(tree: SpanTree, look: Callable[[Span], Hashable | None]) -> list[Row]:
    """Return the rows, where three or more siblings in a row that are alike, down to the last span, are one.

    What is below them is one row for each of theirs. Alike are those of an equal `look`; it is None for a span that
    is shown for itself, and so are those above it.
    """
    shapes = _shapes(tree, look)
    rows: list[Row] = []
    waiting = _runs([(span,) for span in tree.roots], shapes)[::-1]
    levels = [len(waiting)]
    while waiting:
        while not levels[-1]:
            levels.pop()
        levels[-1] -= 1
        spans = waiting.pop()
        rows.append(Row(len(levels) - 1, spans))
        below = _runs(list(zip(*(span.children for span in spans), strict=True)), shapes)
        waiting += below[::-1]
        levels.append(len(below))
    return rows


def _shapes(tree: SpanTree, look: Callable[[Span], Hashable | None]) -> dict[str, int | None]:
    """Return a number for the look of each span and all below it, equal where these are; None if it is like no other.

    Children come before their parents, so that no depth is too deep.
    """
    numbers: dict[Hashable, int] = {}
    shapes: dict[str, int | None] = {}
    for _, span in reversed(list(tree.walk())):
        looks, below = look(span), tuple(shapes[child.span_id] for child in span.children)
        alone = looks is None or None in below
        shapes[span.span_id] = None if alone else numbers.setdefault((looks, below), len(numbers))
    return shapes


def _runs(siblings: Sequence[tuple[Span, ...]], shapes: dict[str, int | None]) -> list[tuple[Span, ...]]:
    """Join siblings that are alike and follow one another."""

    def joined() -> Iterator[tuple[Span, ...]]:
        for shape, alike in groupby(siblings, key=lambda spans: shapes[spans[0].span_id]):
            run = list(alike)
            if shape is None or len(run) < FEWEST:
                yield from run
            else:
                yield tuple(sorted((span for spans in run for span in spans), key=lambda span: span.start))

    return list(joined())

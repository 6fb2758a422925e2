"""Writes a trace as the text of an expected tree."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from spantree.expectation.placeholders import Placeholder, insert_placeholders
from spantree.notation import ONCE, Count
from spantree.span import Span

__all__ = ["are_alike", "indented", "write_tree"]


def write_tree(spans: Sequence[Span], placeholders: Mapping[str, Placeholder], depth: int = 0) -> list[str]:
    """Return the lines that describe spans and everything below them, with placeholders in names.

    Siblings in a row that are alike, with everything below them, become one line with `+`: how often a client polls
    or retries depends on timing, and must not be part of what the tree promises.
    """
    shapes = _shapes(spans, placeholders)
    lines = []
    waiting = [(depth, group) for group in reversed(_groups([spans], shapes))]
    while waiting:
        depth, group = waiting.pop()
        line = replace(group.spans[0].line, count=Count(1, None) if group.repeats else ONCE)
        lines.append(indented(depth, str(replace(line, name=insert_placeholders(line.name, placeholders)))))
        below = _groups([span.children for span in group.spans], shapes)
        waiting += [(depth + 1, each) for each in reversed(below)]
    return lines


def are_alike(one: Span, other: Span, placeholders: Mapping[str, Placeholder]) -> bool:
    """Return whether one line, with the lines below it, is written for both spans."""
    return len(_groups([(one, other)], _shapes((one, other), placeholders))) == 1


def indented(depth: int, text: str) -> str:
    """Return a line of a tree with its indentation."""
    return f"{'  ' * depth}{text}"


@dataclass(frozen=True, slots=True)
class _Group:
    """Spans that one line stands for. `repeats` is set if several of them are siblings."""

    spans: list[Span]
    repeats: bool


def _groups(families: Sequence[Sequence[Span]], shapes: Mapping[Span, int]) -> list[_Group]:
    """Group the children of spans that are alike, so that each group has one line for all families."""
    runs = [[list(run) for _, run in groupby(siblings, key=shapes.__getitem__)] for siblings in families]
    return [
        _Group([span for run in column for span in run], repeats=any(len(run) > 1 for run in column))
        for column in zip(*runs, strict=True)
    ]


def _shapes(spans: Sequence[Span], placeholders: Mapping[str, Placeholder]) -> dict[Span, int]:
    """Return a number for each span: equal for spans with the same line and the same shapes below.

    The number of times that a shape repeats among siblings does not matter.
    """
    numbers: dict[tuple[str, tuple[int, ...]], int] = {}
    shapes: dict[Span, int] = {}
    for span in reversed(list(_walk(spans))):  # children before their parents
        line = str(replace(span.line, name=insert_placeholders(span.name, placeholders)))
        below = tuple(shape for shape, _ in groupby(shapes[child] for child in span.children))
        shapes[span] = numbers.setdefault((line, below), len(numbers))
    return shapes


def _walk(spans: Sequence[Span]) -> Iterator[Span]:
    for span in spans:
        yield span
        yield from span.descendants

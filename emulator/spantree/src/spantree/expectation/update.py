"""Updates an expected tree so that a trace fits. Lines that still hold stay as they were written, with comments."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TypeAlias

from spantree.expectation.alignment import fits_level
from spantree.expectation.comparison import Alignment, Row, compare
from spantree.expectation.parser import AnyOrder, ExpectedSpan, Level
from spantree.expectation.placeholders import Placeholder, fits, insert_placeholders
from spantree.expectation.writing import are_alike, indented, write_tree
from spantree.notation import write_value
from spantree.span import Span

__all__ = ["update_tree"]

Lines: TypeAlias = "Iterator[str | tuple[Alignment, int]]"
"""Lines of text, and lower levels with their depth, which are written next without recursion."""

REPEATED = {"": "+", "?": "*"}
"""The repetition mark of a line once it stands for several spans, by the mark that it had."""


def update_tree(alignment: Alignment, placeholders: Mapping[str, Placeholder]) -> list[str]:
    """Return the lines of the aligned tree, changed where the trace differs.

    Lines that fit stay, including those with `+`, `*` and `?`. Unexpected spans are added, but if they only repeat the
    span of the line beside them, that line gets a `+` instead.
    """
    lines: list[str] = []
    levels = [_Writer(placeholders, 0).level(alignment)]
    while levels:
        line = next(levels[-1], None)
        if line is None:
            levels.pop()
        elif isinstance(line, str):
            lines.append(line)
        else:
            below, depth = line
            levels.append(_Writer(placeholders, depth).level(below))
    return lines


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes one level at its depth."""

    placeholders: Mapping[str, Placeholder]
    depth: int

    def level(self, alignment: Alignment) -> Lines:
        level = alignment.level
        rows, repeated = _merge_repetitions(alignment, self.placeholders)
        by_place: defaultdict[int, list[Row]] = defaultdict(list)
        for row in rows:
            if not (row.allowed and row.expected is None):
                by_place[row.place].append(row)
        for place, element in enumerate(level.items):
            yield from self._element(element, by_place[place], repeated)
        yield from self._add(row.span for row in by_place[len(level.items)] if row.expected is None)
        found = {row.expected for row in rows if row.expected in level.deep and row.span is not None}
        yield from self._rest(level, found)

    def _element(self, element: ExpectedSpan | AnyOrder, rows: list[Row], repeated: Collection[ExpectedSpan]) -> Lines:
        """Write a line, or lines in any order, and the spans at this place that no line stands for."""
        found = {row.expected: row for row in reversed(rows) if row.expected is not None and row.span is not None}
        before = list(takewhile(lambda row: row.expected is None, rows))
        yield from self._add_unfitting(before, found)
        items, depth = ([element], self.depth) if isinstance(element, ExpectedSpan) else (element.items, self.depth + 1)
        kept = [expected for expected in items if expected in found or expected.optional]
        if isinstance(element, AnyOrder) and kept:
            yield from _remarks(element.remarks, self.depth)
        for expected in kept:
            if expected in found:
                row = found[expected]
                assert row.below is not None
                yield from _remarks(expected.remarks, depth)
                yield indented(depth, _line(expected, row, self.placeholders, repeats=expected in repeated))
                yield row.below, depth + 1
            else:
                yield from _unchanged(expected, depth)
        yield from self._add_unfitting(rows[len(before) :], found)

    def _add_unfitting(self, rows: list[Row], found: Mapping[ExpectedSpan, Row]) -> Iterator[str]:
        """Add spans without a line, and spans of a repeated line that do not fit it as it is written now."""
        yield from self._add(row.span for row in rows if row.expected is None or self._is_unfitting(row, found))

    def _is_unfitting(self, row: Row, found: Mapping[ExpectedSpan, Row]) -> bool:
        first = found.get(row.expected) if row.expected is not None else None
        if row is first or row.span is None or not _has_differences(row):
            return False
        # The line is written for the first of its spans.
        return first is None or first.span is None or not are_alike(first.span, row.span, self.placeholders)

    def _add(self, spans: Iterable[Span | None]) -> Iterator[str]:
        yield from write_tree([span for span in spans if span is not None], self.placeholders, self.depth)

    def _rest(self, level: Level, found: Collection[ExpectedSpan | None]) -> Iterator[str]:
        if level.rest:
            yield from _remarks(level.remarks, self.depth)
            for expected in level.deep:
                if expected in found or expected.optional:
                    yield from _unchanged(expected, self.depth + 1)


def _merge_repetitions(
    alignment: Alignment, placeholders: Mapping[str, Placeholder]
) -> tuple[list[Row], set[ExpectedSpan]]:
    """Drop the rows of unexpected spans that repeat the span beside them; return the rest and the repeated lines."""
    level = alignment.level
    candidates = set(level.spans())
    repeated: set[ExpectedSpan] = set()
    rows = list(alignment.rows)
    for _ in range(2):  # once for the spans after a line's own, and once, in reverse, for those before it
        kept: list[Row] = []
        beside: Row | None = None
        for row in rows:
            if row.expected is None and row.span is not None and not row.allowed:
                if beside is not None and _repeats(beside, row.span, placeholders):
                    repeated |= {beside.expected} if beside.expected is not None else set()
                    continue
                beside = None
            elif row.expected in candidates and row.span is not None:
                beside = row
            kept.append(row)
        rows = kept[::-1]
    return rows, {expected for expected in repeated if not expected.repeats}


def _repeats(row: Row, span: Span, placeholders: Mapping[str, Placeholder]) -> bool:
    """Return whether an unexpected span fits the line of a row as it will be written."""
    assert row.expected is not None
    assert row.span is not None
    if _has_differences(row):
        return are_alike(row.span, span, placeholders)
    return compare(row.expected, span, placeholders) == () and fits_level(Level([row.expected]), [span], placeholders)


def _has_differences(row: Row) -> bool:
    return bool(row.reasons) or (row.below is not None and row.below.cost > 0)


def _line(expected: ExpectedSpan, row: Row, placeholders: Mapping[str, Placeholder], *, repeats: bool) -> str:
    """Return a line as it was written if its span fits, or else with the values of the span."""
    assert row.span is not None
    repeated = REPEATED[expected.line.repeated] if repeats else expected.line.repeated
    if not row.reasons:
        return expected.source if not repeats else f"{replace(expected.line, repeated=repeated)}{expected.line.comment}"
    attributes: dict[str, str | None] = {}
    for key, value in expected.line.attributes.items():
        if key in row.span.attributes:
            found = write_value(row.span.attributes[key])
            holds = value is None or fits(value, found, placeholders)
            attributes[key] = value if holds else insert_placeholders(found, placeholders)
    same_name = fits(expected.line.name, row.span.name, placeholders)
    name = expected.line.name if same_name else insert_placeholders(row.span.name, placeholders)
    line = replace(row.span.line, name=name, attributes=attributes, repeated=repeated)
    return f"{line}{expected.line.comment}"


def _unchanged(expected: ExpectedSpan, depth: int) -> Iterator[str]:
    """Write a line and everything below it as it was."""
    waiting: list[tuple[int, ExpectedSpan | AnyOrder | Level]] = [(depth, expected)]
    while waiting:
        depth, node = waiting.pop()
        yield from _remarks(node.remarks, depth)
        if isinstance(node, ExpectedSpan):
            yield indented(depth, node.source)
            waiting += [(depth + 1, node.below)] if node.below.rest else []
            waiting += [(depth + 1, below) for below in reversed(node.below.items)]
        else:
            below = node.items if isinstance(node, AnyOrder) else node.deep
            waiting += [(depth + 1, each) for each in reversed(below)]


def _remarks(remarks: list[str], depth: int) -> Iterator[str]:
    for remark in remarks:
        yield indented(depth, remark) if remark else ""

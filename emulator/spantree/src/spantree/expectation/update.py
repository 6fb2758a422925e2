"""Updates an expected tree so that a trace fits. Lines that still hold stay as they were written, with comments."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TypeAlias

from spantree.expectation.alignment import fits_level
from spantree.expectation.comparison import Alignment, Row, compare
from spantree.expectation.parser import AnyOrder, ExpectedSpan, Level
from spantree.expectation.placeholders import Placeholder, fits, insert_placeholders
from spantree.expectation.promises import never_lines
from spantree.expectation.reasons import error_reasons, holds
from spantree.expectation.writing import are_alike, indented, write_tree
from spantree.notation import Condition, Count, read_line, write_value
from spantree.span import Span

__all__ = ["update_tree"]

Lines: TypeAlias = "Iterator[str | tuple[Alignment, int]]"
"""Lines of text, and lower levels with their depth, which are written next without recursion."""


def update_tree(alignment: Alignment, placeholders: Mapping[str, Placeholder]) -> list[str]:
    """Return the lines of the aligned tree, changed where the trace differs.

    Lines that fit stay, with their counts. Unexpected spans are added, but if they only repeat the span of the line
    beside them, that line gets a `+` instead, or a larger number if it had one. The level must be parsed without
    budgets: those are promises, like the lines below `never:`, and stay whatever the trace took.
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
        rows, more = _merge_repetitions(alignment, self.placeholders)
        by_place: defaultdict[int, list[Row]] = defaultdict(list)
        for row in rows:
            if not (row.allowed and row.expected is None):
                by_place[row.place].append(row)
        for place, element in enumerate(level.items):
            yield from self._element(element, by_place[place], more)
        yield from self._add(row.span for row in by_place[len(level.items)] if row.expected is None)
        found = {row.expected for row in rows if row.expected in level.deep and row.span is not None}
        yield from self._rest(level, found)
        found |= {row.expected for row in rows if row.expected is not None and row.span is not None}
        gone = [each for each in (*level.spans(), *level.deep) if each not in found and not each.optional]
        yield from _never(level, never_lines(each.below for each in gone), self.depth)

    def _element(self, element: ExpectedSpan | AnyOrder, rows: list[Row], more: Mapping[ExpectedSpan, int]) -> Lines:
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
                number = more[expected] + sum(
                    other.expected is expected and other.span is not None and not self._is_unfitting(other, found)
                    for other in rows
                )
                yield indented(depth, _line(expected, row, self.placeholders, number))
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
) -> tuple[list[Row], Counter[ExpectedSpan]]:
    """Drop the rows of unexpected spans that repeat the span beside them.

    Returns the other rows and, for each line, how many more spans it stands for.
    """
    level = alignment.level
    candidates = set(level.spans())
    more: Counter[ExpectedSpan] = Counter()
    rows = list(alignment.rows)
    for _ in range(2):  # once for the spans after a line's own, and once, in reverse, for those before it
        kept: list[Row] = []
        beside: Row | None = None
        for row in rows:
            if row.expected is None and row.span is not None and not row.allowed:
                if beside is not None and beside.expected is not None and _repeats(beside, row.span, placeholders):
                    more[beside.expected] += 1
                    continue
                beside = None
            elif row.expected in candidates and row.span is not None:
                beside = row
            kept.append(row)
        rows = kept[::-1]
    return rows, more


def _repeats(row: Row, span: Span, placeholders: Mapping[str, Placeholder]) -> bool:
    """Return whether an unexpected span fits the line of a row as it will be written."""
    assert row.expected is not None
    assert row.span is not None
    if _has_differences(row):
        return are_alike(row.span, span, placeholders)
    return compare(row.expected, span, placeholders) == () and fits_level(
        row.expected.below, span.children, placeholders
    )


def _has_differences(row: Row) -> bool:
    return bool(row.reasons) or (row.below is not None and row.below.cost > 0)


def _line(expected: ExpectedSpan, row: Row, placeholders: Mapping[str, Placeholder], number: int) -> str:
    """Return a line as it was written if this number of its spans fit, or else with the values of the span."""
    line, span = expected.line, row.span
    assert span is not None
    count = _count(line.count, number)
    if not row.reasons and count == line.count:
        return expected.source
    budgets = read_line(expected.source).budgets
    if not row.reasons:
        return f"{replace(line, budgets=budgets, count=count)}{line.comment}"
    changed = replace(
        span.line,
        name=line.name if fits(line.name, span.name, placeholders) else insert_placeholders(span.name, placeholders),
        kind=line.kind if line.kind == "any" else span.kind,
        error=span.line.error if error_reasons(line, span) else line.error,
        attributes=_conditions(line.attributes, span, placeholders),
        budgets=budgets,
        count=count,
    )
    return f"{changed}{line.comment}"


def _count(count: Count, number: int) -> Count:
    """Return a count with the fewest changes so that a number of spans is in it."""
    if number in count:
        return count
    if count.most == 1:  # a line without a number: how often it repeats is not what it promises
        return Count(count.least, None)
    if count.least == count.most:
        return Count(number, number)
    return Count(min(count.least, number), None if count.most is None else max(count.most, number))


def _conditions(
    conditions: Iterable[Condition], span: Span, placeholders: Mapping[str, Placeholder]
) -> tuple[Condition, ...]:
    """Return the conditions that hold, and the value of the span for each other attribute that it has."""
    changed: list[Condition] = []
    for condition in conditions:
        if holds(condition, span.attributes, placeholders):
            changed.append(condition)
        elif condition.key in span.attributes:
            found = write_value(span.attributes[condition.key])
            changed.append(Condition(condition.key, "=", insert_placeholders(found, placeholders)))
    return tuple(dict.fromkeys(changed))


def _unchanged(expected: ExpectedSpan, depth: int) -> Iterator[str]:
    """Write a line and everything below it as it was."""
    waiting: list[tuple[int, ExpectedSpan | AnyOrder | Level | str]] = [(depth, expected)]
    while waiting:
        depth, node = waiting.pop()
        if isinstance(node, str):
            yield node
            continue
        yield from _remarks(node.remarks, depth)
        if isinstance(node, ExpectedSpan):
            yield indented(depth, node.source)
            waiting += [(depth, line) for line in reversed(list(_never(node.below, (), depth + 1)))]
            waiting += [(depth + 1, node.below)] if node.below.rest else []
            waiting += [(depth + 1, below) for below in reversed(node.below.items)]
        else:
            below = node.items if isinstance(node, AnyOrder) else node.deep
            waiting += [(depth + 1, each) for each in reversed(below)]


def _never(level: Level, more: Sequence[ExpectedSpan], depth: int) -> Iterator[str]:
    """Write what must never occur below a place, and what must not occur below lines that are gone from there."""
    if level.never or more:
        yield from _remarks(level.never_remarks or ["never:"], depth)
    for expected in (*level.never, *more):
        yield from _remarks(expected.remarks, depth + 1)
        yield indented(depth + 1, expected.source)


def _remarks(remarks: list[str], depth: int) -> Iterator[str]:
    for remark in remarks:
        yield indented(depth, remark) if remark else ""

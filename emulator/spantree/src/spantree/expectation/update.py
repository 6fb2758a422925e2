"""Bringing an expected tree up to date with a trace: what still holds stays as it was written, comments and all."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import TypeAlias

from spantree.expectation.parser import AnyOrder, Item, Level
from spantree.expectation.placeholders import Placeholder, fits, normal
from spantree.expectation.rows import Alignment, Row
from spantree.notation import write_value
from spantree.span import Span

__all__ = ["rewritten", "written"]


def written(spans: Sequence[Span], placeholders: Mapping[str, Placeholder], depth: int = 0) -> list[str]:
    """Write a trace as an expected tree: each span a line, with placeholders in the names."""
    lines = []
    waiting = [(depth, span) for span in reversed(spans)]
    while waiting:
        depth, span = waiting.pop()
        lines.append(_indented(depth, str(replace(span.line, name=normal(span.name, placeholders)))))
        waiting += [(depth + 1, child) for child in reversed(span.children)]
    return lines


def rewritten(alignment: Alignment, placeholders: Mapping[str, Placeholder]) -> list[str]:
    """Write an expected tree again, so that the trace beside it fits: lines that fit are kept as they are."""
    lines: list[str] = []
    levels = [_level(alignment, placeholders, 0)]
    while levels:
        line = next(levels[-1], None)
        if line is None:
            levels.pop()
        elif isinstance(line, str):
            lines.append(line)
        else:
            levels.append(_level(line[0], placeholders, line[1]))
    return lines


Lines: TypeAlias = "Iterator[str | tuple[Alignment, int]]"


def _level(alignment: Alignment, placeholders: Mapping[str, Placeholder], depth: int) -> Lines:
    level = alignment.level
    by_place: defaultdict[int, list[Row]] = defaultdict(list)
    for row in alignment.rows:
        if not (row.allowed and row.item is None):
            by_place[row.place].append(row)
    deep = {row.item for row in alignment.rows if row.item in level.deep and row.span is not None}
    for place, element in enumerate(level.items):
        yield from _element(element, by_place[place], placeholders, depth)
    for row in by_place[len(level.items)]:
        if row.item is None and row.span is not None:
            yield from written([row.span], placeholders, depth)
    yield from _rest(level, deep, depth)


def _element(element: Item | AnyOrder, rows: list[Row], placeholders: Mapping[str, Placeholder], depth: int) -> Lines:
    """Write the spans that came for a line, or for lines in any order, and those that came at their place unasked."""
    met = {row.item: row for row in reversed(rows) if row.item is not None and row.span is not None}
    before = list(takewhile(lambda row: row.item is None, rows))
    yield from _asides(before, met, placeholders, depth)
    items, inside = ([element], depth) if isinstance(element, Item) else (element.items, depth + 1)
    kept = [item for item in items if item in met or item.optional]
    if isinstance(element, AnyOrder) and kept:
        yield from _remarks(element.remarks, depth)
    for item in kept:
        if item in met:
            yield from _remarks(item.remarks, inside)
            yield _indented(inside, _line(item, met[item], placeholders))
            below = met[item].below
            assert below is not None
            yield below, inside + 1
        else:
            yield from _untouched(item, inside)
    yield from _asides(rows[len(before) :], met, placeholders, depth)


def _asides(rows: list[Row], met: Mapping[Item, Row], placeholders: Mapping[str, Placeholder], depth: int) -> Lines:
    """Write the spans that have no line, or came for a line that another has taken and do not fit it."""
    for row in rows:
        again = row.item is not None and row is not met.get(row.item) and _fails(row)
        if row.span is not None and (row.item is None or again):
            yield from written([row.span], placeholders, depth)


def _fails(row: Row) -> bool:
    return bool(row.why) or (row.below is not None and row.below.cost > 0)


def _line(item: Item, row: Row, placeholders: Mapping[str, Placeholder]) -> str:
    """Return an item's line as it was written if its span fits, else as the span is."""
    assert row.span is not None
    if not row.why:
        return item.source
    attributes: dict[str, str | None] = {}
    for key, wanted in item.line.attributes.items():
        if key in row.span.attributes:
            found = write_value(row.span.attributes[key])
            kept = wanted is None or fits(wanted, found, placeholders)
            attributes[key] = wanted if kept else normal(found, placeholders)
    name = item.line.name if fits(item.line.name, row.span.name, placeholders) else normal(row.span.name, placeholders)
    line = replace(row.span.line, name=name, attributes=attributes, repeated=item.line.repeated)
    return f"{line}{item.line.comment}"


def _rest(level: Level, deep: Collection[Item | None], depth: int) -> Lines:
    if level.rest:
        yield from _remarks(level.remarks, depth)
        for item in level.deep:
            if item in deep or item.optional:
                yield from _untouched(item, depth + 1)


def _untouched(item: Item, depth: int) -> Iterator[str]:
    """Write an item and all below it as it was."""
    waiting: list[tuple[int, Item | AnyOrder | Level]] = [(depth, item)]
    while waiting:
        depth, node = waiting.pop()
        if isinstance(node, Item):
            yield from _remarks(node.remarks, depth)
            yield _indented(depth, node.source)
            waiting += [(depth + 1, node.below)] if node.below.rest else []
            waiting += [(depth + 1, below) for below in reversed(node.below.items)]
        elif isinstance(node, AnyOrder):
            yield from _remarks(node.remarks, depth)
            waiting += [(depth + 1, below) for below in reversed(node.items)]
        else:
            yield from _remarks(node.remarks, depth)
            waiting += [(depth + 1, below) for below in reversed(node.deep)]


def _remarks(remarks: list[str], depth: int) -> Iterator[str]:
    for remark in remarks:
        yield _indented(depth, remark) if remark else ""


def _indented(depth: int, text: str) -> str:
    return f"{'  ' * depth}{text}"

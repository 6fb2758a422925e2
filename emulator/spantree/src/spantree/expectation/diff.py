"""In what a trace is not as expected, to be read by people: both trees as one, with marks where they part."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from spantree.expectation.parser import Item
from spantree.expectation.rows import Alignment, Row
from spantree.notation import Line, write_value
from spantree.span import Span

__all__ = ["Difference"]

AROUND = 2
"""Lines as expected that are shown before and after a difference, beside those above it in the tree."""

RED, GREEN, DIM, PLAIN = "\033[31m", "\033[32m", "\033[2m", "\033[0m"
COLOURS = {"-": RED, "+": GREEN}

Nested: TypeAlias = "Generator[Shown | Nested, None, None]"


@dataclass(frozen=True, slots=True)
class Shown:
    """A line of the report: its mark (`-` expected, `+` found, or neither), its depth and its text."""

    mark: str
    depth: int
    text: str
    why: str = ""
    different: bool = False
    """Whether this is one of two lines, of the same place."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What is missing, too much and different in a trace that is not as expected."""

    alignment: Alignment

    @property
    def missing(self) -> list[str]:
        """The expected lines that no span stands for."""
        return [shown.text for shown in self._lines() if shown.mark == "-" and not shown.different]

    def __str__(self) -> str:
        return self.render()

    def render(self, *, colour: bool = False) -> str:
        """Return the report, with the colours of a terminal if wanted."""
        lines = list(self._lines())
        first = next(number for number, shown in enumerate(lines) if shown.mark)
        kept = _kept(lines)
        report, hidden = [self._summary(lines)], 0
        for number, shown in enumerate(lines):
            if number not in kept:
                hidden += 1
                continue
            report += _fold(hidden, colour=colour)
            hidden = 0
            report.append(_coloured(shown, _word(shown, first=number == first), colour=colour))
        return "\n".join([*report, *_fold(hidden, colour=colour)])

    def first(self, *, colour: bool = False) -> list[str]:
        """Return the summary and, in a few lines, the first difference with what is right above it."""
        lines = list(self._lines())
        number = next(number for number, shown in enumerate(lines) if shown.mark)
        above = [shown for shown in lines[:number] if shown.depth < lines[number].depth][-1:]
        shown = [*above, *lines[number : number + 2]]
        words = [_coloured(each, _word(each, first=each is lines[number]), colour=colour) for each in shown]
        return [self._summary(lines), *words]

    def _summary(self, lines: list[Shown]) -> str:
        different = sum(shown.different for shown in lines) // 2
        missing = sum(shown.mark == "-" for shown in lines) - different
        too_much = sum(shown.mark == "+" for shown in lines) - different
        counts = ((missing, "missing"), (too_much, "not expected"), (different, "different"))
        found = ", ".join(f"{number} {word}" for number, word in counts if number)
        return f"the trace is not as expected: {found}  (- expected, + found)"

    def _lines(self) -> Iterator[Shown]:
        return _unnested(_shown(self.alignment, 0))


def _unnested(lines: Nested) -> Iterator[Shown]:
    """Yield what a generator and the generators in it yield: a tree may be deeper than Python's stack."""
    stack = [lines]
    while stack:
        line = next(stack[-1], None)
        if line is None:
            stack.pop()
        elif isinstance(line, Shown):
            yield line
        else:
            stack.append(line)


def _shown(alignment: Alignment, depth: int) -> Nested:
    others = 0
    for row in alignment.rows:
        if row.item is None and row.allowed:
            others += 1
            continue
        yield from _rest(others, depth)
        others = 0
        if row.item is not None and row.span is not None:
            yield from _pair(row, row.item, row.span, depth)
            assert row.below is not None
            yield _shown(row.below, depth + 1)
        elif row.item is not None and not row.allowed:
            yield _expected(row.item, depth, "missing")
        elif row.span is not None:
            yield _found(row.span, depth, "not expected")
    yield from _rest(others, depth)


def _rest(others: int, depth: int) -> Iterator[Shown]:
    if others:
        yield Shown("", depth, f"... {others} other{'s' if others > 1 else ''}, as allowed")


def _pair(row: Row, item: Item, span: Span, depth: int) -> Iterator[Shown]:
    if not row.why:
        yield Shown("", depth, str(item.line))
        return
    yield Shown("-", depth, str(item.line), "; ".join(reason.words for reason in row.why), different=True)
    yield Shown("+", depth, str(_in_terms_of(item.line, span)), different=True)


def _in_terms_of(line: Line, span: Span) -> Line:
    """The line of a span, with the attributes that the expected line speaks of."""
    told = {key: span.attributes[key] for key in line.attributes if key in span.attributes}
    attributes = {key: None if line.attributes[key] is None else write_value(value) for key, value in told.items()}
    return replace(span.line, attributes=attributes)


def _expected(item: Item, depth: int, why: str) -> Nested:
    yield Shown("-", depth, str(item.line), why)
    for below in item.below.lines():
        yield _expected(below, depth + 1, "")
    for below in item.below.deep:
        yield _expected(below, depth + 1, "")


def _found(span: Span, depth: int, why: str) -> Nested:
    yield Shown("+", depth, str(span), why)
    for child in span.children:
        yield _found(child, depth + 1, "")


def _word(shown: Shown, *, first: bool) -> str:
    why = f"   ← {'first difference: ' if first else ''}{shown.why}" if shown.why else ""
    return f"{shown.mark or ' '} {'  ' * shown.depth}{shown.text}{why}"


def _coloured(shown: Shown, text: str, *, colour: bool) -> str:
    return f"{COLOURS[shown.mark]}{text}{PLAIN}" if colour and shown.mark else text


def _fold(hidden: int, *, colour: bool) -> list[str]:
    if not hidden:
        return []
    text = f"  ⋮ {hidden} line{'s' if hidden > 1 else ''} as expected"
    return [f"{DIM}{text}{PLAIN}" if colour else text]


def _kept(lines: list[Shown]) -> set[int]:
    """Choose what is shown: the differences, what is around them, and what is above them in the tree."""
    kept: set[int] = set()
    above: list[int] = []
    for number, shown in enumerate(lines):
        while above and lines[above[-1]].depth >= shown.depth:
            above.pop()
        if shown.mark:
            kept |= {*above, *range(max(0, number - AROUND), min(len(lines), number + AROUND + 1))}
        else:
            above.append(number)
    alone = {number for number in range(len(lines)) if _closed_in(number, kept, len(lines))}
    return kept | alone  # one line is no shorter for being left out


def _closed_in(number: int, kept: set[int], lines: int) -> bool:
    return (number == 0 or number - 1 in kept) and (number == lines - 1 or number + 1 in kept)

"""Reports how a trace differs from an expected tree: both trees merged into one, with marks where they differ."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from spantree.expectation.comparison import Alignment, Row, Violation
from spantree.expectation.parser import ExpectedSpan
from spantree.notation import Condition, Line, write_value
from spantree.span import Span

__all__ = ["Difference"]

CONTEXT = 2
"""Unmarked lines that are shown before and after a difference, besides its ancestors in the tree."""

RED, GREEN, DIM, RESET = "\033[31m", "\033[32m", "\033[2m", "\033[0m"
COLOURS = {"-": RED, "+": GREEN, "!": RED}

Nested: TypeAlias = "Generator[ReportLine | Nested, None, None]"


@dataclass(frozen=True, slots=True)
class ReportLine:
    """A line of the report: its mark (`-` expected, `+` found, `!` forbidden, or none), depth, text and the reason.

    `paired` is set on the `-` and the `+` line of a span that differs from its expected line.
    """

    mark: str
    depth: int
    text: str
    reason: str = ""
    paired: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """What is missing, unexpected and different in a trace that does not match. `str()` is the report."""

    alignment: Alignment

    @property
    def missing(self) -> list[str]:
        """The expected lines for which there is no span."""
        return [line.text for line in self._lines() if line.mark == "-" and not line.paired]

    def __str__(self) -> str:
        return self.render()

    def render(self, *, colour: bool = False) -> str:
        """Return the report, optionally with ANSI colours."""
        lines = list(self._lines())
        first = next(number for number, line in enumerate(lines) if line.mark)
        shown = _shown(lines)
        report, hidden = [_summary(lines)], 0
        for number, line in enumerate(lines):
            if number not in shown:
                hidden += 1
                continue
            report += _folded(hidden, colour=colour)
            hidden = 0
            report.append(_format(line, is_first=number == first, colour=colour))
        return "\n".join([*report, *_folded(hidden, colour=colour)])

    def first(self, *, colour: bool = False) -> list[str]:
        """Return the summary and, in a few lines, the first difference below its closest ancestors."""
        lines = list(self._lines())
        number = next(number for number, line in enumerate(lines) if line.mark)
        above = [line for line in lines[:number] if line.depth < lines[number].depth][-1:]
        shown = [*above, *lines[number : number + 2]]
        return [_summary(lines), *(_format(line, is_first=line is lines[number], colour=colour) for line in shown)]

    @property
    def violations(self) -> tuple[Violation, ...]:
        """The spans that must never occur, each with its line below `never:`."""
        return self.alignment.violations

    def _lines(self) -> Iterator[ReportLine]:
        yield from _flatten(_level(self.alignment, 0))
        yield from map(_violation, self.violations)


def _flatten(lines: Nested) -> Iterator[ReportLine]:
    """Yield the lines of nested generators without recursion: a tree may be deeper than Python's stack."""
    stack = [lines]
    while stack:
        line = next(stack[-1], None)
        if line is None:
            stack.pop()
        elif isinstance(line, ReportLine):
            yield line
        else:
            stack.append(line)


def _level(alignment: Alignment, depth: int) -> Nested:
    others = 0
    for row in alignment.rows:
        if row.expected is None and row.allowed:
            others += 1
            continue
        yield from _others(others, depth)
        others = 0
        if row.expected is not None and row.span is not None:
            yield from _pair(row, row.expected, row.span, depth)
            assert row.below is not None
            yield _level(row.below, depth + 1)
        elif row.expected is not None and not row.allowed:
            yield _missing(row.expected, depth, "missing")
        elif row.span is not None:
            yield _unexpected(row.span, depth, "not expected")
    yield from _others(others, depth)


def _others(others: int, depth: int) -> Iterator[ReportLine]:
    if others:
        yield ReportLine("", depth, f"... {others} other{'s' if others > 1 else ''}, as allowed")


def _pair(row: Row, expected: ExpectedSpan, span: Span, depth: int) -> Iterator[ReportLine]:
    if not row.reasons:
        yield ReportLine("", depth, str(expected.line))
        return
    reason = "; ".join(reason.text for reason in row.reasons)
    yield ReportLine("-", depth, str(expected.line), reason, paired=True)
    yield ReportLine("+", depth, str(_line_like(expected.line, span)), paired=True)


def _line_like(line: Line, span: Span) -> Line:
    """Return the line of a span, with those of its attributes that the expected line has."""
    attributes: dict[str, Condition] = {}
    for condition in line.attributes:
        if condition.key in span.attributes:
            value = Condition(condition.key, "=", write_value(span.attributes[condition.key]))
            attributes[condition.key] = value if condition.operator else Condition(condition.key)
    return replace(span.line, attributes=tuple(attributes.values()))


def _violation(violation: Violation) -> ReportLine:
    above = violation.span.parent
    found = "" if above is None else f"; found below {above}"
    line = violation.expected.source.removesuffix(violation.expected.line.comment)
    below = "" if violation.place is None else f" below {violation.place}"
    return ReportLine("!", 0, str(violation.span), f"must never occur{below}, by `never: {line}`{found}")


def _missing(expected: ExpectedSpan, depth: int, reason: str) -> Nested:
    yield ReportLine("-", depth, str(expected.line), reason)
    for below in (*expected.below.spans(), *expected.below.deep):
        yield _missing(below, depth + 1, "")


def _unexpected(span: Span, depth: int, reason: str) -> Nested:
    yield ReportLine("+", depth, str(span), reason)
    for child in span.children:
        yield _unexpected(child, depth + 1, "")


def _summary(lines: list[ReportLine]) -> str:
    different = sum(line.paired for line in lines) // 2
    missing = sum(line.mark == "-" for line in lines) - different
    unexpected = sum(line.mark == "+" for line in lines) - different
    forbidden = sum(line.mark == "!" for line in lines)
    counts = (
        (missing, "missing"),
        (unexpected, "not expected"),
        (different, "different"),
        (forbidden, "that must never occur"),
    )
    found = ", ".join(f"{number} {what}" for number, what in counts if number)
    return f"the trace is not as expected: {found}  (- expected, + found{', ! forbidden' if forbidden else ''})"


def _format(line: ReportLine, *, is_first: bool, colour: bool) -> str:
    reason = f"   ← {'first difference: ' if is_first else ''}{line.reason}" if line.reason else ""
    text = f"{line.mark or ' '} {'  ' * line.depth}{line.text}{reason}"
    return f"{COLOURS[line.mark]}{text}{RESET}" if colour and line.mark else text


def _folded(hidden: int, *, colour: bool) -> list[str]:
    if not hidden:
        return []
    text = f"  ⋮ {hidden} line{'s' if hidden > 1 else ''} as expected"
    return [f"{DIM}{text}{RESET}" if colour else text]


def _shown(lines: list[ReportLine]) -> set[int]:
    """Return which lines are shown: the differences, their context, and their ancestors."""
    shown: set[int] = set()
    ancestors: list[int] = []
    for number, line in enumerate(lines):
        while ancestors and lines[ancestors[-1]].depth >= line.depth:
            ancestors.pop()
        if line.mark:
            shown |= {*ancestors, *range(max(0, number - CONTEXT), min(len(lines), number + CONTEXT + 1))}
        else:
            ancestors.append(number)
    single = {number for number in range(len(lines)) if _is_single_gap(number, shown, len(lines))}
    return shown | single  # a note about one hidden line would be as long as the line itself


def _is_single_gap(number: int, shown: set[int], total: int) -> bool:
    return (number == 0 or number - 1 in shown) and (number == total - 1 or number + 1 in shown)

"""Finds the spans that must not occur: those that fit a line below `never:`, at any depth below its place.

This comes after the alignment: it has no say in which of several equal spans stands for which of several equal lines.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from spantree.expectation.comparison import Alignment, Violation
from spantree.expectation.parser import ExpectedSpan, Level
from spantree.expectation.placeholders import Placeholder, fits
from spantree.expectation.reasons import attribute_reasons, budget_reasons, error_reasons
from spantree.span import Span

__all__ = ["has_forbidden", "with_violations"]

VIOLATION = 4
"""The cost of a span that must not occur: more than that of one that differs."""
ANY = "*"
"""The service or the name, in a line below `never:`, of every span."""


def with_violations(alignment: Alignment, spans: Sequence[Span], placeholders: Mapping[str, Placeholder]) -> Alignment:
    """Return the alignment of a whole tree with the spans, among these and below them, that must not occur."""
    found = {(id(one.expected), one.span): one for one in _violations(alignment, spans, placeholders)}
    if not found:
        return alignment
    return replace(alignment, cost=alignment.cost + VIOLATION * len(found), violations=tuple(found.values()))


def has_forbidden(level: Level, spans: Sequence[Span], placeholders: Mapping[str, Placeholder]) -> bool:
    """Return whether any of these spans, or of those below them, must not occur at the top of a tree."""
    return bool(level.never) and any(_below(level, None, spans, placeholders))


def _violations(
    alignment: Alignment, spans: Sequence[Span], placeholders: Mapping[str, Placeholder]
) -> Iterator[Violation]:
    waiting: list[tuple[Alignment, Span | None]] = [(alignment, None)]
    while waiting:
        current, place = waiting.pop()
        if current.level.never:
            yield from _below(current.level, place, spans if place is None else place.children, placeholders)
        pairs = [(row.below, row.span) for row in current.rows if row.below is not None]
        waiting += reversed(pairs)


def _below(
    level: Level, place: Span | None, spans: Sequence[Span], placeholders: Mapping[str, Placeholder]
) -> Iterator[Violation]:
    for top in spans:
        for span in (top, *top.descendants):
            for expected in level.never:
                if _occurs(expected, span, placeholders):
                    yield Violation(expected, span, place)


def _occurs(expected: ExpectedSpan, span: Span, placeholders: Mapping[str, Placeholder]) -> bool:
    """Return whether a span fits a line below `never:`. What the line leaves out, even kind and failure, may be any."""
    line = expected.line
    return (
        line.service in {ANY, span.service}
        and (line.name == ANY or fits(line.name, span.name, placeholders))
        and line.kind in {"any", span.kind}
        and (line.error is None or not error_reasons(line, span))
        and not any(attribute_reasons(line, span, placeholders))
        and not any(budget_reasons(line, span))
    )

"""Decides whether a trace that is not as expected can still become so when more of its spans arrive.

A span that has been exported never changes, and never goes away. So a later span can do one thing only: stand for a
line that has none yet. If a trace will be as expected once all its spans are there, then the spans that are there now
are as expected by the same tree with every line optional: leaving out a span, with everything below it, leaves the
others at their places, in their order, and makes no count larger. The reverse proves failure: if the spans fit not
even that tree, no later span can help. Spans whose parents have not arrived say nothing, since their place is unknown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from spantree.expectation.alignment import fits_level
from spantree.expectation.never import has_forbidden
from spantree.expectation.parser import AnyOrder, ExpectedSpan, Level
from spantree.expectation.placeholders import Placeholder
from spantree.notation import Count
from spantree.span import Span

__all__ = ["can_still_fit", "with_optional_lines"]


def can_still_fit(optional: Level, spans: Sequence[Span], placeholders: Mapping[str, Placeholder]) -> bool:
    """Return whether later spans can make a trace fit. `optional` is the expected tree `with_optional_lines`.

    `spans` are the roots that have arrived, without those whose parents may still come.
    """
    return not has_forbidden(optional, spans, placeholders) and fits_level(optional, spans, placeholders)


def with_optional_lines(level: Level) -> Level:
    """Return a copy of a tree in which every line may be missing."""
    top = Level()
    waiting = [(level, top)]
    while waiting:
        source, copy = waiting.pop()
        copy.rest, copy.never = source.rest, source.never
        for item in source.items:
            items = item.items if isinstance(item, AnyOrder) else [item]
            copies = [_optional(expected) for expected in items]
            copy.items += [AnyOrder(copies, [])] if isinstance(item, AnyOrder) else copies
            waiting += [(expected.below, other.below) for expected, other in zip(items, copies, strict=True)]
        copy.deep = [_optional(expected) for expected in source.deep]
        waiting += [(expected.below, other.below) for expected, other in zip(source.deep, copy.deep, strict=True)]
    return top


def _optional(expected: ExpectedSpan) -> ExpectedSpan:
    line = replace(expected.line, count=Count(0, expected.most))
    return ExpectedSpan(line, expected.source, [], Level(), 0)

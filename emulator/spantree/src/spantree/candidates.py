"""The error for a question that has one answer, if there are several or none: it lists the candidates."""

import re
from collections.abc import Iterable

from spantree.span import Span

__all__ = ["NotOne", "has_name", "listed"]

CANDIDATES = 10
"""The most candidates that an error message lists."""


class NotOne(AssertionError):
    """Not exactly one span or hop meets the criteria. The message lists those that do, or those that come closest."""

    __module__ = "spantree"  # where users import it from, and what a failed test shows


def has_name(span: Span, expected: str | re.Pattern[str]) -> bool:
    """Return whether a span has a name, or one that a pattern matches as a whole."""
    return span.name == expected if isinstance(expected, str) else expected.fullmatch(span.name) is not None


def listed(candidates: Iterable[str]) -> list[str]:
    """Return the first candidates as lines, and how many more there are."""
    lines = [f"  {candidate}" for candidate in candidates]
    more = [f"  and {len(lines) - CANDIDATES} more"] if len(lines) > CANDIDATES else []
    return [*lines[:CANDIDATES], *more]

"""The problems that lint rules yield, and how rules format times and lists in them."""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from spantree.span import Span

__all__ = ["Problems", "first_five", "milliseconds"]

Problems: TypeAlias = Iterator[tuple[Span, str, str]]
"""A span, what is wrong with it, and the remedy."""

SHOWN = 5


def milliseconds(nanoseconds: int) -> str:
    """Format a time without its sign."""
    return f"{abs(nanoseconds) / 1e6:.3f} ms"


def first_five(texts: Iterable[str]) -> str:
    """Join texts without duplicates, and count those after the first five: a finding is one line."""
    different = list(dict.fromkeys(texts))
    more = f" and {len(different) - SHOWN} more" if len(different) > SHOWN else ""
    return ", ".join(different[:SHOWN]) + more

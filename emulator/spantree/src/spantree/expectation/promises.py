"""What an expected tree promises about every trace, which no update may drop: budgets, and lines below `never:`."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

from spantree.expectation.parser import ExpectedSpan, Level
from spantree.expectation.writing import indented
from spantree.notation import Budget, read_line

__all__ = ["never_lines", "with_promises"]


def never_lines(levels: Iterable[Level]) -> list[ExpectedSpan]:
    """Return all lines below `never:` at these levels and below them."""
    return [expected for level in _walk(levels) for expected in level.never]


def with_promises(lines: Iterable[str], top: Level) -> Iterator[str]:
    """Yield lines that were written anew, with the budgets that a tree has for the same service and name.

    What must never occur follows at the end, for the whole trace.
    """
    budgets: defaultdict[tuple[str, str], dict[Budget, None]] = defaultdict(dict)
    for level in _walk([top]):
        for expected in (*level.spans(), *level.deep):
            line = expected.line
            budgets[line.service, line.name].update(dict.fromkeys(line.budgets))
    for text in lines:
        line = read_line(text.lstrip(" "))
        indent = len(text) - len(text.lstrip(" "))
        yield f"{' ' * indent}{replace(line, budgets=tuple(budgets[line.service, line.name]))}"
    if never := never_lines([top]):
        yield "never:"
        yield from (indented(1, expected.source) for expected in never)


def _walk(levels: Iterable[Level]) -> Iterator[Level]:
    waiting = list(levels)[::-1]
    while waiting:
        level = waiting.pop()
        yield level
        waiting += [each.below for each in (*level.spans(), *level.deep)][::-1]

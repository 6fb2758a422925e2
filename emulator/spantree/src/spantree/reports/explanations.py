"""Explains failed comparisons: `trace == tree(...)` and `trace.check() == []`.

pytest truncates explanations, so the first difference goes there, and the whole goes to the end of the failure.
"""

from dataclasses import dataclass

import pytest

from spantree.github import is_github_actions

__all__ = ["Explanation", "explain", "uses_colour"]

MOST_LINES, MOST_CHARACTERS = 7, 560
"""What pytest shows of an explanation, beside the line that it begins with: 8 lines or 640 characters by default."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why two values are not equal: `lines` for pytest, which begin with the comparison, and what they leave out."""

    lines: list[str]
    whole: str = ""

    def is_in(self, failure: str) -> bool:
        """Return whether this is what made a test fail, not a comparison that the test expected to fail."""
        return self.lines[0] in failure


def explain(left: object, right: object, *, colour: bool) -> Explanation | None:
    """Explain why `left == right` is false; None if neither is a trace's."""
    return _explain_findings(left, right) or _explain_difference(left, right, colour=colour)


def uses_colour(config: pytest.Config) -> bool:
    """Return whether explanations may have colours: not where they go to a file or an annotation as well."""
    is_for_more = config.getoption("xmlpath", None) or config.getoption("htmlpath", None) or is_github_actions()
    return not is_for_more and config.get_terminal_writer().hasmarkup


def _explain_findings(left: object, right: object) -> Explanation | None:
    from spantree import Finding

    if not (isinstance(left, list) and left and isinstance(left[0], Finding) and right == []):
        return None
    found = f"the trace is not sound: {len(left)} finding{'' if len(left) == 1 else 's'}"
    return _shortened([found], str(left[0]).splitlines(), "\n".join(map(str, left)))


def _explain_difference(left: object, right: object, *, colour: bool) -> Explanation | None:
    from spantree import Expectation, SpanTree

    trace, expected = (left, right) if isinstance(left, SpanTree) else (right, left)
    if not (isinstance(trace, SpanTree) and isinstance(expected, Expectation)):
        return None
    difference = trace.difference(expected)
    if difference is None:
        return None
    compared = f"{trace!r} == {expected!r}"
    return _shortened([compared], difference.first(colour=colour), difference.render(colour=colour))


def _shortened(begin: list[str], first: list[str], whole: str) -> Explanation:
    lines = whole.splitlines()
    if len(lines) <= MOST_LINES and len(whole) <= MOST_CHARACTERS:
        return Explanation([*begin, *lines])
    return Explanation([*begin, *first], whole)

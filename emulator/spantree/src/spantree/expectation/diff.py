"""Reports how a trace differs from an expected tree: both trees merged into one, with marks where they differ."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from spantree.expectation.comparison import Alignment, Violation
from spantree.expectation.folding import fold_repetitions
from spantree.expectation.hints import add_reasons
from spantree.expectation.lost_context import Elsewhere, find_lost, nowhere
from spantree.expectation.moved import find_moved
from spantree.expectation.placeholders import Placeholder
from spantree.expectation.renamed import part_renamed
from spantree.expectation.report_lines import ReportLine, first_lines, full_lines, missing_texts, summary
from spantree.expectation.report_tree import Node, tree_of

__all__ = ["Difference"]

LIMIT = 60
"""The most lines that differ in a report. The summary counts them all."""


@dataclass(frozen=True)
class Difference:
    """What is missing, unexpected, moved and different in a trace that does not match. `str()` is the report.

    Spans that are missing are looked for in other traces if `elsewhere` gives their spans.
    """

    alignment: Alignment
    placeholders: Mapping[str, Placeholder] = field(default_factory=dict)
    elsewhere: Elsewhere = nowhere

    @property
    def missing(self) -> list[str]:
        """The expected lines for which there is no span in the trace, at whatever place."""
        return missing_texts(self._tree)

    @property
    def violations(self) -> tuple[Violation, ...]:
        """The spans that must never occur, each with its line below `never:`."""
        return self.alignment.violations

    def __str__(self) -> str:
        return self.render()

    def render(self, *, colour: bool = False, limit: int | None = LIMIT) -> str:
        """Return the report, optionally with ANSI colours. `limit=None` shows every line that differs."""
        lines = full_lines(self._tree, self._forbidden, limit, colour=colour)
        return "\n".join([self._summary, *lines])

    def first(self, *, colour: bool = False) -> list[str]:
        """Return the summary and, in a few lines, the first difference below its closest ancestor."""
        return [self._summary, *first_lines(self._tree, self._forbidden, colour=colour)]

    @cached_property
    def _tree(self) -> Node:
        top = tree_of(self.alignment)
        part_renamed(top, self.placeholders)
        find_moved(top, self.placeholders)
        find_lost(top, self.elsewhere, self.placeholders)
        add_reasons(top)
        fold_repetitions(top)
        return top

    @property
    def _summary(self) -> str:
        return summary(self._tree, len(self.violations))

    @cached_property
    def _forbidden(self) -> list[ReportLine]:
        return list(map(_violation, self.violations))


def _violation(violation: Violation) -> ReportLine:
    above = violation.span.parent
    found = "" if above is None else f"; found below {above}"
    line = violation.expected.source.removesuffix(violation.expected.line.comment)
    below = "" if violation.place is None else f" below {violation.place}"
    return ReportLine(str(violation.span), f"must never occur{below}, by `never: {line}`{found}")

"""The trace that a user has opened: its waterfall, the chosen line, and whether the details of its span are shown."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from spantree import Span
from spantree.render import Vocabulary
from spantree.render.terminal import Waterfall, lay_out
from spantree.tail.cursor import START, Cursor, moved, scrolled
from spantree.tail.received_trace import ReceivedTrace

__all__ = ["MARGIN", "OpenedTrace", "at_error", "open_trace", "redrawn"]

MARGIN = 2
"""Columns to the left of a list, for the mark of the chosen row."""


@dataclass(frozen=True, slots=True)
class OpenedTrace:
    """A trace and its waterfall. `details` is the first line that is shown of the span's details, if they are shown."""

    trace: ReceivedTrace
    waterfall: Waterfall
    cursor: Cursor = START
    expand: bool = False
    details: int | None = None

    @property
    def span(self) -> Span:
        """The span of the chosen line, the first one if several share it."""
        return self.waterfall.spans(self.cursor.row)[0]

    def moved(self, row: int, page: int) -> "OpenedTrace":
        """Choose another line, or the nearest that exists. Its details are shown from their first line."""
        cursor = moved(self.cursor, row, len(self.waterfall.lines), page)
        return replace(self, cursor=cursor, details=None if self.details is None else 0)


def open_trace(trace: ReceivedTrace, width: int, vocabulary: Vocabulary) -> OpenedTrace:
    """Open a trace at its first line."""
    return OpenedTrace(trace, _waterfall(trace, width, vocabulary, expand=False))


def redrawn(
    opened: OpenedTrace, trace: ReceivedTrace, width: int, page: int, vocabulary: Vocabulary, *, expand: bool
) -> OpenedTrace:
    """Draw an opened trace anew, with more spans or for another width. The chosen span stays chosen."""
    waterfall = _waterfall(trace, width, vocabulary, expand=expand)
    chosen, rows = opened.span.span_id, range(len(waterfall.lines))
    row = next((row for row in rows if any(span.span_id == chosen for span in waterfall.spans(row))), 0)
    cursor = scrolled(opened.cursor, row, len(rows), page)
    return replace(opened, trace=trace, waterfall=waterfall, cursor=cursor, expand=expand)


def at_error(opened: OpenedTrace, page: int, *, backwards: bool) -> OpenedTrace:
    """Choose the next line of a span that failed, or the previous one. After the last comes the first."""
    count = len(opened.waterfall.lines)
    step = -1 if backwards else 1
    rows: Iterable[int] = ((opened.cursor.row + step * distance) % count for distance in range(1, count + 1))
    row = next((row for row in rows if opened.waterfall.spans(row)[0].failed), opened.cursor.row)
    return opened.moved(row, page)


def _waterfall(trace: ReceivedTrace, width: int, vocabulary: Vocabulary, *, expand: bool) -> Waterfall:
    return lay_out(trace.tree(), width - MARGIN, expand=expand, vocabulary=vocabulary)

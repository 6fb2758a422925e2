"""Draws spans into the character cells of a line: a bar for a span, and a light hatch where its message was queued."""

from collections.abc import Iterable
from dataclasses import dataclass

from spantree import Span, SpanTree, delivery

__all__ = ["BAR", "HATCH", "TICK", "Axis", "axis_of", "bars"]

BAR, TICK, HATCH = "█", "▏", "░"
"""A tick stands for a span that is shorter than a cell."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A time axis: its start and end in nanoseconds since the epoch, and its width in cells."""

    start: int
    end: int
    width: int

    @property
    def duration(self) -> int:
        """Nanoseconds from start to end, at least 1, so that a trace without any duration can be drawn."""
        return max(self.end - self.start, 1)

    def cell(self, time: int) -> int:
        """Return the number of the cell that a point in time is in."""
        return min((time - self.start) * self.width // self.duration, self.width - 1)


def axis_of(tree: SpanTree, width: int) -> Axis:
    """Return the axis that has room for all spans of a trace, including those that end before they start."""
    return Axis(min(span.start for span in tree.spans), max(max(span.start, span.end) for span in tree.spans), width)


def bars(spans: Iterable[Span], axis: Axis) -> str:
    """Draw the spans of one row, earliest first."""
    cells = [" "] * axis.width
    for span in spans:
        first, length = axis.cell(span.start), span.duration * axis.width / axis.duration
        queued = _queued_from(span, axis)
        cells[queued:first] = (HATCH if cell == " " else cell for cell in cells[queued:first])
        if length >= 1:
            last = min(first + round(length), axis.width)
            cells[first:last] = BAR * (last - first)
        elif cells[first] != BAR:
            cells[first] = TICK
    return "".join(cells)


def _queued_from(span: Span, axis: Axis) -> int:
    """Return the cell in which the message of a span entered its queue; the span's own cell if there was no wait."""
    message = delivery(span)
    if message is None or not message.dwell or message.cause.trace_id != span.trace_id:
        return axis.cell(span.start)
    return axis.cell(max(message.cause.end, axis.start))

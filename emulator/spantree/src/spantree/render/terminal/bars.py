"""Where spans are on the time axis, in the cells of a line: as a bar, with a light hatch where their message waited."""

from collections.abc import Iterable
from dataclasses import dataclass

from spantree import Span, SpanTree, delivery

__all__ = ["BAR", "HATCH", "MOMENT", "Axis", "axis_of", "bars"]

BAR, MOMENT, HATCH = "█", "▏", "░"


@dataclass(frozen=True, slots=True)
class Axis:
    """A stretch of time, in nanoseconds since the epoch, and the cells that it is drawn in."""

    begin: int
    end: int
    width: int

    @property
    def duration(self) -> int:
        """Nanoseconds from begin to end, never 0: what takes no time is drawn, too."""
        return max(self.end - self.begin, 1)

    def cell(self, time: int) -> int:
        """Return the cell that a point in time is in."""
        return min((time - self.begin) * self.width // self.duration, self.width - 1)


def axis_of(tree: SpanTree, width: int) -> Axis:
    """Return the axis on which all spans of a trace are, also those that ended before they began."""
    return Axis(min(span.start for span in tree.spans), max(max(span.start, span.end) for span in tree.spans), width)


def bars(spans: Iterable[Span], axis: Axis) -> str:
    """Draw spans into the cells of one line. The earliest is first, as in a row."""
    cells = [" "] * axis.width
    for span in spans:
        first, length = axis.cell(span.start), span.duration * axis.width / axis.duration
        waiting = _waiting(span, axis)
        cells[waiting:first] = (HATCH if cell == " " else cell for cell in cells[waiting:first])
        if length >= 1:
            last = min(first + round(length), axis.width)
            cells[first:last] = BAR * (last - first)
        elif cells[first] != BAR:
            cells[first] = MOMENT
    return "".join(cells)


def _waiting(span: Span, axis: Axis) -> int:
    """Return the cell from which on the message that a span processes lay in its queue."""
    message = delivery(span)
    if message is None or not message.dwell or message.cause.trace_id != span.trace_id:
        return axis.cell(span.start)
    return axis.cell(max(message.cause.end, axis.begin))

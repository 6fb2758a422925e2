"""What a trace spent its time on: the chain of work in which any delay would have delayed the end."""

from collections.abc import Iterator
from dataclasses import dataclass

from spantree.span import Span

__all__ = ["Segment", "critical_path"]


@dataclass(frozen=True, slots=True, repr=False)
class Segment:
    """A stretch of a critical path: from `start` to `end`, in nanoseconds since the epoch, it lay with `span`.

    `waiting` is set where the span was over already, and what it had set off had not begun: a message in its queue.
    """

    span: Span
    start: int
    end: int
    waiting: bool = False

    @property
    def duration(self) -> int:
        """Nanoseconds from start to end."""
        return self.end - self.start

    def __repr__(self) -> str:
        return f"<segment {self}>"

    def __str__(self) -> str:
        return f"{self.duration / 1e6:.3f} ms {'after ' if self.waiting else ''}{self.span}"


def critical_path(root: Span) -> list[Segment]:
    """Return the critical path through a span and all below it, in the order of time.

    From the end backwards: what ended last was waited for, and before it what had ended last when it began. Where
    children ran side by side the longest of them is on the path. A child may outlive its parent, as the consumer of
    a message does.
    """
    ends = _ends(root)
    path: list[Segment] = []
    open_spans = [_Open(root, root.start, ends[root.span_id], ends)]
    while open_spans:
        current = open_spans[-1]
        child = next(current.children, None)
        if child is None:
            path += _segments(current.span, current.since, current.until)
            open_spans.pop()
        elif (since := max(child.start, current.since)) < current.until:
            end = max(since, min(ends[child.span_id], current.until))
            path += _segments(current.span, end, current.until)
            current.until = since
            open_spans.append(_Open(child, since, end, ends))
    return path[::-1]


class _Open:
    """A span whose time, from `since` to `until`, is being given out; its children from the one that ended last.

    Where clocks differ a child may start before its parent: it has no more time than its parent.
    """

    def __init__(self, span: Span, since: int, until: int, ends: dict[str, int]) -> None:
        self.span = span
        self.since = since
        self.until = until
        self.children: Iterator[Span] = iter(
            sorted(span.children, key=lambda child: (ends[child.span_id], child.start), reverse=True)
        )


def _segments(span: Span, start: int, end: int) -> list[Segment]:
    """Cut a stretch where the span ended, the later part first."""
    parts = [Segment(span, max(start, span.end), end, waiting=True), Segment(span, start, min(end, span.end))]
    return [part for part in parts if part.end > part.start]


def _ends(root: Span) -> dict[str, int]:
    """Return for each span when the last of all that it caused was over."""
    ends: dict[str, int] = {}
    for span in reversed([root, *root.descendants]):
        ends[span.span_id] = max([span.end, *(ends[child.span_id] for child in span.children)])
    return ends

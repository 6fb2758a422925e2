"""The critical path of a trace: the chain of work in which any delay would have delayed the end."""

from collections.abc import Iterator
from dataclasses import dataclass

from spantree.span import Span

__all__ = ["Segment", "critical_path"]


@dataclass(frozen=True, slots=True, repr=False)
class Segment:
    """A stretch of a critical path, spent in `span` from `start` to `end` (nanoseconds since the epoch).

    `waiting` is set for the time between the end of the span and the start of what it caused: a message in its queue.
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
    """Return the critical path through a span and everything below it, in order of time.

    The search goes backwards from the end. The parent waited for the child that ended last; before that child started,
    it waited for the child that had ended last by then. So of children that ran in parallel, the one that ended last is
    on the path. A child may outlive its parent, as the consumer of a message does.
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
    """A span whose time from `since` to `until` is still to be divided. `children` yields the last to end first.

    If clocks differ, a child may start before its parent; only the time within its parent counts.
    """

    def __init__(self, span: Span, since: int, until: int, ends: dict[str, int]) -> None:
        self.span = span
        self.since = since
        self.until = until
        self.children: Iterator[Span] = iter(
            sorted(span.children, key=lambda child: (ends[child.span_id], child.start), reverse=True)
        )


def _segments(span: Span, start: int, end: int) -> list[Segment]:
    """Split a stretch at the end of the span; return the later part first."""
    parts = [Segment(span, max(start, span.end), end, waiting=True), Segment(span, start, min(end, span.end))]
    return [part for part in parts if part.end > part.start]


def _ends(root: Span) -> dict[str, int]:
    """Return for each span, by id, the latest end of itself and everything below."""
    ends: dict[str, int] = {}
    for span in reversed([root, *root.descendants]):
        ends[span.span_id] = max([span.end, *(ends[child.span_id] for child in span.children)])
    return ends

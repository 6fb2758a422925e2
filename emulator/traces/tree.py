"""A trace as a tree of spans."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from emulator.traces.span import Span

__all__ = ["SpanTree", "trees"]


class SpanTree:
    """The spans of one trace. They may come in any order; one that comes twice counts once.

    A span whose parent is not there is an orphan and is shown beside the roots, never dropped; so is the first of
    several that are parents of one another.
    """

    def __init__(self, spans: Iterable[Span]) -> None:
        by_id = {span.span_id: span for span in sorted(spans, key=lambda span: (span.start, span.end, span.span_id))}
        self._by_id = by_id
        self._children: defaultdict[str, list[Span]] = defaultdict(list)
        for span in by_id.values():
            self._children[span.parent_id if span.parent_id in by_id else ""].append(span)
        self._cut_circles()

    @property
    def trace_id(self) -> str:
        """The trace that the spans belong to."""
        return next(iter(self._by_id.values())).trace_id

    @property
    def spans(self) -> list[Span]:
        """All spans, the earliest first."""
        return list(self._by_id.values())

    @property
    def roots(self) -> list[Span]:
        """The spans at the top: those without a parent, and the orphans."""
        return self._children[""]

    @property
    def orphans(self) -> list[Span]:
        """The spans that name a parent which is not there."""
        return [span for span in self.roots if span.parent_id]

    @property
    def services(self) -> list[str]:
        """The services that took part, in the order in which they came in."""
        return list(dict.fromkeys(span.service for span in self._by_id.values()))

    def children(self, span: Span) -> list[Span]:
        """Return the spans right below `span`, the earliest first."""
        return self._children.get(span.span_id, [])

    def parent(self, span: Span) -> Span | None:
        """Return the span right above, None for a root and an orphan."""
        return self._by_id.get(span.parent_id)

    def walk(self) -> Iterator[tuple[int, Span]]:
        """Yield every span with its depth, from the top down and the earliest first."""
        return self._walk(self.roots)

    def _cut_circles(self) -> None:
        """Spans that are parents of one another hang below no root: put the earliest of each such circle at the top."""
        reached = {span.span_id for _, span in self.walk()}
        for span in self._by_id.values():
            if span.span_id not in reached:
                self._children[span.parent_id].remove(span)
                self._children[""].append(span)
                reached |= {below.span_id for _, below in self._walk([span])}

    def _walk(self, spans: list[Span]) -> Iterator[tuple[int, Span]]:
        waiting = [(0, span) for span in reversed(spans)]
        while waiting:
            depth, span = waiting.pop()
            yield depth, span
            waiting += [(depth + 1, child) for child in reversed(self.children(span))]

    def __str__(self) -> str:
        lines = []
        for depth, span in self.walk():
            error = f" !{span.error_type}" if span.failed else ""
            kind = "" if span.kind == "internal" else f" ({span.kind})"
            lines.append(f"{'  ' * depth}{span.service}: {span.name}{kind}{error}")
        return "\n".join(lines)


def trees(spans: Iterable[Span]) -> list[SpanTree]:
    """Return a tree for every trace that has spans here, in the order of their starts."""
    by_trace: defaultdict[str, list[Span]] = defaultdict(list)
    for span in spans:
        by_trace[span.trace_id].append(span)
    return sorted((SpanTree(found) for found in by_trace.values()), key=lambda tree: tree.spans[0].start)

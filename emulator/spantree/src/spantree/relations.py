"""How the spans of traces are related: parents and children within a trace, links within and between traces.

Relations are computed when they are first needed, so that the tree of one trace among thousands costs only that trace.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any

from spantree.span import Span

__all__ = ["TraceRelations", "Traces"]


OTHER_TRACES = 1_000
"""The most traces in which the spans that are missing from another are looked for."""


class Traces(dict[str, Sequence[Span]]):
    """The spans of several traces, by trace id, with the relations of each trace once they have been built.

    `callers` has, by trace id, the ids of spans that will never be there: those of a test that calls what it tests.
    `on_fit` is told of each comparison of a trace with an expected tree that it fits. `ambiguous` says, by trace id,
    why no new tree may be written from a trace.
    """

    def __init__(
        self,
        spans: Mapping[str, Sequence[Span]],
        callers: Mapping[str, Collection[str]] = MappingProxyType({}),
        on_fit: Callable[[Any, Any], None] | None = None,
        ambiguous: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(spans)
        self.ambiguous = ambiguous
        self.callers = callers
        self.on_fit = on_fit
        self.relations: dict[str, TraceRelations] = {}
        self.trees: dict[str, Any] = {}
        """The trees that were built of these traces, for callers that ask for the same one."""

    @cached_property
    def linking_to(self) -> Mapping[str, Sequence[str]]:
        """For each trace id, the ids of the traces that have links to it, without duplicates."""
        linking: defaultdict[str, dict[str, None]] = defaultdict(dict)
        for trace_id, spans in self.items():
            for span in spans:
                for link in span.links:
                    linking[link.trace_id][trace_id] = None
        return {trace_id: list(linking_ids) for trace_id, linking_ids in linking.items()}


class TraceRelations:
    """The relations between the spans of one trace. Implements the protocol `spantree.span.Relations`.

    `by_id` holds the spans in order of their starts, and `top` those without a parent in the trace. Raises ValueError
    if the spans are not all of one trace.
    """

    def __init__(self, spans: Iterable[Span], traces: Traces) -> None:
        ordered = sorted(spans, key=lambda span: span.start)  # the sort is stable: ties keep the order of arrival
        self.by_id = {span.span_id: span.with_relations(self) for span in ordered}
        trace_ids = {span.trace_id for span in ordered}
        if len(trace_ids) != 1:
            raise ValueError(
                f"SpanTree needs the spans of one trace, not of {len(trace_ids)}; for several traces use trees()"
            )
        [self.trace_id] = trace_ids
        self.traces = traces
        traces.relations[self.trace_id] = self
        self._followers: dict[tuple[str, str], list[Span]] | None = None
        self._children: defaultdict[str, list[Span]] = defaultdict(list)
        for span in self.by_id.values():
            self._children[span.parent_id if span.parent_id in self.by_id else ""].append(span)
        self.top: Sequence[Span] = self._children[""]
        self._cut_cycles()
        self.top = tuple(self.top)

    def parent(self, span: Span) -> Span | None:
        """Return the parent. None for a root, an orphan, and the span at which a cycle was cut."""
        parent = self.by_id.get(span.parent_id)
        return None if parent is None or span.span_id in self._cut else parent

    def children(self, span: Span) -> Sequence[Span]:
        """Return the direct children, in order of their starts."""
        return tuple(self._children.get(span.span_id, ()))

    def linked(self, span: Span) -> Sequence[Span]:
        """Return the known spans that the links of a span point to, without duplicates."""
        linked = {
            (link.trace_id, link.span_id): target
            for link in span.links
            if (relations := self._of(link.trace_id)) is not None
            and (target := relations.by_id.get(link.span_id)) is not None
        }
        return list(linked.values())

    def followers(self, span: Span) -> Sequence[Span]:
        """Return the spans, of this trace or another, that link to a span."""
        if self._followers is None:
            self._followers = self._find_followers()
        return self._followers.get((span.trace_id, span.span_id), ())

    def following_traces(self) -> "list[TraceRelations]":
        """Return the relations of the traces that follow from this one by links, directly or through one another."""
        known, waiting = {self.trace_id: self}, [self]
        while waiting:
            current = waiting.pop()
            for span in current.by_id.values():
                for follower in current.followers(span):
                    following = self._of(follower.trace_id)
                    if following is not None and follower.trace_id not in known:
                        known[follower.trace_id] = following
                        waiting.append(following)
        return [relations for relations in known.values() if relations is not self]

    def tops_elsewhere(self, wanted: Callable[[Span], bool]) -> Iterator[Span]:
        """Yield the spans without a parent, of the latest OTHER_TRACES other traces, for which a function is true."""
        for trace_id in [trace_id for trace_id in self.traces if trace_id != self.trace_id][-OTHER_TRACES:]:
            spans = self.traces[trace_id]
            ids = {span.span_id for span in spans}
            tops = [span.span_id for span in spans if span.parent_id not in ids and wanted(span)]
            relations = self._of(trace_id) if tops else None
            yield from () if relations is None else (relations.by_id[span_id] for span_id in tops)

    def _cut_cycles(self) -> None:
        """Move the earliest span of every cycle of parents to the top. Otherwise no root would lead to the cycle."""
        self._cut: set[str] = set()
        reached = {span.span_id for top in self.top for span in (top, *top.descendants)}
        if len(reached) == len(self.by_id):
            return
        for span in self.by_id.values():
            if span.span_id not in reached:
                self._children[span.parent_id].remove(span)
                self._cut.add(span.span_id)
                self._children[""].append(span)
                reached |= {span.span_id, *(below.span_id for below in span.descendants)}

    def _of(self, trace_id: str) -> "TraceRelations | None":
        """Return the relations of a trace, building them if needed; None if it is not known."""
        if trace_id == self.trace_id:
            return self
        known = self.traces.relations.get(trace_id)
        if known is None and trace_id in self.traces:
            return TraceRelations(self.traces[trace_id], self.traces)
        return known

    def _find_followers(self) -> dict[tuple[str, str], list[Span]]:
        followers: defaultdict[tuple[str, str], list[Span]] = defaultdict(list)
        for trace_id in dict.fromkeys([*self.traces.linking_to.get(self.trace_id, ()), self.trace_id]):
            relations = self._of(trace_id)
            assert relations is not None
            for span in relations.by_id.values():
                for link in span.links:
                    followers[link.trace_id, link.span_id].append(span)
        return followers

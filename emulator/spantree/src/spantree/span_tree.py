"""A trace as a tree of spans, and what can be asked of it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Unpack

from spantree.critical_path import Segment, critical_path
from spantree.expectation import NORMALISED, Difference, Expectation, written
from spantree.hops import Hop, edges, hops, one_hop
from spantree.lint import Finding, check
from spantree.queries import Criteria, one, select
from spantree.span import Span

__all__ = ["SpanTree", "trees"]


class SpanTree:
    """The spans of one trace. They may come in any order; one that comes twice counts once.

    A span whose parent is not there is an orphan and stands beside the roots, never dropped; so does the first of
    several that are parents of one another. `others` are the spans of other traces, by trace id, for links that
    lead there or come from there. A tree is a value: what comes later makes another tree. Raises ValueError for no
    spans at all, and for spans of several traces.

    Siblings stand in the order of their starts. Those that began at once, by clocks that are too coarse to tell, stand
    in the order in which they came; an expected tree may have them in any.
    """

    def __init__(self, spans: Iterable[Span], others: Mapping[str, Sequence[Span]] | None = None) -> None:
        family = _Family(spans, others if isinstance(others, _Others) else _Others(others or {}))
        self._family = family
        self._spans = tuple(family.by_id.values())

    @property
    def trace_id(self) -> str:
        """The trace that the spans belong to."""
        return self._spans[0].trace_id

    @property
    def spans(self) -> Sequence[Span]:
        """All spans, the earliest first."""
        return self._spans

    @property
    def roots(self) -> Sequence[Span]:
        """The spans at the top: those without a parent, and the orphans."""
        return self._family.top

    @property
    def all_roots(self) -> Sequence[Span]:
        """The spans at the top of this trace, and of the traces that follow from it by links, the earliest first.

        An expected tree that has several roots may tell of these.
        """
        tops = [self.roots, *(family.top for family in self._family.following())]
        return sorted((span for top in tops for span in top), key=lambda span: span.start)

    def joined(self) -> "SpanTree":
        """Return this trace and those that follow from it by links as one: each below the span that it links to.

        Where consumers begin traces of their own, this is the trace that there would be if they were children.
        """
        spans = list(self._spans)
        for family in self._family.following():
            for span in family.by_id.values():
                above = next((linked.span_id for linked in span.linked), "") if not span.parent_id else span.parent_id
                spans.append(replace(span, trace_id=self.trace_id, parent_id=above))
        return SpanTree(spans)

    @property
    def orphans(self) -> Sequence[Span]:
        """The spans that name a parent which is not there."""
        return [span for span in self.roots if span.parent_id]

    @property
    def services(self) -> Sequence[str]:
        """The services that took part, in the order in which they came in."""
        return list(dict.fromkeys(span.service for span in self._spans))

    @property
    def duration(self) -> int:
        """Nanoseconds from the first start to the last end."""
        return max(span.end for span in self._spans) - self._spans[0].start

    def walk(self) -> Iterator[tuple[int, Span]]:
        """Yield every span with its depth, from the top down and the earliest first."""
        waiting = [(0, span) for span in reversed(self.roots)]
        while waiting:
            depth, span = waiting.pop()
            yield depth, span
            waiting += [(depth + 1, child) for child in reversed(span.children)]

    def all(self, service: str | None = None, **criteria: Unpack[Criteria]) -> list[Span]:
        """Return the spans that fit all criteria, the earliest first."""
        return select(self._spans, service, **criteria)

    def one(self, service: str | None = None, **criteria: Unpack[Criteria]) -> Span:
        """Return the only span that fits all criteria. Raises NotOne, with the candidates, if there is not just one."""
        __tracebackhide__ = True
        return one(self._spans, service, **criteria)

    def critical_path(self) -> list[Segment]:
        """Return the stretches of time that the trace took as long as it did for, in the order of time.

        They lie end to end, from the start of the first root to the end of all that is below it, also where a message
        is on its way in between. (What is related by a link alone is not below it.)
        """
        return critical_path(next((span for span in self.roots if not span.parent_id), self.roots[0]))

    def edges(self) -> dict[tuple[str, str], list[Hop]]:
        """Return who called whom, as `(caller, called)` services with their hops, by parent or by link."""
        return edges(self._spans)

    def hop(self, sender: str, receiver: str) -> Hop:
        """Return the first message that service `sender` published and service `receiver` processed.

        By parent or by link, in this trace or from here to another. Raises NoHop, with what was seen of both.
        """
        __tracebackhide__ = True
        return one_hop(self._spans, sender, receiver)

    def hops(self, sender: str, receiver: str) -> list[Hop]:
        """Return every message that service `sender` published and service `receiver` processed, the earliest first."""
        return hops(self._spans, sender, receiver)

    def check(self, ignore: Iterable[str] = ()) -> list[Finding]:
        """Return what makes this trace unsound, each with its remedy; `ignore` names rules that do not matter."""
        return check(self._spans, ignore)

    def matches(self, expected: Expectation) -> bool:
        """Return True if the trace is as expected. Raises Mismatch, with the difference, if it is not."""
        __tracebackhide__ = True
        return expected.must_match(self._top_for(expected))

    def difference(self, expected: Expectation) -> Difference | None:
        """Return in what the trace is not as expected, None if it is."""
        return expected.difference(self._top_for(expected))

    def _top_for(self, expected: Expectation) -> Sequence[Span]:
        """Return what an expected tree is compared with: where it has several roots, whichever it is more like."""
        story = self.all_roots if len(expected.roots) > 1 else self.roots
        return self.roots if len(story) == len(self.roots) else min((self.roots, story), key=expected.cost)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Expectation):
            return self.difference(other) is None
        return isinstance(other, SpanTree) and self._family.by_id == other._family.by_id

    def __ne__(self, other: object) -> bool:
        if isinstance(other, Expectation):
            return other.cost(self._top_for(other)) > 0  # and brings nothing up to date
        return not self == other

    def __hash__(self) -> int:
        return hash(self.trace_id)

    def as_tree_text(self) -> str:
        """Return the trace as the text of an expected tree, with placeholders for ids, times, ports and hosts."""
        return "\n".join(written(self._family.top, NORMALISED)) + "\n"

    def __len__(self) -> int:
        return len(self._spans)

    def __str__(self) -> str:
        return "\n".join(f"{'  ' * depth}{span}" for depth, span in self.walk())

    def __repr__(self) -> str:
        return f"<trace {self.trace_id}, {len(self)} spans of {', '.join(self.services)}>"


def trees(spans: Iterable[Span]) -> list[SpanTree]:
    """Return a tree for every trace that has spans here, in the order of their starts. Each knows the others."""
    by_trace: defaultdict[str, list[Span]] = defaultdict(list)
    for span in spans:
        by_trace[span.trace_id].append(span)
    others = _Others(by_trace)
    return sorted((SpanTree(found, others) for found in by_trace.values()), key=lambda tree: tree.spans[0].start)


class _Others(dict[str, Sequence[Span]]):
    """The spans of traces, by trace id; and the families that were made of them, each once for all that ask."""

    def __init__(self, spans: Mapping[str, Sequence[Span]]) -> None:
        super().__init__(spans)
        self.families: dict[str, _Family] = {}

    @cached_property
    def linking(self) -> Mapping[str, Sequence[str]]:
        """The traces that have links to a trace, each once."""
        linking: defaultdict[str, dict[str, None]] = defaultdict(dict)
        for trace_id, spans in self.items():
            for span in spans:
                for link in span.links:
                    linking[link.trace_id][trace_id] = None
        return {trace_id: list(traces) for trace_id, traces in linking.items()}


class _Family:
    """Who is whose parent and child within a trace, and who is linked to whom within and beyond it."""

    def __init__(self, spans: Iterable[Span], others: _Others) -> None:
        ordered = sorted(spans, key=lambda span: span.start)  # of those that began at once, the first to come
        self.by_id = {span.span_id: span.among(self) for span in ordered}
        traces = {span.trace_id for span in ordered}
        if len(traces) != 1:
            raise ValueError(f"a tree holds the spans of one trace, not of {len(traces)}: see trees()")
        [self._trace_id] = traces
        self._others = others
        others.families[self._trace_id] = self
        self._followers: dict[tuple[str, str], list[Span]] | None = None
        self._children: defaultdict[str, list[Span]] = defaultdict(list)
        for span in self.by_id.values():
            self._children[span.parent_id if span.parent_id in self.by_id else ""].append(span)
        self.top: Sequence[Span] = self._children[""]
        self._cut_circles()
        self.top = tuple(self.top)

    def parent(self, span: Span) -> Span | None:
        above = self.by_id.get(span.parent_id)
        return None if above is None or span.span_id in self._cut else above

    def children(self, span: Span) -> Sequence[Span]:
        return tuple(self._children.get(span.span_id, ()))

    def linked(self, span: Span) -> Sequence[Span]:
        linked = {
            (link.trace_id, link.span_id): target
            for link in span.links
            if (family := self._of(link.trace_id)) is not None
            and (target := family.by_id.get(link.span_id)) is not None
        }
        return list(linked.values())

    def following(self) -> "list[_Family]":
        """Return the families of the traces that follow from this one by links, and from these in turn."""
        known, waiting = {self._trace_id: self}, [self]
        while waiting:
            family = waiting.pop()
            for span in family.by_id.values():
                for follower in family.followers(span):
                    beyond = self._of(follower.trace_id)
                    if beyond is not None and follower.trace_id not in known:
                        known[follower.trace_id] = beyond
                        waiting.append(beyond)
        return [family for family in known.values() if family is not self]

    def followers(self, span: Span) -> Sequence[Span]:
        if self._followers is None:
            self._followers = self._find_followers()
        return self._followers.get((span.trace_id, span.span_id), ())

    def _cut_circles(self) -> None:
        """Spans that are parents of one another hang below no root: put the earliest of each such circle at the top."""
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

    def _of(self, trace_id: str) -> "_Family | None":
        """Return the family of a trace, made when it is first asked for."""
        if trace_id == self._trace_id:
            return self
        known = self._others.families.get(trace_id)
        if known is None and trace_id in self._others:
            return _Family(self._others[trace_id], self._others)
        return known

    def _find_followers(self) -> dict[tuple[str, str], list[Span]]:
        followers: defaultdict[tuple[str, str], list[Span]] = defaultdict(list)
        for trace_id in dict.fromkeys([*self._others.linking.get(self._trace_id, ()), self._trace_id]):
            family = self._of(trace_id)
            assert family is not None
            for span in family.by_id.values():
                for link in span.links:
                    followers[link.trace_id, link.span_id].append(span)
        return followers

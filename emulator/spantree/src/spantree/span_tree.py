"""A trace as a tree of spans, whatever the source of the spans: the class that users of the library work with."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Unpack

from spantree.critical_path import Segment, critical_path
from spantree.expectation import NORMALISED, Difference, Expectation, Mismatch, write_tree
from spantree.hops import Hop, edges, hops, one_hop
from spantree.lint import Finding, Severity, check
from spantree.log_record import LogRecord
from spantree.queries import Criteria, one, search, select
from spantree.relations import TraceRelations, Traces
from spantree.span import Span
from spantree.spans import Spans

__all__ = ["SpanTree", "join_linked", "trees"]


class SpanTree:
    """The spans of one trace, given in any order. Duplicates are dropped by span id.

    A span whose parent is missing is an orphan and stands beside the roots, as does the earliest span of a cycle of
    parents. `others` are the spans of other traces, by trace id, so that links to and from them can be followed. A tree
    is immutable; when more spans arrive, build another one. Raises ValueError for no spans, and for spans of several
    traces.

    Siblings are ordered by their starts. Siblings with equal starts keep the order in which they were given, and an
    expected tree accepts them in any order.
    """

    def __init__(self, spans: Iterable[Span], others: Mapping[str, Sequence[Span]] | None = None) -> None:
        traces = others if isinstance(others, Traces) else Traces(others or {})
        self._relations = TraceRelations(spans, traces)
        self._spans = tuple(self._relations.by_id.values())

    @property
    def trace_id(self) -> str:
        """The trace id of the spans."""
        return self._spans[0].trace_id

    @property
    def spans(self) -> Sequence[Span]:
        """All spans, in order of their starts."""
        return self._spans

    def find(self, span_id: str) -> Span | None:
        """Return the span with this id, such as that of a log record or an exemplar; None if there is none."""
        return self._relations.by_id.get(span_id)

    @property
    def roots(self) -> Sequence[Span]:
        """The spans at the top: those without a parent, and the orphans."""
        return self._relations.top

    @property
    def all_roots(self) -> Sequence[Span]:
        """The roots of this trace and of all traces that follow from it by links, in order of their starts.

        An expected tree with several roots may describe these.
        """
        tops = [self.roots, *(relations.top for relations in self._relations.following_traces())]
        return sorted((span for top in tops for span in top), key=lambda span: span.start)

    @property
    def all_trace_ids(self) -> Sequence[str]:
        """The ids of this trace and of all traces that follow from it by links."""
        return [self.trace_id, *(relations.trace_id for relations in self._relations.following_traces())]

    def joined(self) -> "SpanTree":
        """Return this trace and those that follow from it by links as one trace, each below the span that it links to.

        If consumers start traces of their own, this is the trace that they would make by continuing the producer's.
        """
        spans = list(self._spans)
        for relations in self._relations.following_traces():
            for span in relations.by_id.values():
                parent_id = span.parent_id or next((linked.span_id for linked in span.linked), "")
                spans.append(replace(span, trace_id=self.trace_id, parent_id=parent_id))
        return SpanTree(spans)

    @property
    def orphans(self) -> Sequence[Span]:
        """The spans whose parent is not in the trace."""
        callers = self._callers
        return [span for span in self.roots if span.parent_id and span.parent_id not in callers]

    @property
    def _callers(self) -> Collection[str]:
        """The ids of parents that are the test's own, and not missing."""
        return self._relations.traces.callers.get(self.trace_id, ())

    @property
    def services(self) -> Sequence[str]:
        """The services in the trace, in order of their first spans."""
        return list(dict.fromkeys(span.service for span in self._spans))

    @property
    def duration(self) -> int:
        """Nanoseconds from the first start to the last end."""
        return max(span.end for span in self._spans) - self._spans[0].start

    def walk(self) -> Iterator[tuple[int, Span]]:
        """Yield every span with its depth: parents before children, siblings in order of their starts."""
        waiting = [(0, span) for span in reversed(self.roots)]
        while waiting:
            depth, span = waiting.pop()
            yield depth, span
            waiting += [(depth + 1, child) for child in reversed(span.children)]

    def all(self, service: str | None = None, **criteria: Unpack[Criteria]) -> Spans:
        """Return the spans that meet all criteria, in order of their starts: a list, with `durations()` and more."""
        __tracebackhide__ = True
        return select(self._spans, service, **criteria)

    def search(self, text: str) -> Spans:
        """Return the spans that have a text, in upper or lower case, in what they say.

        That is their service, name, message, attributes as `key=value`, and their events with attributes.
        """
        return search(self._spans, text)

    def one(self, service: str | None = None, **criteria: Unpack[Criteria]) -> Span:
        """Return the only span that meets all criteria. Raises NotOne, with the candidates, for none or several."""
        __tracebackhide__ = True
        return one(self._spans, service, **criteria)

    def critical_path(self) -> list[Segment]:
        """Return the segments of time that determined how long the trace took, in order of time.

        There are no gaps between them, from the start of the first root to the end of everything below it: the time
        that a message is in transit is a segment, too. Spans that are related by a link alone are not below the root.
        """
        return critical_path(next((span for span in self.roots if not span.parent_id), self.roots[0]))

    def edges(self) -> dict[tuple[str, str], list[Hop]]:
        """Return the hops between services, by parent or by link, keyed by `(caller, called)`."""
        return edges(self._spans)

    def hop(self, sender: str, receiver: str, name: str | re.Pattern[str] | None = None) -> Hop:
        """Return the only message that service `sender` published and service `receiver` processed.

        They may be related by parent or by link, in this trace or across traces. `name` is the name of the span of
        either service, whole or as a compiled pattern. Raises NoHop if there is no such message, and NotOne if there
        are several; the message lists them.
        """
        __tracebackhide__ = True
        return one_hop(self._spans, sender, receiver, name)

    def hops(self, sender: str, receiver: str) -> list[Hop]:
        """Return every message that service `sender` published and service `receiver` processed, in order of time."""
        return hops(self._spans, sender, receiver)

    def check(
        self,
        ignore: Iterable[str] | None = None,
        continues_by: Collection[str] = (),
        *,
        at_least: Severity | None = None,
        registry: str | Path | Iterable[str | Path] | None = None,
        n_plus_one: int | None = None,
    ) -> list[Finding]:
        """Return what is wrong with the instrumentation that made this trace, each finding with its remedy.

        By default these are the findings that prove a broken trace: `at_least="warning"` adds likely mistakes, and
        `at_least="advice"` what could be better. `ignore` leaves out rules, for all spans (`clock-skew`), for those of
        a service (`clock-skew:bank`) or for those with a name as well (`client-without-server:shop:GET *`).

        `continues_by` names attributes by which an uninstrumented client joins its requests into one trace: several
        root server spans with the same value are then not reported as lost context. `registry` are files or folders
        that define a team's attributes, in the YAML of OpenTelemetry's Weaver. `n_plus_one` is how often the same call
        may not be repeated one after another.

        In tests, what is not given is as `[tool.spantree]` in the `pyproject.toml` of pytest's root folder has it:
        `ignore`, `fail-on` for `at_least`, `registry` and `n-plus-one`. What is given takes the place of that.
        """
        __tracebackhide__ = True
        return check(self._spans, ignore, continues_by, at_least, registry, n_plus_one, self._callers)

    def matches(self, expected: Expectation) -> bool:
        """Return True if the trace is as expected. Raises Mismatch, with the difference, if it is not."""
        __tracebackhide__ = True
        try:
            expected.must_match(self.roots_for(expected), self._relations.tops_elsewhere)
        except Mismatch as error:
            error.add_note(f"in {self!r}")
            raise
        self._note_fit(expected)
        return True

    def difference(self, expected: Expectation) -> Difference | None:
        """Return how the trace differs from an expected tree; None if it does not.

        What is missing is looked for in the other traces that came with this one. Raises AssertionError if a new tree
        would be written from this trace, although nothing says that it is the one that is meant.
        """
        __tracebackhide__ = True
        if expected.is_new and (reason := self._relations.traces.ambiguous.get(self.trace_id)):
            raise AssertionError(reason)
        return expected.difference(self.roots_for(expected), self._relations.tops_elsewhere)

    def roots_for(self, expected: Expectation) -> Sequence[Span]:
        """Return the roots to compare with an expected tree.

        If it has several roots, these may be the roots of this trace alone or `all_roots`, whichever fits better.
        """
        roots = self.all_roots if len(expected.roots) > 1 else self.roots
        return self.roots if len(roots) == len(self.roots) else min((self.roots, roots), key=expected.cost)

    def _note_fit(self, expected: Expectation) -> None:
        if self._relations.traces.on_fit is not None:
            self._relations.traces.on_fit(self, expected)

    def __eq__(self, other: object) -> bool:
        __tracebackhide__ = True
        if isinstance(other, Expectation):
            fits = self.difference(other) is None
            if fits:
                self._note_fit(other)
            return fits
        return isinstance(other, SpanTree) and self._relations.by_id == other._relations.by_id

    def __ne__(self, other: object) -> bool:
        if isinstance(other, Expectation):
            return other.cost(self.roots_for(other)) > 0  # unlike `==` this never rewrites the tree's file
        return not self == other

    def __hash__(self) -> int:
        return hash(self.trace_id)

    def as_tree_text(self) -> str:
        """Return the trace as the text of an expected tree.

        Ids, times, ports and hosts in names become placeholders; equal siblings in a row become one line with `+`.
        """
        return "\n".join(write_tree(self.roots, NORMALISED)) + "\n"

    def as_text(self, logs: Iterable[LogRecord] = ()) -> str:
        """Return the spans line by line, as `str()` does, each with its own log records below it."""
        of_span: defaultdict[str, list[LogRecord]] = defaultdict(list)
        for record in sorted(logs, key=lambda record: record.time or record.observed):
            if record.trace_id == self.trace_id:
                of_span[record.span_id].append(record)
        lines = []
        for depth, span in self.walk():
            lines.append(f"{'  ' * depth}{span}")
            lines += [f"{'  ' * depth}  | {record}" for record in of_span[span.span_id]]
        return "\n".join(lines)

    def __len__(self) -> int:
        return len(self._spans)

    def __str__(self) -> str:
        return self.as_text()

    def __repr__(self) -> str:
        return f"<trace {self.trace_id}, {len(self)} spans of {', '.join(self.services)}>"


def trees(spans: Iterable[Span]) -> list[SpanTree]:
    """Return a tree for every trace among these spans, in order of their starts. Links between them are followed."""
    by_trace: defaultdict[str, list[Span]] = defaultdict(list)
    for span in spans:
        by_trace[span.trace_id].append(span)
    traces = Traces(by_trace)
    return sorted((SpanTree(members, traces) for members in by_trace.values()), key=lambda tree: tree.spans[0].start)


def join_linked(first: SpanTree, found: Iterable[SpanTree]) -> list[SpanTree]:
    """Return `first.joined()`, followed by those of `found` that are not part of it."""
    joined = first.joined()
    span_ids = {span.span_id for span in joined.spans}
    return [joined, *(trace for trace in found if trace.spans[0].span_id not in span_ids)]

"""A trace while its spans still arrive: the spans so far, and what a list of traces says about them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from spantree import Span, SpanTree

__all__ = ["MOST_SPANS", "ReceivedTrace", "extended"]

MOST_SPANS = 10_000
"""Spans that are kept of a trace. With more, drawing it would take longer than a user waits for a key to act."""


@dataclass(frozen=True, slots=True, eq=False)
class ReceivedTrace:
    """A trace so far. When more spans arrive, `extended` makes another one: two are equal only if they are the same."""

    spans: Mapping[str, Span]
    """The spans by their ids, in order of arrival. There is at least one."""
    root: Span
    """The earliest span without a parent, or the earliest of all as long as no root has arrived."""
    services: tuple[str, ...]
    errors: int
    start: int
    end: int
    missing: frozenset[str]
    """The ids of parents that have not arrived."""
    updated: float
    """The time of the last arrival, in seconds of the monotonic clock."""
    refused: int = 0
    """How many spans arrived that are not kept, as there were `MOST_SPANS` already."""

    @property
    def trace_id(self) -> str:
        """The trace id of the spans."""
        return self.root.trace_id

    @property
    def duration(self) -> int:
        """Nanoseconds from the first start to the last end."""
        return self.end - self.start

    @property
    def complete(self) -> bool:
        """Whether a root and every parent have arrived: no span is known to be missing."""
        return not self.root.parent_id and not self.missing

    @property
    def culprit(self) -> Span | None:
        """The earliest span that failed while none below it did: where the trouble began. None without errors.

        Between two of them there may be spans that did not fail: a caller often learns of an error by other ways.
        """
        failed = [span for span in self.spans.values() if span.failed]
        above: set[str] = set()
        for span in failed:
            parent = self.spans.get(span.parent_id)
            while parent is not None and parent.span_id not in above:
                above.add(parent.span_id)
                parent = self.spans.get(parent.parent_id)
        lowest = [span for span in failed if span.span_id not in above]
        return min(lowest or failed, key=lambda span: span.start, default=None)  # in a circle, all are above another

    def tree(self) -> SpanTree:
        """Return the spans as a tree."""
        return SpanTree(self.spans.values())


def extended(trace: ReceivedTrace | None, arrived: Iterable[Span], now: float) -> ReceivedTrace:
    """Return a trace with the spans that have arrived now; exporters retry, so some may be known already."""
    known: Mapping[str, Span] = {} if trace is None else trace.spans
    new = {span.span_id: span for span in arrived if span.span_id not in known}
    if trace is not None and not new:
        return trace
    kept = dict(islice(new.items(), MOST_SPANS - len(known)))
    if trace is not None and not kept:
        return replace(trace, refused=trace.refused + len(new), updated=now)
    spans = {**known, **kept}
    root = min(kept.values() if trace is None else (trace.root, *kept.values()), key=_likeness_to_root)
    parents = {span.parent_id for span in kept.values() if span.parent_id}
    return ReceivedTrace(
        spans,
        root,
        tuple(dict.fromkeys([*(trace.services if trace else ()), *(span.service for span in kept.values())])),
        (trace.errors if trace else 0) + sum(span.failed for span in kept.values()),
        min([*([trace.start] if trace else []), *(span.start for span in kept.values())]),
        max([*([trace.end] if trace else []), *(span.end for span in kept.values())]),
        frozenset(parent for parent in {*(trace.missing if trace else ()), *parents} if parent not in spans),
        now,
        (trace.refused if trace else 0) + len(new) - len(kept),
    )


def _likeness_to_root(span: Span) -> tuple[bool, int]:
    return bool(span.parent_id), span.start

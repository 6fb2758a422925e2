"""The traces that are kept: the newest, in bounded memory."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from spantree import Span
from spantree.tail.received_trace import MOST_SPANS, ReceivedTrace, extended

__all__ = ["KeptTraces", "receive"]

SPANS_PER_TRACE = 100
"""For each trace of the limit there is room for so many spans, which traces share: one may have more than another."""


@dataclass(frozen=True, slots=True)
class KeptTraces:
    """At most `limit` traces, by id, in order of arrival; those that arrived together in order of their starts."""

    limit: int
    by_id: dict[str, ReceivedTrace] = field(default_factory=dict)
    dropped: int = 0
    """How many traces had to make room for newer ones."""
    evicted: tuple[ReceivedTrace, ...] = ()
    """The traces that made room for the spans that arrived last."""


def receive(kept: KeptTraces, arrived: Iterable[Span], now: float) -> KeptTraces:
    """Add spans to their traces. The oldest traces are dropped if there are too many, or too many spans in all."""
    batches: defaultdict[str, list[Span]] = defaultdict(list)
    for span in arrived:
        batches[span.trace_id].append(span)
    by_id = dict(kept.by_id)
    for trace_id, batch in sorted(batches.items(), key=lambda batch: min(span.start for span in batch[1])):
        by_id[trace_id] = extended(by_id.get(trace_id), batch, now)
    evicted = _evict(by_id, kept.limit)
    return KeptTraces(kept.limit, by_id, kept.dropped + len(evicted), evicted)


def _evict(by_id: dict[str, ReceivedTrace], limit: int) -> tuple[ReceivedTrace, ...]:
    spans, most = sum(len(trace.spans) for trace in by_id.values()), max(MOST_SPANS, SPANS_PER_TRACE * limit)
    evicted = []
    for trace_id in list(by_id):
        if len(by_id) <= limit and spans <= most:
            break
        trace = by_id.pop(trace_id)
        evicted.append(trace)
        spans -= len(trace.spans)
    return tuple(evicted)

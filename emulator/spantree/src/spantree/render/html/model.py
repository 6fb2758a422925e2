"""The data of the waterfall in the browser. Everything is computed here, so that the script only draws.

Times are nanoseconds since the trace began: since the epoch they would exceed the integers of JavaScript. Values of
attributes are text.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from spantree import Event, Link, Span, SpanTree, delivery, write_value
from spantree.render.captions import fault_name, steps, title, trace_to_show
from spantree.render.colours import service_colours
from spantree.render.vocabulary import PLAIN, Vocabulary

__all__ = ["waterfall_model"]

LATEST_DATE = datetime.max.replace(tzinfo=UTC).timestamp()


def waterfall_model(
    traces: Sequence[SpanTree], open_spans: Collection[str] = (), *, vocabulary: Vocabulary = PLAIN
) -> dict[str, Any]:
    """Return traces as data for JSON: `services` with their colours, `resources` once each, and `traces`.

    `first` is the id of the trace to show first. Spans are in the order of their rows: each is followed by its
    descendants, whose number is `descendants`. `open_spans` are the ids of spans that have not ended.
    """
    resources = _Resources()
    services = dict.fromkeys(service for trace in traces for service in trace.services)
    return {
        "services": service_colours(services, vocabulary),
        "stepSource": vocabulary.step_source,
        "first": trace_to_show(traces)[0].trace_id,
        "traces": [_trace(trace, resources, open_spans, vocabulary) for trace in traces],
        "resources": resources.distinct,
    }


class _Resources:
    """The distinct resources, by number: most spans share theirs, and repeating it would double the file."""

    def __init__(self) -> None:
        self.distinct: list[dict[str, str]] = []
        self._numbers: dict[str, int] = {}

    def number(self, resource: Mapping[str, Any]) -> int:
        attributes = _attributes(resource)
        number = self._numbers.setdefault(repr(attributes), len(self.distinct))
        if number == len(self.distinct):
            self.distinct.append(attributes)
        return number


def _trace(
    trace: SpanTree, resources: _Resources, open_spans: Collection[str], vocabulary: Vocabulary
) -> dict[str, Any]:
    rows = list(trace.walk())
    began = trace.spans[0].start
    critical: dict[str, list[tuple[int, int]]] = {}
    for segment in trace.critical_path():
        critical.setdefault(segment.span.span_id, []).append((segment.start - began, segment.end - began))
    descendants = _descendant_counts([depth for depth, _ in rows])
    return {
        "id": trace.trace_id,
        "name": trace.roots[0].name,
        "service": trace.roots[0].service,
        "startTime": _iso_time(began),
        "duration": max(span.end for _, span in rows) - began,
        "failed": sum(span.failed for _, span in rows),
        "spans": [
            {
                **_span(span, began, vocabulary),
                "depth": depth,
                "descendants": descendants[row],
                "resource": resources.number(span.resource),
                "critical": critical.get(span.span_id, []),
                "open": span.span_id in open_spans,
            }
            for row, (depth, span) in enumerate(rows)
        ],
    }


def _descendant_counts(depths: Sequence[int]) -> list[int]:
    """Return the number of descendants of each span, from the depths of spans in the order of their rows."""
    counts, ends = [0] * len(depths), dict[int, int]()
    for row in reversed(range(len(depths))):
        depth = depths[row]
        counts[row] = ends.pop(depth + 1, row) - row
        ends[depth] = max(ends.get(depth, row), row + counts[row])
    return counts


def _span(span: Span, began: int, vocabulary: Vocabulary) -> dict[str, Any]:
    """Return the data of a span. Empty optional values are left out, which halves the file."""
    hop = delivery(span)
    optional = {
        "parent": span.parent_id,
        "steps": steps(span, vocabulary),
        "fault": fault_name(span, vocabulary),
        "failed": span.failed,
        "error": span.error_type,
        "message": span.message,
        "queuedSince": hop.cause.end - began if hop is not None and hop.dwell else None,
        "attributes": _attributes(span.attributes),
        "events": [_event(event, began) for event in sorted(span.events, key=lambda event: event.time)],
        "links": [_link(link) for link in span.links],
    }
    return {
        "id": span.span_id,
        "service": span.service,
        "title": title(span),
        "name": span.name,
        "kind": span.kind,
        "start": span.start - began,
        "end": span.end - began,
        "self": span.self_time,
        **{key: value for key, value in optional.items() if value not in (None, "", False, [], {})},
    }


def _event(event: Event, began: int) -> dict[str, Any]:
    return {"name": event.name, "time": event.time - began, "attributes": _attributes(event.attributes)}


def _link(link: Link) -> dict[str, Any]:
    return {"trace": link.trace_id, "span": link.span_id, "attributes": _attributes(link.attributes)}


def _attributes(attributes: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): write_value(value) for key, value in attributes.items()}


def _iso_time(nanoseconds: int) -> str:
    """Return a time as ISO 8601 in UTC. Times beyond the year 9999 stay numbers."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    if not 0 <= seconds <= LATEST_DATE:
        return f"{nanoseconds} ns"
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"

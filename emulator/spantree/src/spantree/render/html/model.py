"""What the waterfall in the browser is drawn from: traces as plain data, with all that is computed computed here.

Times are nanoseconds since the trace began, so that they are exact in JavaScript, too; values of attributes are text.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from spantree import Event, Link, Span, SpanTree, delivery, write_value
from spantree.render.captions import fault_name, steps, title, trace_to_show
from spantree.render.colours import service_colours
from spantree.render.vocabulary import PLAIN, Vocabulary

__all__ = ["waterfall_model"]

LATEST = datetime.max.replace(tzinfo=UTC).timestamp()


def waterfall_model(
    traces: Sequence[SpanTree], open_spans: Collection[str] = (), *, vocabulary: Vocabulary = PLAIN
) -> dict[str, Any]:
    """Return traces as data for JSON: `services` with their colours, `resources` once each, `traces`, and which of
    these is `shown` first.

    The spans of a trace stand as they are shown, each before those `below` it, which are that many. `open_spans` are
    the ids of those that have not ended.
    """
    resources = _Resources()
    services = dict.fromkeys(service for trace in traces for service in trace.services)
    return {
        "services": service_colours(services, vocabulary),
        "stepSource": vocabulary.step_source,
        "shown": trace_to_show(traces)[0].trace_id,
        "traces": [_trace(trace, resources, open_spans, vocabulary) for trace in traces],
        "resources": resources.known,
    }


class _Resources:
    """Resources by number: all spans of a service share one."""

    def __init__(self) -> None:
        self.known: list[dict[str, str]] = []
        self._numbers: dict[str, int] = {}

    def number(self, resource: Mapping[str, Any]) -> int:
        written = _attributes(resource)
        number = self._numbers.setdefault(repr(written), len(self.known))
        if number == len(self.known):
            self.known.append(written)
        return number


def _trace(
    trace: SpanTree, resources: _Resources, open_spans: Collection[str], vocabulary: Vocabulary
) -> dict[str, Any]:
    rows = list(trace.walk())
    began = trace.spans[0].start
    critical: dict[str, list[tuple[int, int]]] = {}
    for segment in trace.critical_path():
        critical.setdefault(segment.span.span_id, []).append((segment.start - began, segment.end - began))
    below = _sizes([depth for depth, _ in rows])
    return {
        "id": trace.trace_id,
        "name": trace.roots[0].name,
        "service": trace.roots[0].service,
        "began": _moment(began),
        "duration": max(span.end for _, span in rows) - began,
        "failed": sum(span.failed for _, span in rows),
        "spans": [
            {
                **_span(span, began, vocabulary),
                "depth": depth,
                "below": below[row],
                "resource": resources.number(span.resource),
                "critical": critical.get(span.span_id, []),
                "open": span.span_id in open_spans,
            }
            for row, (depth, span) in enumerate(rows)
        ],
    }


def _sizes(depths: Sequence[int]) -> list[int]:
    """Return how many spans are below each, for spans in the order in which they are shown."""
    sizes, ends = [0] * len(depths), dict[int, int]()
    for row in reversed(range(len(depths))):
        depth = depths[row]
        sizes[row] = ends.pop(depth + 1, row) - row
        ends[depth] = max(ends.get(depth, row), row + sizes[row])
    return sizes


def _span(span: Span, began: int, vocabulary: Vocabulary) -> dict[str, Any]:
    """What is known of a span; what there is nothing of is left out."""
    hop = delivery(span)
    rarely = {
        "parent": span.parent_id,
        "steps": steps(span, vocabulary),
        "fault": fault_name(span, vocabulary),
        "failed": span.failed,
        "error": span.error_type,
        "message": span.message,
        "waitedSince": hop.cause.end - began if hop is not None and hop.dwell else None,
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
        **{key: value for key, value in rarely.items() if value not in (None, "", False, [], {})},
    }


def _event(event: Event, began: int) -> dict[str, Any]:
    return {"name": event.name, "time": event.time - began, "attributes": _attributes(event.attributes)}


def _link(link: Link) -> dict[str, Any]:
    return {"trace": link.trace_id, "span": link.span_id, "attributes": _attributes(link.attributes)}


def _attributes(attributes: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): write_value(value) for key, value in attributes.items()}


def _moment(nanoseconds: int) -> str:
    """Word a time as ISO 8601 does, in UTC; times that no calendar has stay numbers."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    if not 0 <= seconds <= LATEST:
        return f"{nanoseconds} ns"
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"

"""Spans to Jaeger's own JSON, which its UI downloads and opens (in its source, uimodel/model.go)."""

import base64
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from spantree.formats.jaeger_json_reader import EVENT, is_of_the_span_itself
from spantree.span import Event, Span

__all__ = ["jaeger_json"]

JAVASCRIPTS_LARGEST = 2**53 - 1


def jaeger_json(spans: Iterable[Span]) -> dict[str, Any]:
    """Return spans as one document, by traces, each resource of a trace once.

    `spans_from_jaeger_json` reads it again, and what it has no place for is lost: what is below a microsecond, the
    attributes of links, that a value was a list, a map or empty (it is JSON in a text), attributes with names that
    Jaeger has uses for (`span.kind`, `error=true`, `otel.status_code`; `event` on an event), that a resource had no
    `service.name`, and that a span without a parent was linked to one of its own trace: that is its parent now.
    """
    by_trace: dict[str, list[Span]] = {}
    for span in spans:
        by_trace.setdefault(span.trace_id, []).append(span)
    traces = [_trace(trace_id, members) for trace_id, members in by_trace.items()]
    return {"data": traces, "total": len(traces), "limit": 0, "offset": 0, "errors": None}


def _trace(trace_id: str, spans: list[Span]) -> dict[str, Any]:
    resources = {repr(sorted(span.resource.items())): span for span in spans}
    names = {resource: f"p{number}" for number, resource in enumerate(resources, 1)}
    return {
        "traceID": trace_id,
        "spans": [_document(span, names[repr(sorted(span.resource.items()))]) for span in spans],
        "processes": {names[resource]: _process(span) for resource, span in resources.items()},
        "warnings": None,
    }


def _process(span: Span) -> dict[str, Any]:
    more = {key: value for key, value in span.resource.items() if key != "service.name"}
    return {"serviceName": span.service, "tags": _tags(more)}


def _document(span: Span, process: str) -> dict[str, Any]:
    start, end = span.start // 1000, span.end // 1000
    return {
        "traceID": span.trace_id,
        "spanID": span.span_id,
        "flags": 1,
        "operationName": span.name,
        "references": _references(span),
        "startTime": start,
        "duration": end - start,
        "tags": _tags(_of_the_span_itself(span)) + _tags(_attributes(span)),
        "logs": [_log(event) for event in span.events],
        "processID": process,
        "warnings": ["the span ends before it starts"] if end < start else None,
    }


def _references(span: Span) -> list[dict[str, str]]:
    above = [("CHILD_OF", span.trace_id, span.parent_id)] if span.parent_id else []
    linked = [("FOLLOWS_FROM", link.trace_id, link.span_id) for link in span.links]
    return [{"refType": kind, "traceID": trace_id, "spanID": span_id} for kind, trace_id, span_id in (*above, *linked)]


def _of_the_span_itself(span: Span) -> dict[str, Any]:
    """Return what Jaeger makes tags of, so that its UI marks errors and shows kinds."""
    failed = {"otel.status_code": "ERROR", "error": True} if span.failed else {}
    described = {"otel.status_description": span.message} if span.message else {}
    return {"span.kind": span.kind, **failed, **described}


def _attributes(span: Span) -> dict[str, Any]:
    return {key: value for key, value in span.attributes.items() if not is_of_the_span_itself(key, value)}


def _log(event: Event) -> dict[str, Any]:
    return {"timestamp": event.time // 1000, "fields": _tags({**event.attributes, EVENT: event.name})}


def _tags(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [_tag(key, value) for key, value in attributes.items()]


def _tag(key: str, value: Any) -> dict[str, Any]:  # noqa: ANN401 - OTLP's AnyValue
    kind, written = "string", value
    if isinstance(value, bool):
        kind = "bool"
    elif isinstance(value, int):
        kind, written = "int64", value if abs(value) <= JAVASCRIPTS_LARGEST else str(value)
    elif isinstance(value, float):
        kind, written = "float64", value if math.isfinite(value) else str(value)
    elif isinstance(value, bytes):
        kind, written = "binary", _base64(value)
    elif not isinstance(value, str):
        written = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return {"key": key, "type": kind, "value": written}


def _plain(value: Any) -> Any:  # noqa: ANN401 - as above
    return _base64(value) if isinstance(value, bytes) else dict(value) if isinstance(value, Mapping) else str(value)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()

"""Spans to OTLP as JSON."""

import base64
import math
from collections.abc import Iterable, Mapping
from typing import Any

from spantree.notation import KINDS
from spantree.span import Span

__all__ = ["otlp_json"]


def otlp_json(spans: Iterable[Span]) -> dict[str, Any]:
    """Return spans as one OTLP JSON document, with ids in hex and each resource once."""
    by_resource: dict[str, list[Span]] = {}
    for span in spans:
        by_resource.setdefault(repr(sorted(span.resource.items())), []).append(span)
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _pairs(members[0].resource)},
                "scopeSpans": [{"spans": [_document(span) for span in members]}],
            }
            for members in by_resource.values()
        ]
    }


def _document(span: Span) -> dict[str, Any]:
    return {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        **({"parentSpanId": span.parent_id} if span.parent_id else {}),
        "name": span.name,
        "kind": KINDS.index(span.kind),
        "startTimeUnixNano": str(span.start),
        "endTimeUnixNano": str(span.end),
        "attributes": _pairs(span.attributes),
        "events": [
            {"name": event.name, "timeUnixNano": str(event.time), "attributes": _pairs(event.attributes)}
            for event in span.events
        ],
        "links": [
            {"traceId": link.trace_id, "spanId": link.span_id, "attributes": _pairs(link.attributes)}
            for link in span.links
        ],
        "status": _status(span),
    }


def _status(span: Span) -> dict[str, Any]:
    code = {"code": 2} if span.failed else {}
    return {"message": span.message, **code} if span.message or span.failed else {}


def _pairs(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _any_value(value)} for key, value in attributes.items()]


def _any_value(value: Any) -> dict[str, Any]:  # noqa: ANN401, PLR0911 - OTLP's AnyValue has as many kinds
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        named = {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
        return {"doubleValue": value if math.isfinite(value) else named}
    if isinstance(value, bytes):
        return {"bytesValue": base64.b64encode(value).decode()}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": _pairs(value)}}
    if isinstance(value, list | tuple):
        return {"arrayValue": {"values": [_any_value(item) for item in value]}}
    return {"stringValue": str(value)}

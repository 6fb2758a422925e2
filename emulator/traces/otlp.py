"""Spans from OTLP: the protobuf that exporters send, and the JSON that files hold."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from emulator.traces.span import KINDS, Event, Link, Span

__all__ = ["MalformedOtlp", "spans_from_json", "spans_from_protobuf"]


class MalformedOtlp(ValueError):
    """What should be OTLP is not."""


def spans_from_json(text: str | bytes) -> list[Span]:
    """Read OTLP JSON: one document with `resourceSpans`, an array of them, or a document a line.

    Raises MalformedOtlp.
    """
    try:
        return [span for document in _documents(text) for span in _spans(document)]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise MalformedOtlp(f"not OTLP JSON: {type(error).__name__} {error}") from error


def spans_from_protobuf(body: bytes) -> list[Span]:
    """Read an ExportTraceServiceRequest in protobuf. Raises MalformedOtlp."""
    from google.protobuf.json_format import MessageToDict
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise MalformedOtlp(f"not an ExportTraceServiceRequest: {error}") from error
    return list(_spans(MessageToDict(request, use_integers_for_enums=True), ids_are_hex=False))


def _documents(text: str | bytes) -> list[dict[str, Any]]:
    try:
        whole = json.loads(text)
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    return whole if isinstance(whole, list) else [whole]


def _spans(document: Mapping[str, Any], *, ids_are_hex: bool = True) -> Iterator[Span]:
    for of_resource in document.get("resourceSpans", []):
        resource = _attributes(of_resource.get("resource", {}).get("attributes"))
        for of_scope in of_resource.get("scopeSpans", []):
            for span in of_scope.get("spans", []):
                yield _span(span, resource, ids_are_hex=ids_are_hex)


def _span(span: Mapping[str, Any], resource: dict[str, Any], *, ids_are_hex: bool) -> Span:
    def identifier(text: str | None) -> str:
        if ids_are_hex or not text:
            return (text or "").lower()
        return base64.b64decode(text).hex()

    kind, code = span.get("kind", 0), span.get("status", {}).get("code", 0)
    return Span(
        trace_id=identifier(span["traceId"]),
        span_id=identifier(span["spanId"]),
        parent_id=identifier(span.get("parentSpanId")),
        name=span.get("name", ""),
        kind=KINDS[kind] if isinstance(kind, int) else kind.removeprefix("SPAN_KIND_").lower(),
        start=int(span["startTimeUnixNano"]),
        end=int(span["endTimeUnixNano"]),
        attributes=_attributes(span.get("attributes")),
        resource=resource,
        events=tuple(
            Event(event.get("name", ""), int(event.get("timeUnixNano", 0)), _attributes(event.get("attributes")))
            for event in span.get("events", [])
        ),
        links=tuple(
            Link(identifier(link["traceId"]), identifier(link["spanId"]), _attributes(link.get("attributes")))
            for link in span.get("links", [])
        ),
        failed=code in {2, "STATUS_CODE_ERROR"},
        message=span.get("status", {}).get("message", ""),
    )


def _attributes(pairs: list[dict[str, Any]] | None) -> dict[str, Any]:
    return {pair["key"]: _value(pair.get("value", {})) for pair in pairs or ()}


def _value(any_value: Mapping[str, Any]) -> Any:  # noqa: ANN401 - OTLP's AnyValue
    for kind, raw in any_value.items():
        if kind == "intValue":
            return int(raw)
        if kind == "doubleValue":
            return float(raw)
        if kind == "arrayValue":
            return [_value(item) for item in raw.get("values", [])]
        if kind == "kvlistValue":
            return _attributes(raw.get("values"))
        return raw
    return None

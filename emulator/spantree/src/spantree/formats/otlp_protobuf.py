"""Spans from OTLP as protobuf, which exporters send."""

from collections.abc import Iterable
from typing import Any

from spantree.formats.otlp_json import FAILED, MalformedOtlp, identifier, kind_of
from spantree.span import Event, Link, Span

__all__ = ["spans_from_protobuf"]


def spans_from_protobuf(body: bytes) -> list[Span]:
    """Read an ExportTraceServiceRequest in protobuf. Raises MalformedOtlp."""
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise MalformedOtlp(f"not an ExportTraceServiceRequest: {error}") from error
    return [
        _span(span, resource)
        for of_resource in request.resource_spans
        for resource in [_attributes(of_resource.resource.attributes)]
        for of_scope in of_resource.scope_spans
        for span in of_scope.spans
    ]


def _span(span: Any, resource: dict[str, Any]) -> Span:  # noqa: ANN401 - of generated code
    return Span(
        trace_id=identifier(span.trace_id.hex(), "trace_id", 32),
        span_id=identifier(span.span_id.hex(), "span_id", 16),
        parent_id=identifier(span.parent_span_id.hex(), "parent_span_id", 16) if span.parent_span_id else "",
        name=span.name,
        kind=kind_of(span.kind),
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        attributes=_attributes(span.attributes),
        resource=resource,
        events=tuple(Event(event.name, event.time_unix_nano, _attributes(event.attributes)) for event in span.events),
        links=tuple(
            Link(
                identifier(link.trace_id.hex(), "trace_id of a link", 32),
                identifier(link.span_id.hex(), "span_id of a link", 16),
                _attributes(link.attributes),
            )
            for link in span.links
        ),
        failed=span.status.code in FAILED,
        message=span.status.message,
    )


def _attributes(pairs: Iterable[Any]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: Any) -> Any:  # noqa: ANN401 - OTLP's AnyValue
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    return None if kind is None else getattr(value, kind)

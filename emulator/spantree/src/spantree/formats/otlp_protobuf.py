"""OTLP as protobuf: reads what exporters send over HTTP and gRPC.

opentelemetry-proto is imported when the first message is read: importing protobuf takes longer than all of spantree.
"""

from collections.abc import Iterable
from typing import Any

from spantree.formats.otlp_json import ERROR_CODES, MalformedOtlp, read_id, read_kind
from spantree.span import Event, Link, Span

__all__ = ["spans_from_protobuf"]


def spans_from_protobuf(body: bytes) -> list[Span]:
    """Read the spans of an ExportTraceServiceRequest. Raises MalformedOtlp."""
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise MalformedOtlp(f"not an ExportTraceServiceRequest in protobuf: {error}") from error
    return [
        _span(span, resource)
        for resource_spans in request.resource_spans
        for resource in [_attributes(resource_spans.resource.attributes)]
        for scope_spans in resource_spans.scope_spans
        for span in scope_spans.spans
    ]


def _span(span: Any, resource: dict[str, Any]) -> Span:  # noqa: ANN401 - generated code has no types
    return Span(
        trace_id=read_id(span.trace_id.hex(), "trace_id", 32),
        span_id=read_id(span.span_id.hex(), "span_id", 16),
        parent_id=read_id(span.parent_span_id.hex(), "parent_span_id", 16) if span.parent_span_id else "",
        name=span.name,
        kind=read_kind(span.kind),
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        attributes=_attributes(span.attributes),
        resource=resource,
        events=tuple(Event(event.name, event.time_unix_nano, _attributes(event.attributes)) for event in span.events),
        links=tuple(
            Link(
                read_id(link.trace_id.hex(), "links[].trace_id", 32),
                read_id(link.span_id.hex(), "links[].span_id", 16),
                _attributes(link.attributes),
            )
            for link in span.links
        ),
        failed=span.status.code in ERROR_CODES,
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

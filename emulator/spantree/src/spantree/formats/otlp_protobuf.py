"""OTLP as protobuf: reads what exporters send over HTTP and gRPC.

opentelemetry-proto is imported when the first message is read: importing protobuf takes longer than all of spantree.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from typing import Any

from spantree.formats.otlp_json import ERROR_CODES, MalformedOtlp, read_id, read_kind
from spantree.formats.shared_text import shared
from spantree.span import Event, Link, Span

__all__ = ["message_type", "parse", "read_attributes", "read_span", "read_value", "spans_from_protobuf"]


def spans_from_protobuf(body: bytes) -> list[Span]:
    """Read the spans of an ExportTraceServiceRequest. Raises MalformedOtlp."""
    request = parse(body, "collector.trace.v1.trace_service_pb2", "ExportTraceServiceRequest")
    return [
        read_span(span, resource)
        for resource_spans in request.resource_spans
        for resource in [read_attributes(resource_spans.resource.attributes)]
        for scope_spans in resource_spans.scope_spans
        for span in scope_spans.spans
    ]


@cache
def message_type(module: str, name: str) -> Any:  # noqa: ANN401 - generated code has no types
    """Return the class of a message of opentelemetry-proto."""
    return getattr(import_module(f"opentelemetry.proto.{module}"), name)


def parse(body: bytes, module: str, name: str) -> Any:  # noqa: ANN401 - as above
    """Parse a message. Raises MalformedOtlp."""
    from google.protobuf.message import DecodeError

    try:
        return message_type(module, name).FromString(body)
    except DecodeError as error:
        raise MalformedOtlp(f"not an {name} in protobuf: {error}") from error


def read_span(span: Any, resource: Mapping[str, Any]) -> Span:  # noqa: ANN401 - as above
    """Read a Span message. Raises MalformedOtlp for invalid ids."""
    return Span(
        trace_id=shared(read_id(span.trace_id.hex(), "trace_id", 32)),
        span_id=read_id(span.span_id.hex(), "span_id", 16),
        parent_id=read_id(span.parent_span_id.hex(), "parent_span_id", 16) if span.parent_span_id else "",
        name=shared(span.name),
        kind=read_kind(span.kind),
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        attributes=read_attributes(span.attributes),
        resource=resource,
        events=tuple(
            Event(shared(event.name), event.time_unix_nano, read_attributes(event.attributes)) for event in span.events
        ),
        links=tuple(
            Link(
                read_id(link.trace_id.hex(), "links[].trace_id", 32),
                read_id(link.span_id.hex(), "links[].span_id", 16),
                read_attributes(link.attributes),
            )
            for link in span.links
        ),
        failed=span.status.code in ERROR_CODES,
        message=span.status.message,
    )


def read_attributes(pairs: Iterable[Any]) -> dict[str, Any]:
    """Read a list of KeyValue messages."""
    return {shared(pair.key): read_value(pair.value) for pair in pairs}


def read_value(value: Any) -> Any:  # noqa: ANN401 - OTLP's AnyValue
    """Read an AnyValue message."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return shared(value.string_value)
    if kind == "array_value":
        return [read_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return read_attributes(value.kvlist_value.values)
    return None if kind is None else getattr(value, kind)

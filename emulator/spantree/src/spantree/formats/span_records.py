"""Spans as a receiver keeps them: encoded until they are asked for, since most spans never are.

A request is validated as a whole when it arrives. After that, each span is only its own bytes, next to a resource that
it shares with the other spans of its program.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from spantree.formats.otlp_json import read_id
from spantree.formats.otlp_protobuf import message_type, parse, read_attributes, read_span
from spantree.span import Span

__all__ = ["Header", "SpanRecords", "records_from_protobuf", "records_of"]

NO_ID = bytes(8)
VALID_LENGTHS = {(8, 0), (8, 8)}
"""Bytes of the id of a span and of its parent."""
SPAN = "trace.v1.trace_pb2", "Span"
RESOURCE = "resource.v1.resource_pb2", "Resource"
EXPORT = "collector.trace.v1.trace_service_pb2", "ExportTraceServiceRequest"


class Header(NamedTuple):
    """What can be told of a span without decoding all of it."""

    span_id: str
    parent_id: str
    service: str
    name: str


class SpanRecords:
    """Spans of one trace, in order of arrival. Each is decoded once, when it is first asked for.

    Records are only ever appended, so one thread may decode while another adds.
    """

    __slots__ = ("records", "resources")

    def __init__(self) -> None:
        self.records: list[bytes | Span] = []
        self.resources: list[Mapping[str, Any]] = []

    def append(self, record: bytes | Span, resource: Mapping[str, Any]) -> None:
        """Add a span: the bytes of its protobuf message, or a span that is decoded already."""
        self.resources.append(resource)  # before the record: a thread that decodes the record looks for it
        self.records.append(record)

    def extend(self, other: "SpanRecords") -> None:
        """Add the spans of another request."""
        self.resources += other.resources
        self.records += other.records

    def header(self, index: int) -> Header:
        """Return the ids and names of a span, without decoding the rest."""
        record = self.records[index]
        if isinstance(record, Span):
            return Header(record.span_id, record.parent_id, record.service, record.name)
        span = message_type(*SPAN).FromString(record)
        service = str(self.resources[index].get("service.name", "unknown_service"))
        return Header(span.span_id.hex(), span.parent_span_id.hex(), service, span.name)

    def span(self, index: int) -> Span:
        """Return a span, decoded now if nobody has asked for it before."""
        record = self.records[index]
        if not isinstance(record, Span):
            record = read_span(message_type(*SPAN).FromString(record), self.resources[index])
            self.records[index] = record
        return record

    def __len__(self) -> int:
        return len(self.records)


def records_of(spans: Iterable[Span]) -> dict[str, SpanRecords]:
    """Return spans that are decoded already, by trace id."""
    records: dict[str, SpanRecords] = {}
    for span in spans:
        records.setdefault(span.trace_id, SpanRecords()).append(span, span.resource)
    return records


def records_from_protobuf(body: bytes) -> dict[str, SpanRecords]:
    """Return the spans of an ExportTraceServiceRequest by trace id, still encoded. Raises MalformedOtlp."""
    records: dict[bytes, SpanRecords] = {}
    for of_resource in parse(body, *EXPORT).resource_spans:
        resource = _resource(of_resource.resource.SerializeToString())
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                trace_id, span_id, parent_id = span.trace_id, span.span_id, span.parent_span_id
                of_trace = records.get(trace_id)
                if of_trace is None:
                    read_id(trace_id.hex(), "trace_id", 32)
                    of_trace = records[trace_id] = SpanRecords()
                lengths = len(span_id), len(parent_id)
                if lengths not in VALID_LENGTHS or NO_ID in (span_id, parent_id) or span.links:
                    _check_ids(span)
                of_trace.append(span.SerializeToString(), resource)
    return {trace_id.hex(): of_trace for trace_id, of_trace in records.items()}


def _check_ids(span: Any) -> None:  # noqa: ANN401 - generated code has no types
    """Raise MalformedOtlp, which names the field, if an id of a span or of its links is invalid."""
    read_id(span.span_id.hex(), "span_id", 16)
    if span.parent_span_id:
        read_id(span.parent_span_id.hex(), "parent_span_id", 16)
    for link in span.links:
        read_id(link.trace_id.hex(), "links[].trace_id", 32)
        read_id(link.span_id.hex(), "links[].span_id", 16)


@lru_cache(maxsize=1024)
def _resource(message: bytes) -> Mapping[str, Any]:
    """Decode a resource. Programs send the same one with every request, so equal ones are decoded once and shared."""
    return read_attributes(message_type(*RESOURCE).FromString(message).attributes)

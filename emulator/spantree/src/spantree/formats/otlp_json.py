"""OTLP as JSON: reads what exporters, collectors and Jaeger's API v3 write, and writes the same format.

The encoding is protobuf's JSON mapping with the exceptions of the OTLP specification ("JSON Protobuf Encoding"):
ids are hex instead of base64, enums are numbers, and 64-bit integers are decimal strings.
"""

import base64
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from spantree.formats.shape_errors import WRONG_SHAPE, describe
from spantree.notation import KINDS
from spantree.span import Event, Link, Span

__all__ = [
    "ERROR_CODES",
    "MalformedOtlp",
    "otlp_json",
    "read_id",
    "read_kind",
    "spans_from_json",
    "spans_of_documents",
]

LARGEST_TIME = 2**64 - 1
"""Times are fixed64 in opentelemetry/proto/trace/v1/trace.proto."""
HEX = {length: re.compile(rf"[0-9a-f]{{{length}}}") for length in (16, 32)}
ERROR_CODE = 2
ERROR_CODES = {ERROR_CODE, "STATUS_CODE_ERROR"}
"""Status codes of a failed span. OTLP writes numbers only; encoders of plain protobuf JSON write the names."""


class MalformedOtlp(ValueError):
    """The input is not valid OTLP. The message names the field."""


def spans_from_json(text: str | bytes) -> list[Span]:
    """Read OTLP JSON: one document with `resourceSpans`, an array of documents, or one document per line.

    Raises MalformedOtlp.
    """
    try:
        return spans_of_documents(_documents(text))
    except MalformedOtlp:
        raise
    except (*WRONG_SHAPE, ValueError) as error:
        raise MalformedOtlp(f"not OTLP JSON (resourceSpans[].scopeSpans[].spans[]): {describe(error)}") from error


def spans_of_documents(documents: Iterable[Mapping[str, Any]]) -> list[Span]:
    """Read documents that have been parsed. Raises MalformedOtlp, ValueError and the errors of WRONG_SHAPE."""
    return [span for document in documents for span in _spans(document)]


def otlp_json(spans: Iterable[Span]) -> dict[str, Any]:
    """Return spans as one OTLP JSON document. Spans with equal resources are grouped."""
    by_resource: dict[str, list[Span]] = {}
    for span in spans:
        by_resource.setdefault(repr(sorted(span.resource.items())), []).append(span)
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _write_attributes(members[0].resource)},
                "scopeSpans": [{"spans": [_write_span(span) for span in members]}],
            }
            for members in by_resource.values()
        ]
    }


def read_id(value: object, field: str, digits: int) -> str:
    """Return a trace or span id in lower-case hex. Raises MalformedOtlp.

    All zeros are invalid by W3C Trace Context (sections 3.2.2.3 and 3.2.2.4). OTLP allows either case of hex.
    """
    identifier = value.lower() if isinstance(value, str) else ""
    if not HEX[digits].fullmatch(identifier) or not identifier.strip("0"):
        raise MalformedOtlp(f"{field} is {value!r}; it must be {digits} hex digits that are not all 0")
    return identifier


def read_kind(value: object) -> str:
    """Return a span kind by its number or name in OTLP. Raises MalformedOtlp."""
    if isinstance(value, int) and not isinstance(value, bool):
        # An unknown number is not an error: newer senders may use kinds that this version does not know.
        return KINDS[value] if 0 <= value < len(KINDS) else KINDS[0]
    kind = str(value).removeprefix("SPAN_KIND_").lower()
    if kind not in KINDS:
        raise MalformedOtlp(f"kind is {value!r}; it must be a number or one of {', '.join(KINDS)}")
    return kind


def _documents(text: str | bytes) -> list[Mapping[str, Any]]:
    try:
        whole = json.loads(text)
    except ValueError:
        # The collector's file exporter writes one document per line (OTLP specification, "OTLP File Exporter").
        lines = text.decode().split("\n") if isinstance(text, bytes) else text.split("\n")
        return [json.loads(line) for line in lines if line.strip()]
    return whole if isinstance(whole, list) else [whole]


def _spans(document: Mapping[str, Any]) -> Iterator[Span]:
    if not isinstance(document, Mapping):
        raise MalformedOtlp(f"a document is {document!r}; it must be an object with resourceSpans")
    # Each list may be absent or null: protobuf's JSON mapping leaves out empty fields and reads null as empty.
    for resource_spans in document.get("resourceSpans") or []:
        resource = _attributes((resource_spans.get("resource") or {}).get("attributes"))
        for scope_spans in resource_spans.get("scopeSpans") or []:
            for span in scope_spans.get("spans") or []:
                yield _span(span, resource)


def _span(span: Mapping[str, Any], resource: dict[str, Any]) -> Span:
    status = span.get("status") or {}
    return Span(
        trace_id=read_id(span.get("traceId"), "traceId", 32),
        span_id=read_id(span.get("spanId"), "spanId", 16),
        parent_id=read_id(span["parentSpanId"], "parentSpanId", 16) if span.get("parentSpanId") else "",
        name=_string(span.get("name", ""), "name"),
        kind=read_kind(span.get("kind", 0)),
        start=_time(span.get("startTimeUnixNano", 0), "startTimeUnixNano"),
        end=_time(span.get("endTimeUnixNano", 0), "endTimeUnixNano"),
        attributes=_attributes(span.get("attributes")),
        resource=resource,
        events=tuple(map(_event, span.get("events") or [])),
        links=tuple(map(_link, span.get("links") or [])),
        failed=status.get("code", 0) in ERROR_CODES,
        message=_string(status.get("message", ""), "status.message"),
    )


def _event(event: Mapping[str, Any]) -> Event:
    return Event(
        _string(event.get("name", ""), "events[].name"),
        _time(event.get("timeUnixNano", 0), "events[].timeUnixNano"),
        _attributes(event.get("attributes")),
    )


def _link(link: Mapping[str, Any]) -> Link:
    return Link(
        read_id(link.get("traceId"), "links[].traceId", 32),
        read_id(link.get("spanId"), "links[].spanId", 16),
        _attributes(link.get("attributes")),
    )


def _string(value: object, field: str) -> str:
    if not isinstance(value, str):
        raise MalformedOtlp(f"{field} is {value!r}; it must be a string")
    return value


def _time(value: object, field: str) -> int:
    # Protobuf's JSON mapping writes 64-bit integers as strings, and requires readers to accept numbers as well.
    digits = str(value)
    if isinstance(value, bool | float) or not digits.isdecimal() or int(digits) > LARGEST_TIME:
        raise MalformedOtlp(f"{field} is {value!r}; it must be nanoseconds since the epoch")
    return int(digits)


def _attributes(pairs: Iterable[Mapping[str, Any]] | None) -> dict[str, Any]:
    return {_string(pair["key"], "attributes[].key"): _value(pair.get("value")) for pair in pairs or ()}


def _value(any_value: Mapping[str, Any] | None) -> Any:  # noqa: ANN401 - OTLP's AnyValue
    if not any_value:
        return None
    [(kind, value)] = any_value.items()
    read = VALUE_READERS.get(kind)
    if read is None:
        raise MalformedOtlp(f"{kind} is not a type of attribute value; the types are {', '.join(VALUE_READERS)}")
    return read(value)


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise MalformedOtlp(f"boolValue is {value!r}; it must be true or false")
    return value


def _integer(value: object) -> int:
    if isinstance(value, bool | float) or not re.fullmatch(r"-?\d{1,19}", str(value)):
        raise MalformedOtlp(f"intValue is {value!r}; it must be a whole number of 64 bits")
    return int(str(value))


VALUE_READERS: dict[str, Callable[[Any], Any]] = {
    "stringValue": lambda value: _string(value, "stringValue"),
    "boolValue": _boolean,
    "intValue": _integer,
    "doubleValue": float,  # also of "NaN", "Infinity" and "-Infinity", as protobuf's JSON mapping writes them
    "bytesValue": lambda value: base64.b64decode(value, validate=True),
    "arrayValue": lambda value: [_value(item) for item in (value or {}).get("values") or []],
    "kvlistValue": lambda value: _attributes((value or {}).get("values")),
}


def _write_span(span: Span) -> dict[str, Any]:
    return {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        **({"parentSpanId": span.parent_id} if span.parent_id else {}),
        "name": span.name,
        "kind": KINDS.index(span.kind),
        "startTimeUnixNano": str(span.start),
        "endTimeUnixNano": str(span.end),
        "attributes": _write_attributes(span.attributes),
        "events": [
            {"name": event.name, "timeUnixNano": str(event.time), "attributes": _write_attributes(event.attributes)}
            for event in span.events
        ],
        "links": [
            {"traceId": link.trace_id, "spanId": link.span_id, "attributes": _write_attributes(link.attributes)}
            for link in span.links
        ],
        "status": _write_status(span),
    }


def _write_status(span: Span) -> dict[str, Any]:
    code = {"code": ERROR_CODE} if span.failed else {}
    return {"message": span.message, **code} if span.message or span.failed else {}


def _write_attributes(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _write_value(value)} for key, value in attributes.items()]


def _write_value(value: Any) -> dict[str, Any]:  # noqa: ANN401, PLR0911 - OTLP's AnyValue has as many types
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        # JSON has no literals for these; protobuf's JSON mapping writes them as strings.
        special = {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
        return {"doubleValue": value if math.isfinite(value) else special}
    if isinstance(value, bytes):
        return {"bytesValue": base64.b64encode(value).decode()}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": _write_attributes(value)}}
    if isinstance(value, list | tuple):
        return {"arrayValue": {"values": [_write_value(item) for item in value]}}
    return {"stringValue": str(value)}

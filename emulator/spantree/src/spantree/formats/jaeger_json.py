"""Jaeger's own JSON, the format of its UI's downloads and of its legacy API: a reader and a writer.

The format is defined by Jaeger's source (`uimodel/model.go`); how OpenTelemetry's spans map to it is in the
OpenTelemetry specification, "OpenTelemetry to Jaeger Transformation".
"""

import base64
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from spantree.formats.shape_errors import WRONG_SHAPE, describe
from spantree.notation import KINDS
from spantree.span import Event, Link, Span

__all__ = ["ADDED_BY_JAEGER", "MalformedJaeger", "jaeger_json", "spans_from_jaeger_json", "spans_of_traces"]

ADDED_BY_JAEGER = ("@jaeger@", "jaeger.internal.", "internal.span.format")
"""Prefixes of the attributes that Jaeger adds: its warnings, and the format in which it received the span."""
SPAN_FIELD_TAGS = {"span.kind", "otel.status_code", "otel.status_description", "w3c.tracestate"}
SCOPE_TAGS = ("otel.scope.", "otel.library.")
EVENT = "event"
"""The field of a log that holds the name of an event."""
STATUSES = {"true", "false", "unset"}
HEX = re.compile(r"[0-9a-f]+")
LARGEST_JAVASCRIPT_INTEGER = 2**53 - 1
"""Larger integers lose digits in JavaScript, so Jaeger writes them as strings."""


class MalformedJaeger(ValueError):
    """The input is not valid Jaeger JSON. The message names the field."""


def spans_from_jaeger_json(text: str | bytes) -> list[Span]:
    """Read traces as Jaeger's UI downloads them and `/api/traces` returns them: `{"data": [trace, …]}`.

    Also reads a list of traces, and a single trace. Times are whole microseconds: a start may be 1 µs early, an end
    2 µs, and a child may end 1 µs after its parent. Attributes of links are lost, and lists in other attributes become
    JSON text. A span without a parent becomes a child of the first span of its own trace that it follows from, as in
    Jaeger's UI, instead of linking to it.

    Raises MalformedJaeger.
    """
    try:
        return spans_of_traces(_traces(json.loads(text)))
    except (*WRONG_SHAPE, ValueError) as error:
        raise MalformedJaeger(f"not Jaeger's JSON (data[].spans[]): {describe(error)}") from error


def spans_of_traces(traces: list[Any]) -> list[Span]:
    """Read the traces below `data`. Raises ValueError and the errors of WRONG_SHAPE."""
    return [_span(span, trace.get("processes") or {}) for trace in traces for span in trace["spans"]]


def jaeger_json(spans: Iterable[Span]) -> dict[str, Any]:
    """Return spans as one document, grouped by trace; each trace has every distinct resource once.

    `spans_from_jaeger_json` reads it back. What is lost: fractions of a microsecond, attributes of links, the types
    of lists, maps and empty values (they become JSON text), attributes whose names Jaeger uses itself (`span.kind`,
    `error=true`, `otel.status_code`; `event` on an event), and whether a resource had no `service.name`. A span
    without a parent that links to a span of its own trace is read back as its child.
    """
    by_trace: dict[str, list[Span]] = {}
    for span in spans:
        by_trace.setdefault(span.trace_id, []).append(span)
    traces = [_write_trace(trace_id, members) for trace_id, members in by_trace.items()]
    return {"data": traces, "total": len(traces), "limit": 0, "offset": 0, "errors": None}


def _traces(document: object) -> list[Any]:
    if isinstance(document, list):
        return document
    if not isinstance(document, Mapping):
        raise ValueError(f"the document is {document!r}; it must be an object or a list")  # noqa: TRY004 - as for all JSON
    traces = document.get("data", [document])
    if not isinstance(traces, list):
        raise ValueError(f"data is {traces!r}; it must be a list of traces")  # noqa: TRY004 - as for all JSON
    return traces


def _span(span: Mapping[str, Any], processes: Mapping[str, Any]) -> Span:
    parent_id, links = _relations(span)
    tags = _values(span.get("tags"))
    process = span.get("process") or _process(span["processID"], processes)
    start = _microseconds(span, "startTime")
    kind = str(tags.get("span.kind")).lower()
    return Span(
        trace_id=_id(span["traceID"], "traceID", 32),
        span_id=_id(span["spanID"], "spanID", 16),
        parent_id=parent_id,
        name=str(span["operationName"]),
        kind=kind if kind in KINDS else "internal",
        start=start * 1000,
        end=(start + _microseconds(span, "duration")) * 1000,
        attributes={key: value for key, value in tags.items() if not _is_span_field(key, value)},
        resource={"service.name": process["serviceName"], **_values(process.get("tags"))},
        events=tuple(_event(log) for log in span.get("logs") or ()),
        links=links,
        failed=str(tags.get("error")).lower() == "true" or str(tags.get("otel.status_code")).upper() == "ERROR",
        message=str(tags.get("otel.status_description", "")),
    )


def _process(process_id: str, processes: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    if process_id not in processes:
        raise ValueError(f"processID is {process_id!r}; it must be a key of the trace's processes")
    return processes[process_id]


def _relations(span: Mapping[str, Any]) -> tuple[str, tuple[Link, ...]]:
    """Return the parent's id, chosen as `Span.ParentSpanID` of Jaeger's `model/span.go` does, and links to the rest."""
    references = span.get("references") or ()
    trace_id = _id(span["traceID"], "traceID", 32)
    here = [reference for reference in references if _id(reference["traceID"], "references[].traceID", 32) == trace_id]
    parent = next((each for each in here if each["refType"] == "CHILD_OF"), here[0] if here else None)
    links = tuple(_link(reference) for reference in references if reference is not parent)
    # parentSpanID is deprecated in uimodel/model.go; 0 stands for none.
    parent_id = parent["spanID"] if parent else span.get("parentSpanID") or ""
    return _id(parent_id, "references[].spanID", 16) if parent_id.strip("0") else "", links


def _link(reference: Mapping[str, Any]) -> Link:
    return Link(
        _id(reference["traceID"], "references[].traceID", 32), _id(reference["spanID"], "references[].spanID", 16)
    )


def _id(value: str, field: str, digits: int) -> str:
    identifier = value.lower().zfill(digits)  # Jaeger before 1.16 wrote ids without leading zeros
    if len(identifier) != digits or not HEX.fullmatch(identifier) or not identifier.strip("0"):
        raise ValueError(f"{field} is {value!r}; it must be at most {digits} hex digits that are not all 0")
    return identifier


def _microseconds(fields: Mapping[str, Any], name: str) -> int:
    try:
        return int(fields[name])
    except (OverflowError, TypeError, ValueError) as error:
        raise ValueError(f"{name} is {fields[name]!r}; it must be a whole number of microseconds") from error


def _event(log: Mapping[str, Any]) -> Event:
    fields = _values(log.get("fields"))
    # OpenTracing clients name an event in `message` where they have no `event`.
    names = [key for key in (EVENT, "message") if key in fields]
    name = str(fields.pop(names[0])) if names else ""
    return Event(name, _microseconds(log, "timestamp") * 1000, fields)


def _values(tags: Iterable[Mapping[str, Any]] | None) -> dict[str, Any]:
    return {tag["key"]: _value(tag.get("type", ""), tag["value"]) for tag in tags or ()}


def _value(kind: str, value: Any) -> Any:  # noqa: ANN401 - JSON
    return TAG_READERS[kind](value) if kind in TAG_READERS else value


def _bytes(value: str) -> bytes | str:
    """Decode base64, which Jaeger writes; keep any other text, which other servers write instead."""
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        return value


TAG_READERS: Mapping[str, Callable[[Any], Any]] = {
    "int64": int,
    "float64": float,
    "bool": lambda value: str(value).lower() == "true",
    "binary": _bytes,
}


def _is_span_field(key: str, value: object) -> bool:
    """Return whether a tag repeats a field of the span, by the OpenTelemetry to Jaeger Transformation.

    `error` does so only if it holds a status; a service may set an attribute `error` of its own to any text.
    """
    if key == "error":
        return str(value).lower() in STATUSES
    return key in SPAN_FIELD_TAGS or key.startswith((*SCOPE_TAGS, *ADDED_BY_JAEGER))


def _write_trace(trace_id: str, spans: list[Span]) -> dict[str, Any]:
    resources = {_resource_key(span): span for span in spans}
    process_ids = {resource: f"p{number}" for number, resource in enumerate(resources, 1)}
    return {
        "traceID": trace_id,
        "spans": [_write_span(span, process_ids[_resource_key(span)]) for span in spans],
        "processes": {process_ids[resource]: _write_process(span) for resource, span in resources.items()},
        "warnings": None,
    }


def _resource_key(span: Span) -> str:
    return repr(sorted(span.resource.items()))  # values may be lists, which cannot be keys of a dict


def _write_process(span: Span) -> dict[str, Any]:
    others = {key: value for key, value in span.resource.items() if key != "service.name"}
    return {"serviceName": span.service, "tags": _tags(others)}


def _write_span(span: Span, process_id: str) -> dict[str, Any]:
    start, end = span.start // 1000, span.end // 1000
    attributes = {key: value for key, value in span.attributes.items() if not _is_span_field(key, value)}
    return {
        "traceID": span.trace_id,
        "spanID": span.span_id,
        "flags": 1,
        "operationName": span.name,
        "references": _references(span),
        "startTime": start,
        "duration": end - start,
        "tags": _tags(_span_fields(span)) + _tags(attributes),
        "logs": [_log(event) for event in span.events],
        "processID": process_id,
        "warnings": ["the span ends before it starts"] if end < start else None,
    }


def _references(span: Span) -> list[dict[str, str]]:
    parent = [("CHILD_OF", span.trace_id, span.parent_id)] if span.parent_id else []
    linked = [("FOLLOWS_FROM", link.trace_id, link.span_id) for link in span.links]
    return [{"refType": kind, "traceID": trace_id, "spanID": span_id} for kind, trace_id, span_id in (*parent, *linked)]


def _span_fields(span: Span) -> dict[str, Any]:
    """Return the fields of a span that Jaeger holds as tags. Its UI reads kinds and errors from them."""
    failed = {"otel.status_code": "ERROR", "error": True} if span.failed else {}
    message = {"otel.status_description": span.message} if span.message else {}
    return {"span.kind": span.kind, **failed, **message}


def _log(event: Event) -> dict[str, Any]:
    return {"timestamp": event.time // 1000, "fields": _tags({**event.attributes, EVENT: event.name})}


def _tags(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [_tag(key, value) for key, value in attributes.items()]


def _tag(key: str, value: Any) -> dict[str, Any]:  # noqa: ANN401 - OTLP's AnyValue
    kind, text = "string", value
    if isinstance(value, bool):
        kind = "bool"
    elif isinstance(value, int):
        kind, text = "int64", value if abs(value) <= LARGEST_JAVASCRIPT_INTEGER else str(value)
    elif isinstance(value, float):
        kind, text = "float64", value if math.isfinite(value) else str(value)
    elif isinstance(value, bytes):
        kind, text = "binary", _base64(value)
    elif not isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_jsonable)
    return {"key": key, "type": kind, "value": text}


def _jsonable(value: Any) -> Any:  # noqa: ANN401 - OTLP's AnyValue
    return _base64(value) if isinstance(value, bytes) else dict(value) if isinstance(value, Mapping) else str(value)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()

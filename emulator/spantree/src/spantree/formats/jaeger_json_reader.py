"""Spans out of Jaeger's own JSON, which its UI downloads and its legacy API gives (in its source, uimodel/model.go)."""

import base64
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from spantree.notation import KINDS
from spantree.span import Event, Link, Span

__all__ = [
    "ADDED_BY_JAEGER",
    "EVENT",
    "WRONG_SHAPE",
    "MalformedJaeger",
    "is_of_the_span_itself",
    "spans_from_jaeger_json",
    "spans_of_traces",
]

WRONG_SHAPE = (AttributeError, KeyError, OverflowError, RecursionError, TypeError)
ADDED_BY_JAEGER = ("@jaeger@", "jaeger.internal.", "internal.span.format")
"""How names of attributes begin that Jaeger adds: warnings, and how it got the span."""

OF_OTLP = {"span.kind", "otel.status_code", "otel.status_description", "w3c.tracestate"}
OF_SCOPES = ("otel.scope.", "otel.library.")
EVENT = "event"
"""The field of a log that has the name of the event."""
STATUSES = {"true", "false", "unset"}
HEX = re.compile(r"[0-9a-f]+")


def _bytes(value: str) -> bytes | str:
    """Read base64, which Jaeger writes; what others write stays as it is."""
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        return value


CONVERSIONS: Mapping[str, Callable[[Any], Any]] = {
    "int64": int,  # a text where JavaScript's numbers do not reach
    "float64": float,
    "bool": lambda value: str(value).lower() == "true",
    "binary": _bytes,
}


class MalformedJaeger(ValueError):
    """What should be Jaeger's JSON is not."""


def spans_from_jaeger_json(text: str | bytes) -> list[Span]:
    """Read traces as Jaeger's UI downloads them and `/api/traces` gives them: below `data`, an array of them, or one.

    Times are whole microseconds: a start may be 1 µs early, an end 2 µs, and the end of a child 1 µs after its
    parent's. Attributes of links are lost, and lists in other attributes are JSON in a text. A span without a parent
    is below the first span of its trace that it follows from, as Jaeger shows it, instead of linked to it.

    Raises MalformedJaeger.
    """
    try:
        document = json.loads(text)
        return spans_of_traces(document if isinstance(document, list) else document.get("data", [document]))
    except (*WRONG_SHAPE, ValueError) as error:
        raise MalformedJaeger(f"not Jaeger's JSON: {type(error).__name__} {error}") from error


def spans_of_traces(traces: list[Any]) -> list[Span]:
    """Read the traces below `data`. Raises ValueError and WRONG_SHAPE."""
    return [_span(span, trace.get("processes") or {}) for trace in traces for span in trace["spans"]]


def _span(span: Mapping[str, Any], processes: Mapping[str, Any]) -> Span:
    parent_id, links = _relations(span)
    tags = _values(span.get("tags"))
    process = span.get("process") or processes[span["processID"]]
    start = int(span["startTime"])
    kind = str(tags.get("span.kind")).lower()
    return Span(
        trace_id=_id(span["traceID"], 32),
        span_id=_id(span["spanID"], 16),
        parent_id=parent_id,
        name=str(span["operationName"]),
        kind=kind if kind in KINDS else "internal",
        start=start * 1000,
        end=(start + int(span["duration"])) * 1000,
        attributes={key: value for key, value in tags.items() if not is_of_the_span_itself(key, value)},
        resource={"service.name": process["serviceName"], **_values(process.get("tags"))},
        events=tuple(_event(log) for log in span.get("logs") or ()),
        links=links,
        failed=str(tags.get("error")).lower() == "true" or str(tags.get("otel.status_code")).upper() == "ERROR",
        message=str(tags.get("otel.status_description", "")),
    )


def _relations(span: Mapping[str, Any]) -> tuple[str, tuple[Link, ...]]:
    """Return the id of the parent, as Jaeger's model.Span.ParentSpanID finds it, and what else the span refers to."""
    references = span.get("references") or ()
    trace_id = _id(span["traceID"], 32)
    here = [reference for reference in references if _id(reference["traceID"], 32) == trace_id]
    parent = next((each for each in here if each["refType"] == "CHILD_OF"), here[0] if here else None)
    others = [reference for reference in references if reference is not parent]
    parent_id = parent["spanID"] if parent else span.get("parentSpanID") or ""
    links = tuple(Link(_id(other["traceID"], 32), _id(other["spanID"], 16)) for other in others)
    return _id(parent_id, 16) if parent_id.strip("0") else "", links


def _id(raw: str, digits: int) -> str:
    identifier = raw.lower().zfill(digits)  # older Jaegers do not write zeros at the front
    if len(identifier) != digits or not HEX.fullmatch(identifier) or not identifier.strip("0"):
        raise ValueError(f"{raw!r} is no id of {digits} hex digits that are not all 0")
    return identifier


def _values(tags: Iterable[Mapping[str, Any]] | None) -> dict[str, Any]:
    return {tag["key"]: CONVERSIONS.get(tag.get("type", ""), _as_it_is)(tag["value"]) for tag in tags or ()}


def _as_it_is(value: Any) -> Any:  # noqa: ANN401 - texts
    return value


def is_of_the_span_itself(key: str, value: object) -> bool:
    """Whether Jaeger made a tag of what the span has elsewhere. `error` may also be a text that a service has set."""
    if key == "error":
        return str(value).lower() in STATUSES
    return key in OF_OTLP or key.startswith((*OF_SCOPES, *ADDED_BY_JAEGER))


def _event(log: Mapping[str, Any]) -> Event:
    fields = _values(log.get("fields"))
    names = [key for key in (EVENT, "message") if key in fields]
    name = str(fields.pop(names[0])) if names else ""
    return Event(name, int(log["timestamp"]) * 1000, fields)

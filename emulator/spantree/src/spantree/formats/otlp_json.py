"""Spans from OTLP as JSON, which files hold and some exporters send."""

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from spantree.notation import KINDS
from spantree.span import Event, Link, Span

__all__ = ["FAILED", "MalformedOtlp", "identifier", "kind_of", "spans_from_json"]

LATEST = 2**64 - 1
HEX = {length: re.compile(rf"[0-9a-f]{{{length}}}") for length in (16, 32)}
FAILED = {2, "STATUS_CODE_ERROR"}


class MalformedOtlp(ValueError):
    """What should be OTLP is not."""


def spans_from_json(text: str | bytes) -> list[Span]:
    """Read OTLP JSON: one document with `resourceSpans`, an array of them, or a document a line.

    Raises MalformedOtlp.
    """
    try:
        return [span for document in _documents(text) for span in _spans(document)]
    except MalformedOtlp:
        raise
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise MalformedOtlp(f"not OTLP JSON: {type(error).__name__} {error}") from error


def _documents(text: str | bytes) -> list[Mapping[str, Any]]:
    try:
        whole = json.loads(text)
    except ValueError:
        lines = text.decode().split("\n") if isinstance(text, bytes) else text.split("\n")
        return [json.loads(line) for line in lines if line.strip()]
    return whole if isinstance(whole, list) else [whole]


def _spans(document: Mapping[str, Any]) -> Iterator[Span]:
    for of_resource in document.get("resourceSpans") or []:
        resource = _attributes((of_resource.get("resource") or {}).get("attributes"))
        for of_scope in of_resource.get("scopeSpans") or []:
            for span in of_scope.get("spans") or []:
                yield _span(span, resource)


def _span(span: Mapping[str, Any], resource: dict[str, Any]) -> Span:
    kind, status = span.get("kind", 0), span.get("status") or {}
    return Span(
        trace_id=identifier(span.get("traceId"), "traceId", 32),
        span_id=identifier(span.get("spanId"), "spanId", 16),
        parent_id=identifier(span["parentSpanId"], "parentSpanId", 16) if span.get("parentSpanId") else "",
        name=_text(span.get("name", ""), "name"),
        kind=kind_of(kind),
        start=_time(span.get("startTimeUnixNano", 0), "startTimeUnixNano"),
        end=_time(span.get("endTimeUnixNano", 0), "endTimeUnixNano"),
        attributes=_attributes(span.get("attributes")),
        resource=resource,
        events=tuple(
            Event(
                _text(event.get("name", ""), "name of an event"),
                _time(event.get("timeUnixNano", 0), "timeUnixNano"),
                _attributes(event.get("attributes")),
            )
            for event in span.get("events") or []
        ),
        links=tuple(
            Link(
                identifier(link.get("traceId"), "traceId of a link", 32),
                identifier(link.get("spanId"), "spanId of a link", 16),
                _attributes(link.get("attributes")),
            )
            for link in span.get("links") or []
        ),
        failed=status.get("code", 0) in FAILED,
        message=_text(status.get("message", ""), "message of a status"),
    )


def identifier(raw: object, name: str, digits: int) -> str:
    """Return an id in lower-case hex. Raises MalformedOtlp, naming it, if it is none."""
    digits_found = raw.lower() if isinstance(raw, str) else ""
    if not HEX[digits].fullmatch(digits_found) or not digits_found.strip("0"):
        raise MalformedOtlp(f"{name} is {raw!r}, not {digits} hex digits that are not all 0")
    return digits_found


def _text(raw: object, name: str) -> str:
    if not isinstance(raw, str):
        raise MalformedOtlp(f"{name} is {raw!r}, not a text")
    return raw


def _time(raw: object, name: str) -> int:
    digits = str(raw)
    if isinstance(raw, bool | float) or not digits.isdecimal() or int(digits) > LATEST:
        raise MalformedOtlp(f"{name} is {raw!r}, not nanoseconds since the epoch")
    return int(digits)


def kind_of(raw: object) -> str:
    """Return a kind of span by its number or name in OTLP; numbers to come are unspecified. Raises MalformedOtlp."""
    if isinstance(raw, int) and not isinstance(raw, bool):
        return KINDS[raw] if 0 <= raw < len(KINDS) else KINDS[0]
    kind = str(raw).removeprefix("SPAN_KIND_").lower()
    if kind not in KINDS:
        raise MalformedOtlp(f"kind is {raw!r}, not one of {', '.join(KINDS)}")
    return kind


def _attributes(pairs: Iterable[Mapping[str, Any]] | None) -> dict[str, Any]:
    return {_text(pair["key"], "key of an attribute"): _value(pair.get("value")) for pair in pairs or ()}


def _value(any_value: Mapping[str, Any] | None) -> Any:  # noqa: ANN401 - OTLP's AnyValue
    if not any_value:
        return None
    [(kind, raw)] = any_value.items()
    read = VALUES.get(kind)
    if read is None:
        raise MalformedOtlp(f"{kind} is no kind of value")
    return read(raw)


def _boolean(raw: object) -> bool:
    if not isinstance(raw, bool):
        raise MalformedOtlp(f"boolValue is {raw!r}, not true or false")
    return raw


def _number(raw: object) -> int:
    if isinstance(raw, bool | float) or not re.fullmatch(r"-?\d{1,19}", str(raw)):
        raise MalformedOtlp(f"intValue is {raw!r}, not a whole number of 64 bits")
    return int(str(raw))


VALUES: dict[str, Callable[[Any], Any]] = {
    "stringValue": lambda raw: _text(raw, "stringValue"),
    "boolValue": _boolean,
    "intValue": _number,
    "doubleValue": float,
    "bytesValue": lambda raw: base64.b64decode(raw, validate=True),
    "arrayValue": lambda raw: [_value(item) for item in (raw or {}).get("values") or []],
    "kvlistValue": lambda raw: _attributes((raw or {}).get("values")),
}

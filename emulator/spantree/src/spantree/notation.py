"""The notation of a span as a line of text: `service: name (kind) !error.type {attributes} +`.

Everything but service and name is optional. Without a kind the span is internal; without `!` it did not fail, and `!`
alone stands for any failure; `{name}` requires an attribute, `{name=value}` its value as well; `+` (one or more), `*`
(any number) and `?` (at most one) repeat the line. Texts that could be misread are quoted as JSON strings.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

__all__ = ["KINDS", "Line", "escaped", "read_line", "write_value"]

KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
"""Kinds of spans; the index is the number of SpanKind in OTLP. An expected line may also have `any`."""

QUOTED = r'"(?:[^"\\]|\\.)*"'
LINE = re.compile(
    rf"(?P<service>{QUOTED}|[^\s\":][^\":]*): (?P<name>{QUOTED}|[^\s\"].*?)"
    rf"(?: \((?P<kind>any|{'|'.join(KINDS)})\))?(?P<failed> !(?P<error>{QUOTED}|[^\s\"{{#]\S*)?)?"
    rf"(?: \{{(?P<attributes>(?:{QUOTED}|[^{{}}\"])*)\}})?(?: (?P<repeated>[+*?]))?(?P<comment>\s+#.*)?\s*"
)
ATTRIBUTE = re.compile(rf"\s*(?P<key>{QUOTED}|[^\s,=\"]+)(?:=(?P<value>{QUOTED}|[^,\"\[\]]*?))?\s*(?:,|$)")

MISTAKEN = re.compile(r"\s([({!]\S*|[+*?](?=\s|$))")
"""A part of an unquoted name that was probably meant as a kind, an error, attributes or a repetition."""

PLAIN_SERVICE = re.compile(r"[\w][\w./-]*")
PLAIN_NAME = re.compile(r"[\w/][^\s\"]*(?: [\w/][^\s\"]*)*")
PLAIN_WORD = re.compile(r"[^\s\",={}#]+")
PLAIN_ERROR = re.compile(r"[^\s\"{}#]+")


@dataclass(frozen=True, slots=True)
class Line:
    """A parsed line. `error` is None for a span that did not fail, `""` for any failure."""

    service: str
    name: str
    kind: str = "internal"
    error: str | None = None
    attributes: Mapping[str, str | None] = field(default_factory=dict)
    repeated: str = ""
    comment: str = field(default="", compare=False)
    """The comment at the end of the line, with the space before it; `str()` leaves it out."""

    def __str__(self) -> str:
        kind = "" if self.kind == "internal" else f" ({self.kind})"
        error = "" if self.error is None else f" !{_quote(self.error, PLAIN_ERROR) if self.error else ''}"
        pairs = ", ".join(_pair(key, value) for key, value in self.attributes.items())
        attributes = f" {{{pairs}}}" if pairs else ""
        repeated = f" {self.repeated}" if self.repeated else ""
        return f"{_service(self.service)}: {_name(self.name)}{kind}{error}{attributes}{repeated}"


def read_line(text: str) -> Line:
    """Parse a line without its indentation. Raises ValueError."""
    found = LINE.fullmatch(text)
    if found is None:
        raise ValueError(f"the line is not of the form `service: name (kind) !error {{attributes}} +`: {text!r}")
    if part := MISTAKEN.search(found["name"]) if not found["name"].startswith('"') else None:
        raise ValueError(
            f"{part[1]} is not a valid kind, error, attribute list or repetition at this place. The form is "
            f"`service: name (kind) !error {{attributes}} +`. If it is part of the name, quote the name: {text!r}"
        )
    return Line(
        _unquote(found["service"]),
        _unquote(found["name"]),
        found["kind"] or "internal",
        _unquote(found["error"] or "") if found["failed"] else None,
        _attributes(found["attributes"] or ""),
        found["repeated"] or "",
        found["comment"] or "",
    )


def escaped(text: str) -> str:
    """Return a text with its unprintable characters escaped as in JSON, so that no terminal interprets them."""
    return text if text.isprintable() else "".join(map(_printable, text))


def _printable(character: str) -> str:
    return character if character.isprintable() else json.dumps(character)[1:-1]


def write_value(value: Any) -> str:  # noqa: ANN401 - OTLP's AnyValue
    """Return the value of an attribute as text: strings unchanged, bytes in hex, anything else as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.hex()
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_jsonable)


def _jsonable(value: Any) -> Any:  # noqa: ANN401 - as above
    return dict(value) if isinstance(value, Mapping) else list(value) if isinstance(value, tuple) else str(value)


def _attributes(text: str) -> dict[str, str | None]:
    attributes: dict[str, str | None] = {}
    position = 0
    while position < len(text):
        pair = ATTRIBUTE.match(text, position)
        if pair is None:
            raise ValueError(f"attributes are not of the form `{{name, name=value}}`: {{{text}}}")
        value = pair["value"]
        attributes[_unquote(pair["key"])] = None if value is None else _unquote(value)
        position = pair.end()
    return attributes


def _pair(key: str, value: str | None) -> str:
    key = _quote(key, PLAIN_WORD)
    return key if value is None else f"{key}={_quote(value, PLAIN_WORD)}"


@lru_cache(4096)
def _service(text: str) -> str:
    return _quote(text, PLAIN_SERVICE)


@lru_cache(4096)
def _name(text: str) -> str:
    return _quote(text, PLAIN_NAME)


def _quote(text: str, plain: re.Pattern[str]) -> str:
    if text.isprintable() and plain.fullmatch(text):
        return text
    return escaped(json.dumps(text, ensure_ascii=False))


def _unquote(text: str) -> str:
    return str(json.loads(text, strict=False)) if text.startswith('"') else text

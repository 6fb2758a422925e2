"""How texts stand in a line: as they are, or quoted as JSON strings where they could be misread."""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from spantree.notation.mistake import Mistake

__all__ = [
    "QUOTED",
    "escaped",
    "quoted_error",
    "quoted_key",
    "quoted_name",
    "quoted_service",
    "quoted_value",
    "unquoted",
    "write_value",
]

QUOTED = r'"(?:[^"\\]|\\.)*"'
"""The pattern of a quoted text."""

PLAIN_SERVICE = re.compile(r"(?!never$)[\w][\w./-]*")
PLAIN_NAME = re.compile(r"[\w/][^\s\"]*(?: (?!x\d+(?:\.\.\d*)?(?: |$))[\w/][^\s\"]*)*")
PLAIN_KEY = re.compile(r"(?!not$|\d[\d.-]*$)[^\s\",={}#<>!~]*[^\s\",={}#<>!~/]")
PLAIN_VALUE = re.compile(r"(?!/.*/$)(?![<>~])[^\s\",={}#\[\]]+")
PLAIN_ERROR = re.compile(r"(?!=)[^\s\"{}#]+")


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


@lru_cache(4096)
def quoted_service(text: str) -> str:
    """Return the name of a service as it stands in a line."""
    return _quoted(text, PLAIN_SERVICE)


@lru_cache(4096)
def quoted_name(text: str) -> str:
    """Return the name of a span as it stands in a line."""
    return _quoted(text, PLAIN_NAME)


def quoted_error(text: str) -> str:
    """Return an `error.type` as it stands after `!`."""
    return _quoted(text, PLAIN_ERROR)


def quoted_key(text: str) -> str:
    """Return the name of an attribute as it stands in braces."""
    return _quoted(text, PLAIN_KEY)


def quoted_value(text: str) -> str:
    """Return the value of an attribute as it stands after `=`."""
    return _quoted(text, PLAIN_VALUE)


def _quoted(text: str, plain: re.Pattern[str]) -> str:
    if text.isprintable() and plain.fullmatch(text):
        return text
    return escaped(json.dumps(text, ensure_ascii=False))


def unquoted(text: str, column: int) -> str:
    """Return the text that stands at a column of a line as `text`, in quotes or not. Raises Mistake."""
    if not text.startswith('"'):
        return text
    try:
        return str(json.loads(text, strict=False))
    except ValueError:
        raise Mistake(column, "the text in quotes is not a JSON string; write \\\\ for a backslash") from None

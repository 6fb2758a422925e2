"""OTLP JSON as protobuf messages, so that log records and metrics need only one reader."""

import base64
import binascii
import json
from typing import Any

from spantree.formats.otlp_json import MalformedOtlp
from spantree.formats.otlp_protobuf import message_type

__all__ = ["parse_json"]

IDS = {"traceId", "spanId"}


def parse_json(body: bytes, module: str, name: str) -> Any:  # noqa: ANN401 - generated code has no types
    """Parse OTLP JSON into a message of opentelemetry-proto. Raises MalformedOtlp."""
    from google.protobuf.json_format import ParseDict, ParseError

    try:
        document = _with_base64_ids(_object(json.loads(body)))
        return ParseDict(document, message_type(module, name)(), ignore_unknown_fields=True)
    except MalformedOtlp:
        raise
    except (ParseError, ValueError, RecursionError, AttributeError, TypeError) as error:
        raise MalformedOtlp(f"not an {name} in JSON: {error}") from error


def _object(document: Any) -> Any:  # noqa: ANN401 - JSON
    if not isinstance(document, dict):  # protobuf would take an empty list for an empty message
        raise TypeError("a document must be an object")
    return document


def _with_base64_ids(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Write ids as protobuf's own JSON mapping does. OTLP writes them in hex ("JSON Protobuf Encoding")."""
    if isinstance(value, list):
        return [_with_base64_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _base64(key, item) if key in IDS else _with_base64_ids(item) for key, item in value.items()}


def _base64(key: str, digits: Any) -> str:  # noqa: ANN401 - JSON
    try:
        return base64.b64encode(binascii.unhexlify(digits or "")).decode()
    except (binascii.Error, TypeError, ValueError) as error:
        raise MalformedOtlp(f"{key} is {digits!r}; it must be hex digits") from error

"""Recognizes servers that are often mistaken for a collector, each by a distinctive answer."""

import json
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection

from emulator.doctor.check_result import CheckFailed
from emulator.doctor.endpoint import Target
from emulator.doctor.tls import ssl_context

__all__ = ["identify"]

MOST_BYTES = 1 << 20


def identify(target: Target, seconds: float) -> str:
    """Return the kind of server, such as "Jaeger's UI"; "" if it is not recognized."""
    with suppress(OSError, HTTPException, CheckFailed):
        if _has_key(_request(target, seconds, "GET", "/api/v3/services"), "services") or _has_key(
            _request(target, seconds, "GET", "/api/services"), "data"
        ):
            return "Jaeger's UI"
        if _request(target, seconds, "POST", "/api/v2/spans", b"[]")[0] == HTTPStatus.ACCEPTED:
            return "a Zipkin receiver"
        if b"RabbitMQ" in _request(target, seconds, "GET", "/")[1]:
            return "RabbitMQ's management UI"
    return ""


def _request(target: Target, seconds: float, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    if target.tls:
        connection: HTTPConnection = HTTPSConnection(
            target.host, target.port, timeout=seconds, context=ssl_context(target, "http/1.1")
        )
    else:
        connection = HTTPConnection(target.host, target.port, timeout=seconds)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        response: HTTPResponse = connection.getresponse()
        return response.status, response.read(MOST_BYTES)
    finally:
        connection.close()


def _has_key(answer: tuple[int, bytes], key: str) -> bool:
    try:
        document = json.loads(answer[1])
    except ValueError:
        return False
    return isinstance(document, dict) and key in document

"""Who it is that is no collector: servers that are often taken for one, each known by an answer that it alone gives."""

import json
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection

from emulator.doctor.endpoint import Place
from emulator.doctor.finding import Trouble
from emulator.doctor.tls import trusting

__all__ = ["identify"]

LARGEST = 1 << 20


def identify(place: Place, seconds: float) -> str:
    """Return what a server is, in words; nothing if it is none of those that are known here."""
    with suppress(OSError, HTTPException, Trouble):
        if _has(_ask(place, seconds, "GET", "/api/v3/services"), "services") or _has(
            _ask(place, seconds, "GET", "/api/services"), "data"
        ):
            return "Jaeger's UI"
        if _ask(place, seconds, "POST", "/api/v2/spans", b"[]")[0] == 202:  # noqa: PLR2004 - HTTP's Accepted
            return "for Zipkin's spans"
        if b"RabbitMQ" in _ask(place, seconds, "GET", "/")[1]:
            return "RabbitMQ's management"
    return ""


def _ask(place: Place, seconds: float, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    if place.tls:
        connection: HTTPConnection = HTTPSConnection(
            place.host, place.port, timeout=seconds, context=trusting(place, "http/1.1")
        )
    else:
        connection = HTTPConnection(place.host, place.port, timeout=seconds)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        response: HTTPResponse = connection.getresponse()
        return response.status, response.read(LARGEST)
    finally:
        connection.close()


def _has(answer: tuple[int, bytes], key: str) -> bool:
    try:
        document = json.loads(answer[1])
    except ValueError:
        return False
    return isinstance(document, dict) and key in document

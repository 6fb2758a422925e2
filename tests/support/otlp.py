"""Sends spans to an `OtlpReceiver` as a client that may break every rule of HTTP."""

import http.client
import socket
from collections.abc import Iterable

from spantree import OtlpReceiver, Span
from tests.support.spans import protobuf

PROTOBUF, JSON = {"Content-Type": "application/x-protobuf"}, {"Content-Type": "application/json"}
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
"""The method of OTLP over gRPC."""


def post(
    otlp: OtlpReceiver, body: bytes, headers: dict[str, str] = PROTOBUF, path: str = "/v1/traces"
) -> tuple[int, bytes]:
    """Return status and body of the response."""
    connection = http.client.HTTPConnection(otlp.endpoint.removeprefix("http://"), timeout=20)
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def send(otlp: OtlpReceiver, spans: Iterable[Span]) -> None:
    assert post(otlp, protobuf(spans)) == (200, b"")


def raw(otlp: OtlpReceiver, request: bytes) -> bytes:
    """Send bytes, and read until the connection ends."""
    host, port = otlp.endpoint.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))

"""A client that does little but send: `python -m tests.benchmark.client BATCH [gzip]`.

It prepares its requests once. For each line `PORT COUNT` on standard input, it sends so many of them, and says so.
"""

import gzip
import socket
import sys
from collections.abc import Iterator, Mapping

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

__all__ = ["bodies"]

PER_TRACE = 8
REQUEST: Mapping[str, str | int] = {
    "http.request.method": "POST",
    "http.route": "/checkout",
    "url.path": "/checkout",
    "server.port": 8080,
}
STATEMENT: Mapping[str, str | int] = {
    "db.system.name": "postgresql",
    "db.query.text": "SELECT * FROM orders WHERE id = $1",
    "server.port": 5432,
}
HEADERS = "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\nAccept: */*\r\n"


def bodies(batch: int, count: int) -> Iterator[bytes]:
    """Yield what the SDK's exporter sends for spans of HTTP requests, each with some statements below it."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "shop", "host.name": "web-1"}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("shop", "1.0")
    for _ in range(count):
        for _ in range(max(batch // PER_TRACE, 1)):
            with tracer.start_as_current_span("POST /checkout", kind=SpanKind.SERVER, attributes=REQUEST):
                for _ in range(min(PER_TRACE, batch) - 1):
                    tracer.start_span("SELECT orders", kind=SpanKind.CLIENT, attributes=STATEMENT).end()
        yield encode_spans(exporter.get_finished_spans()).SerializeToString()
        exporter.clear()


def requests(batch: int, *, compressed: bool) -> list[bytes]:
    made = []
    for plain in bodies(batch, 8):
        body = gzip.compress(plain) if compressed else plain
        encoding = "Content-Encoding: gzip\r\n" if compressed else ""
        made.append(f"{HEADERS}{encoding}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return made


def main(batch: str, *options: str) -> None:
    prepared = requests(int(batch), compressed="gzip" in options)
    for line in sys.stdin:
        port, count = map(int, line.split())
        with socket.create_connection(("127.0.0.1", port)) as connection:
            for number in range(count):
                connection.sendall(prepared[number % len(prepared)])
                assert b" 200 " in connection.recv(65536)[:20]
        sys.stdout.write("sent\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])

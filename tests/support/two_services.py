"""Two services, each a process, for tests of timing: `python -m tests.support.two_services bank`, or `shop`.

`bank` prints its URL, and serves until its standard input ends. `shop URL REQUESTS` sends it so many requests, each in
a trace of its own. Set TRUNCATED to have bank's spans timed as JavaScript's SDK does it: their starts are cut off to
milliseconds.
"""

import os
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind

MILLISECOND = 1_000_000
ROUTE = {"http.request.method": "GET", "http.route": "/charge", "url.path": "/charge", "url.scheme": "http"}


class Bank(BaseHTTPRequestHandler):
    """Answers, and ends its span some time after the client has the answer."""

    tracer: trace.Tracer

    def do_GET(self) -> None:
        now = time.time_ns()
        start = now - now % MILLISECOND if os.environ.get("TRUNCATED") else now
        context, counted = propagate.extract(self.headers), time.perf_counter_ns()
        span = self.tracer.start_span("GET /charge", context, SpanKind.SERVER, ROUTE, start_time=start)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.wfile.flush()
        self.tracer.start_span("write receipt", trace.set_span_in_context(span)).end()
        span.end(start + time.perf_counter_ns() - counted + MILLISECOND)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def bank(provider: TracerProvider) -> None:
    Bank.tracer = provider.get_tracer("bank")
    with ThreadingHTTPServer(("127.0.0.1", 0), Bank) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"http://127.0.0.1:{server.server_port}/charge", flush=True)  # noqa: T201 - the caller reads it
        sys.stdin.read()
        server.shutdown()


def shop(provider: TracerProvider, url: str, requests: int) -> None:
    tracer = provider.get_tracer("shop")
    attributes = {"http.request.method": "GET", "url.full": url}
    for _ in range(requests):
        with (
            tracer.start_as_current_span("check out"),
            tracer.start_as_current_span("GET", kind=SpanKind.CLIENT, attributes=attributes) as span,
        ):
            headers: dict[str, str] = {}
            propagate.inject(headers)
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:  # noqa: S310
                span.set_attribute("http.response.status_code", answer.status)


def main(role: str, url: str = "", requests: str = "0") -> None:
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=20))
    if role == "bank":
        bank(provider)
    else:
        shop(provider, url, int(requests))
    provider.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])

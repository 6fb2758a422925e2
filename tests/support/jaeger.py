"""A fake of Jaeger's query server with an answer for each path, and a span as Jaeger's two APIs write it.

What a Jaeger with stored traces answers is in `tests.support.jaeger_storage`.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from spantree import Event, Link, Span

Answer = tuple[int, str]
"""A status and a body."""

UI = (200, "<!doctype html><title>Jaeger UI</title>")
"""Jaeger's answer to a path that it does not know."""


@dataclass(frozen=True)
class Asked:
    """A request that was received."""

    path: str
    query: dict[str, str]
    authorization: str | None


@dataclass
class FakeJaeger:
    """Its URL, and the requests that it got."""

    url: str
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def answering(
    answers: Mapping[str, Answer | Callable[[Mapping[str, str]], Answer]],
    otherwise: Answer = UI,
    *,
    missing_bytes: int = 0,
) -> Iterator[FakeJaeger]:
    """Serve a status and body for each path, prefixed by `POST ` for that method; `otherwise` for all others.

    A function gets the parameters of the query, and returns them.
    With `missing_bytes` it hangs up before the end.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = dict(parse_qsl(url.query))
            fake.asked.append(Asked(url.path, query, self.headers["Authorization"]))
            self._answer(url.path, query)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(f"POST {self.path}", {})

        def _answer(self, asked: str, query: Mapping[str, str]) -> None:
            answer = answers.get(asked, otherwise)
            status, text = answer(query) if callable(answer) else answer
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode()) + missing_bytes))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake = FakeJaeger(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


TRACE, OTHER = "0af7651916cd43dd8448eb211c80319c", "4bf92f3577b34da6a3ce929d0e0e4736"
ROOT, CHILD = "00f067aa0ba902b7", "b7ad6b7169203331"
START = 1_700_000_000_000_000
"""Microseconds since the epoch."""

NO_TRACES = (404, '{"error":{"httpCode":404,"message":"No traces found"}}\n')
NOT_FOUND = (404, '{"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":404,"msg":"trace not found"}]}\n')

ANSWER = Span(
    trace_id=TRACE,
    span_id=CHILD,
    parent_id=ROOT,
    name="GET /image",
    kind="client",
    start=START * 1000,
    end=(START + 250) * 1000,
    attributes={"http.response.status_code": 404, "retried": True, "ratio": 0.5, "error": "no such image"},
    resource={"service.name": "shop", "process.pid": 7},
    events=(Event("exception", (START + 9) * 1000, {"exception.type": "LookupError"}),),
    links=(Link(OTHER, ROOT),),
    failed=True,
    message="no image",
)
"""The spans that both APIs must give for the traces below."""


def v3_span(span_id: str = CHILD, trace_id: str = TRACE, **more: Any) -> dict[str, Any]:
    """`ANSWER` as Jaeger writes it in OTLP, with a warning of its own."""
    return {
        "traceId": trace_id,
        "spanId": span_id,
        "parentSpanId": ROOT,
        "name": "GET /image",
        "kind": 3,
        "startTimeUnixNano": str(START * 1000),
        "endTimeUnixNano": str((START + 250) * 1000),
        "attributes": [
            {"key": "http.response.status_code", "value": {"intValue": "404"}},
            {"key": "retried", "value": {"boolValue": True}},
            {"key": "ratio", "value": {"doubleValue": 0.5}},
            {"key": "error", "value": {"stringValue": "no such image"}},
            {"key": "@jaeger@warnings", "value": {"arrayValue": {"values": [{"stringValue": "clock skew"}]}}},
        ],
        "events": [
            {
                "timeUnixNano": str((START + 9) * 1000),
                "name": "exception",
                "attributes": [{"key": "exception.type", "value": {"stringValue": "LookupError"}}],
            }
        ],
        "links": [{"traceId": OTHER, "spanId": ROOT}],
        "status": {"message": "no image", "code": 2},
        **more,
    }


def v3(*spans: Mapping[str, Any], scopes: str = "scopeSpans") -> dict[str, Any]:
    attributes = [
        {"key": "service.name", "value": {"stringValue": "shop"}},
        {"key": "process.pid", "value": {"intValue": "7"}},
    ]
    resource = {"attributes": attributes}
    return {"resourceSpans": [{"resource": resource, scopes: [{"scope": {"name": "a library"}, "spans": spans}]}]}


def v3_text(*spans: Mapping[str, Any]) -> tuple[int, str]:
    return 200, json.dumps({"result": v3(*spans)})


def tag(key: str, kind: str, value: object) -> dict[str, object]:
    return {"key": key, "type": kind, "value": value}


def legacy_span(**more: Any) -> dict[str, Any]:
    """`ANSWER` in the format of Jaeger's UI."""
    return {
        "traceID": TRACE,
        "spanID": CHILD,
        "operationName": "GET /image",
        "references": [
            {"refType": "CHILD_OF", "traceID": TRACE, "spanID": ROOT},
            {"refType": "FOLLOWS_FROM", "traceID": OTHER, "spanID": ROOT},
        ],
        "startTime": START,
        "duration": 250,
        "tags": [
            tag("otel.scope.name", "string", "a library"),
            tag("http.response.status_code", "int64", 404),
            tag("retried", "bool", True),
            tag("ratio", "float64", 0.5),
            tag("error", "string", "no such image"),
            tag("span.kind", "string", "client"),
            tag("otel.status_code", "string", "ERROR"),
            tag("otel.status_description", "string", "no image"),
            tag("internal.span.format", "string", "otlp"),
        ],
        "logs": [
            {
                "timestamp": START + 9,
                "fields": [tag("event", "string", "exception"), tag("exception.type", "string", "LookupError")],
            }
        ],
        "processID": "p1",
        "warnings": None,
        **more,
    }


def legacy(*spans: Mapping[str, Any]) -> dict[str, Any]:
    processes = {"p1": {"serviceName": "shop", "tags": [tag("process.pid", "int64", 7)]}}
    trace = {"traceID": TRACE, "spans": spans, "processes": processes, "warnings": None}
    return {"data": [trace], "total": 0, "limit": 0, "offset": 0, "errors": None}


def legacy_text(*spans: Mapping[str, Any]) -> tuple[int, str]:
    return 200, json.dumps(legacy(*spans))

"""The OTLP exporter that the standard `OTEL_*` variables describe, its endpoint, and OTLP JSON.

OpenTelemetry specification, "OTLP exporter configuration". This module needs the SDK, not only the API.
"""

import base64
import logging
import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter

from emulator.instrumentation.collector_answers import CollectorAnswer, watch_session

if TYPE_CHECKING:  # requests takes long to import, and only OTLP over HTTP uses it
    from requests import Session

__all__ = ["ExportLog", "collector_answer", "endpoint_of", "otlp_endpoint", "otlp_exporter", "otlp_json_document"]

CREDENTIAL_PROVIDERS = (
    "OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER",
    "OTEL_PYTHON_EXPORTER_OTLP_HTTP_TRACES_CREDENTIAL_PROVIDER",
)
"""Name a program that makes the exporter's HTTP session."""
NO_ANSWER = "no answer in time"
CAUSE = re.compile(r"(?:\[Errno -?\d+\]|Failed to connect to remote host:) ([\w ]+)")
"""The operating system's message, as HTTP and gRPC quote it."""
USER = re.compile(r"(?<=//)[^/?#]*@|(?<!\S)[^\s/?#]+@")
"""User and password in a URL, or in a host and port without a scheme, as gRPC has it."""

# The SDK's exporters have no public attribute for their endpoint and answers, so these are remembered here.
_endpoints: WeakKeyDictionary[SpanExporter, str] = WeakKeyDictionary()
_answers: WeakKeyDictionary[SpanExporter, CollectorAnswer] = WeakKeyDictionary()


def otlp_exporter(url: str | None = None, *, session: "Session | None" = None) -> SpanExporter | None:
    """Return an OTLP exporter to the collector at `url`, or else at the endpoint in `OTEL_*`; None if there is none.

    `OTEL_EXPORTER_OTLP_PROTOCOL` selects `http/protobuf` (the default) or `grpc`. Raises ValueError for other protocols
    and for a compression that gRPC does not have. `session` sends the HTTP requests; pass one to see the answers.
    """
    endpoint = otlp_endpoint(url)
    if endpoint is None:
        return None
    answer = CollectorAnswer()
    exporter = _over_grpc(url, answer) if _protocol() == "grpc" else _over_http(url, session, answer)
    _endpoints[exporter], _answers[exporter] = endpoint, answer
    return exporter


def endpoint_of(exporter: SpanExporter) -> str | None:
    """Return the OTLP endpoint of an exporter that `otlp_exporter` made; None for others."""
    return _endpoints.get(exporter)


def collector_answer(exporter: SpanExporter) -> CollectorAnswer | None:
    """Return what shows the latest answer to an exporter that `otlp_exporter` made; None for others."""
    return _answers.get(exporter)


def otlp_endpoint(url: str | None = None) -> str | None:
    """Return where spans go: the full URL for HTTP, host and port for gRPC; None if no endpoint is configured.

    The order is `url`, `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, `OTEL_EXPORTER_OTLP_ENDPOINT`. Over HTTP, the path is
    added to all but the second, which is used unchanged ("Endpoint URLs for OTLP/HTTP").
    """
    for_traces = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    for_all = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    if not url and (not (for_traces or for_all) or os.environ.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp"):
        return None
    if _protocol() == "grpc":
        target = url or for_traces or for_all or ""
        return urlsplit(target).netloc or target
    if for_traces and not url:
        return for_traces
    return f"{(url or for_all or '').rstrip('/')}/v1/traces"


def _protocol() -> str:
    for name in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        protocol = os.environ.get(name)
        if protocol and protocol not in {"http/protobuf", "grpc"}:
            raise ValueError(f"{name} is {protocol!r}: choose http/protobuf or grpc")
        if protocol:
            return protocol
    return "http/protobuf"


def _over_http(url: str | None, session: "Session | None", answer: CollectorAnswer) -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from requests import Session

    if session is None and not any(map(os.environ.get, CREDENTIAL_PROVIDERS)):  # the SDK prefers a session over them
        session = Session()
    if session is not None:
        watch_session(session, answer)
    return OTLPSpanExporter(endpoint=otlp_endpoint(url) if url else None, session=session)


def _over_grpc(url: str | None, answer: CollectorAnswer) -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.grpc.exporter import InvalidCompressionValueException

    from emulator.instrumentation.grpc_exporter import WatchedGrpcExporter

    _check_timeout()
    try:
        return WatchedGrpcExporter(answer, url, insecure=url.startswith("http://") if url else None)
    except InvalidCompressionValueException as error:
        raise ValueError(str(error)) from error


def _check_timeout() -> None:
    """Raise ValueError for a timeout that is not a number. The exporter over gRPC does so, but does not name it."""
    for name in ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"):
        value = os.environ.get(name)
        if value is not None:
            try:
                float(value)
            except ValueError as error:
                raise ValueError(f"{name} is {value!r}, not a number of seconds") from error
            return


class ExportLog(logging.Handler):
    """Keeps the exporters' log records from the root logger: they log each attempt, with a long chain of causes.

    Several can be open at the same time, and be closed in any order.
    """

    LOGGER = logging.getLogger("opentelemetry.exporter")

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = NO_ANSWER
        others = self._open()
        self.unmuted: bool = others[0].unmuted if others else self.LOGGER.propagate
        self.LOGGER.propagate = False
        self.LOGGER.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        message = USER.sub("", record.getMessage())  # it quotes the endpoint, which may hold a password
        cause = CAUSE.search(message)
        if cause or self.last == NO_ANSWER:
            self.last = cause[1] if cause else message

    def close(self) -> None:
        self.LOGGER.removeHandler(self)
        if not self._open():
            self.LOGGER.propagate = self.unmuted
        super().close()

    def _open(self) -> list["ExportLog"]:
        return [handler for handler in self.LOGGER.handlers if isinstance(handler, ExportLog)]


def otlp_json_document(spans: Sequence[ReadableSpan]) -> dict[str, Any]:
    """Return spans as one OTLP JSON document, made by the encoder of the exporters.

    Ids are in hex, not in base64 as in protobuf's own JSON mapping (OTLP specification, "JSON Protobuf Encoding").
    """
    from google.protobuf.json_format import MessageToDict
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    document: dict[str, Any] = MessageToDict(encode_spans(spans), use_integers_for_enums=True)
    for of_resource in document.get("resourceSpans", []):
        for of_scope in of_resource["scopeSpans"]:
            for span in of_scope["spans"]:
                for holder in (span, *span.get("links", [])):
                    for name in ("traceId", "spanId", "parentSpanId"):
                        if name in holder:
                            holder[name] = base64.b64decode(holder[name]).hex()
    return document

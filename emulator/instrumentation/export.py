"""Sends spans over OTLP, as the standard `OTEL_*` variables say, with one warning if they cannot be sent.

OpenTelemetry specification, "OTLP exporter configuration". This module needs the SDK, not only the API.
"""

import base64
import logging
import os
import re
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

if TYPE_CHECKING:  # requests takes long to import, and only OTLP over HTTP uses it
    from requests import Session

__all__ = ["ExportLog", "WarningExporter", "otlp_endpoint", "otlp_exporter", "otlp_json_document", "shut_down"]

GIVE_UP_SECONDS = 0.2
NO_ANSWER = "no answer in time"
USER = re.compile(r"(?<=//)[^/?#]*@|(?<!\S)[^\s/?#]+@")
"""User and password in a URL, or in a host and port without a scheme, as gRPC has it."""

log = logging.getLogger(__name__)

# The SDK's exporters have no public attribute for their endpoint, so it is remembered here.
_endpoints: WeakKeyDictionary[SpanExporter, str] = WeakKeyDictionary()


def otlp_exporter(url: str | None = None, *, session: "Session | None" = None) -> SpanExporter | None:
    """Return an OTLP exporter to the collector at `url`, or else at the endpoint in `OTEL_*`; None if there is none.

    `OTEL_EXPORTER_OTLP_PROTOCOL` selects `http/protobuf` (the default) or `grpc`. Raises ValueError for other protocols
    and for a compression that gRPC does not have. `session` sends the HTTP requests; pass one to see the answers.
    """
    endpoint = otlp_endpoint(url)
    if endpoint is None:
        return None
    exporter = _over_grpc(url) if _protocol() == "grpc" else _over_http(url, session)
    _endpoints[exporter] = endpoint
    return exporter


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
    protocol = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    if protocol not in {None, "", "http/protobuf", "grpc"}:
        raise ValueError(f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol!r}: choose http/protobuf or grpc")
    return protocol or "http/protobuf"


def _over_http(url: str | None, session: "Session | None") -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(endpoint=otlp_endpoint(url) if url else None, session=session)


def _over_grpc(url: str | None) -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.grpc.exporter import InvalidCompressionValueException
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    try:
        return OTLPSpanExporter(endpoint=url, insecure=url.startswith("http://") if url else None)
    except InvalidCompressionValueException as error:
        raise ValueError(str(error)) from error


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
        cause = re.search(r"\[Errno -?\d+\] ([\w ]+)", message)
        if cause or self.last == NO_ANSWER:
            self.last = cause[1] if cause else message

    def close(self) -> None:
        self.LOGGER.removeHandler(self)
        if not self._open():
            self.LOGGER.propagate = self.unmuted
        super().close()

    def _open(self) -> list["ExportLog"]:
        return [handler for handler in self.LOGGER.handlers if isinstance(handler, ExportLog)]


class WarningExporter(SpanExporter):
    """Passes batches to an exporter, and warns once if some could not be sent. Without an exporter it drops them."""

    def __init__(self, onward: SpanExporter | None, exports: ExportLog) -> None:
        self.destination = None if onward is None else _endpoints.get(onward)
        """The OTLP endpoint, if `otlp_exporter` made the exporter."""
        self.delivered = 0
        self.refused = False
        self._onward = onward
        self._exports = exports

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self._onward is None:
            return SpanExportResult.SUCCESS
        result = self._onward.export(spans)
        if result is SpanExportResult.SUCCESS:
            self.delivered += len(spans)
        else:
            self.warn_of_loss(len(spans))
        return result

    def shutdown(self) -> None:
        onward, self._onward = self._onward, None
        if onward is not None:
            onward.shutdown()

    def warn_of_loss(self, missing: int) -> None:
        """Warn that this many spans were not sent, unless there was a warning before."""
        if missing > 0 and not self.refused:
            self.refused = True
            log.warning("%d spans could not be sent over OTLP (%s)", missing, self._exports.last)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - the SDK's signature
        return True


def shut_down(processor: BatchSpanProcessor, exporter: SpanExporter, seconds: float) -> bool:
    """Send the remaining spans within `seconds`. Return whether the processor has ended.

    The SDK's own shutdown retries for longer than the user of a command would wait for an unreachable collector.
    """
    flush = threading.Thread(target=processor.shutdown, daemon=True)
    flush.start()
    flush.join(seconds)
    if flush.is_alive():
        exporter.shutdown()
        flush.join(GIVE_UP_SECONDS)
    return not flush.is_alive()


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

"""Where spans go: one batch processor and one exporter for all services of a process.

Standard `OTEL_*` variables belong to the SDK; what is given here comes before them.
"""

import base64
import logging
import os
import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Tracer

from emulator import __version__
from emulator.runtime.seeded_random import SeededRandom
from emulator.runtime.span_ids import RandomIds, SeededIds
from emulator.urls import without_user

__all__ = ["Export", "otlp_exporter", "otlp_json_document", "resource_of", "tracer_of"]

FLUSH_SECONDS = 1.5
GIVE_UP_SECONDS = 0.2
QUEUE_SIZE = 65_536  # the SDK's 2,048 spans are some 80 boots: a burst would lose spans
SCHEMA = "https://opentelemetry.io/schemas/1.44.0"

log = logging.getLogger(__name__)


def otlp_exporter(url: str | None = None) -> SpanExporter | None:
    """Return an OTLP exporter to the collector at `url`, or as `OTEL_*` says; None if neither names one.

    `OTEL_EXPORTER_OTLP_PROTOCOL` chooses `http/protobuf` (the default) or `grpc`. Raises ValueError for others, and for
    what gRPC does not have.
    """
    named = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    if not url and (not named or os.environ.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp"):
        return None
    protocol = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    if protocol == "grpc":
        return _otlp_over_grpc(url)
    if protocol not in {None, "", "http/protobuf"}:
        raise ValueError(f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol!r}: choose http/protobuf or grpc")
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as OverHttp

    return OverHttp(endpoint=f"{url.rstrip('/')}/v1/traces" if url else None)


def _otlp_over_grpc(url: str | None) -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.grpc.exporter import InvalidCompressionValueException
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    try:
        return OTLPSpanExporter(endpoint=url, insecure=url.startswith("http://") if url else None)
    except InvalidCompressionValueException as error:
        raise ValueError(str(error)) from error


def tracer_of(provider: TracerProvider) -> Tracer:
    """Return our own tracer."""
    return provider.get_tracer("emulator", __version__, schema_url=SCHEMA)


def resource_of(service: str, rng: SeededRandom, more: Mapping[str, str] | None = None) -> Resource:
    """Return the resource of a service, with `more` of its attributes.

    For the namespace and the environment `OTEL_RESOURCE_ATTRIBUTES` wins, since ours are only defaults.
    """
    more = more or {}
    defaults = Resource({"service.namespace": "openstack", "deployment.environment.name": "emulator"})
    identity = {
        "service.name": service,
        "service.version": __version__,
        "service.instance.id": rng.uuid("instance", service, *more.values()),
        **more,
    }
    return defaults.merge(Resource.create(identity))


class Export:
    """The way out for the spans of a process: `tracer()` for each service, `close()` at the end.

    `exporter` may be None (nothing is sent). `kept` holds every exported span, in the order of their ends, where
    `keep` is set; a process that runs for long leaves it off. `watching` sees spans begin and
    end. A collector that cannot be reached costs one warning.
    """

    def __init__(
        self,
        exporter: SpanExporter | None = None,
        *,
        keep: bool = False,
        seed: int | None = None,
        watching: SpanProcessor | None = None,
    ) -> None:
        self._seed = seed
        self._watching = watching
        self._ended = _Ended(keep=keep)
        self._last_words = _LastWords()
        self._sending = _Sending(exporter, self._last_words)
        queue_size = None if os.environ.get("OTEL_BSP_MAX_QUEUE_SIZE") else QUEUE_SIZE
        self._processor = BatchSpanProcessor(self._sending, max_queue_size=queue_size)

    def tracer(self, service: str, rng: SeededRandom, resource: Mapping[str, str] | None = None) -> Tracer:
        """Return the tracer of a service, whose `service.name` is `service`, with more of its `resource`."""
        return tracer_of(self.provider(service, rng, resource))

    def provider(self, service: str, rng: SeededRandom, resource: Mapping[str, str] | None = None) -> TracerProvider:
        """Return where a service has its tracers from, for libraries that want tracers of their own."""
        provider = TracerProvider(
            resource=resource_of(service, rng, resource),
            id_generator=RandomIds() if self._seed is None else SeededIds(rng),
            shutdown_on_exit=False,
        )
        for processor in (self._ended, self._watching, self._processor):
            if processor is not None:
                provider.add_span_processor(processor)
        return provider

    @property
    def kept(self) -> list[ReadableSpan]:
        """The spans that have ended and are sent, or would be, where `keep` is set."""
        return self._ended.kept

    @property
    def collector(self) -> str | None:
        """The OTLP endpoint that is named, whether or not it takes spans; None if none is."""
        return None if self._sending.destination is None else without_user(self._sending.destination)

    @property
    def destination(self) -> str | None:
        """The OTLP endpoint that spans are sent to; None if there is none, or it does not take them."""
        return None if self._sending.refused else self.collector

    def flush(self) -> None:
        """Send what has ended so far. Blocks until that is done."""
        self._processor.force_flush()

    def close(self) -> None:
        """Send what is left. Takes `FLUSH_SECONDS` and a moment at the most, also where nobody listens."""
        flush = threading.Thread(target=self._processor.shutdown, daemon=True)
        flush.start()
        flush.join(FLUSH_SECONDS)
        if flush.is_alive():
            self._sending.shutdown()
            flush.join(GIVE_UP_SECONDS)
        if self._sending.destination is not None:
            self._sending.warn_of_loss(self._ended.count - self._sending.delivered)
        if not flush.is_alive():
            self._last_words.close()


class _Ended(SpanProcessor):
    """Counts the spans that are to be sent, and keeps them if asked to, whatever becomes of sending them."""

    def __init__(self, *, keep: bool) -> None:
        self.count = 0
        self.kept: list[ReadableSpan] = []
        self._keep = keep

    def on_end(self, span: ReadableSpan) -> None:
        if span.context is not None and span.context.trace_flags.sampled:
            self.count += 1
            if self._keep:
                self.kept.append(span)


class _Sending(SpanExporter):
    """Passes batches on, and says once if some were not taken."""

    def __init__(self, onward: SpanExporter | None, words: "_LastWords") -> None:
        self.destination: str | None = getattr(onward, "_endpoint", None)
        self.delivered = 0
        self.refused = False
        self._onward = onward
        self._words = words

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
        if missing > 0 and not self.refused:
            self.refused = True
            log.warning("%d spans could not be sent over OTLP (%s)", missing, self._words.last)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - the SDK's signature
        return True


class _LastWords(logging.Handler):
    """Hears the exporters out in our log's stead: they log every attempt, with a page of causes."""

    LOGGER = logging.getLogger("opentelemetry.exporter")

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = "no answer in time"
        self._propagated, self.LOGGER.propagate = self.LOGGER.propagate, False
        self.LOGGER.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        said = without_user(record.getMessage())
        cause = re.search(r"\[Errno -?\d+\] ([\w ]+)", said)
        if cause or self.last == "no answer in time":
            self.last = cause[1] if cause else said

    def close(self) -> None:
        self.LOGGER.removeHandler(self)
        self.LOGGER.propagate = self._propagated
        super().close()


def otlp_json_document(spans: Sequence[ReadableSpan]) -> dict[str, Any]:
    """Return spans as one OTLP JSON document, by the encoder that also encodes what is sent. Ids are in hex."""
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

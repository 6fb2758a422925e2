"""Where the spans of a process go: one batch processor and one exporter for all its services.

The SDK reads the standard `OTEL_*` variables; arguments that are passed here take precedence.
"""

import os
from collections.abc import Mapping

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.trace import Tracer

from emulator import __version__
from emulator.instrumentation.delivery import Delivery, SpanSender
from emulator.instrumentation.export import ExportLog, otlp_exporter, otlp_json_document
from emulator.runtime.heartbeats import Heartbeats, HeartbeatSampler
from emulator.runtime.seeded_random import SeededRandom
from emulator.runtime.span_ids import RandomIds, SeededIds
from emulator.urls import without_user

__all__ = ["Delivery", "Export", "otlp_exporter", "otlp_json_document", "resource_of", "tracer_of"]

FLUSH_SECONDS = 1.5
QUEUE_SIZE = 65_536  # the SDK's 2,048 spans are some 80 boots: a burst would lose spans
SCHEMA = "https://opentelemetry.io/schemas/1.44.0"


def tracer_of(provider: TracerProvider) -> Tracer:
    """Return the emulator's tracer of a provider."""
    return provider.get_tracer("emulator", __version__, schema_url=SCHEMA)


def resource_of(service: str, rng: SeededRandom, more: Mapping[str, str] | None = None) -> Resource:
    """Return the resource of a service, with `more` of its attributes.

    `OTEL_RESOURCE_ATTRIBUTES` can override the namespace and the environment, which are only defaults.
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
    """The export of a process's spans: `tracer()` for each service, `close()` at the end.

    Without an `exporter` nothing is sent. With `keep`, `kept` holds every exported span in the order in which they
    ended; a long-running process leaves it off. `watching` is notified when spans start and end. `heartbeats` says what
    becomes of the spans of periodic messages. An unreachable collector costs one warning, and another one with the
    number of lost spans at the end.
    """

    def __init__(
        self,
        exporter: SpanExporter | None = None,
        *,
        keep: bool = False,
        seed: int | None = None,
        watching: SpanProcessor | None = None,
        heartbeats: Heartbeats = Heartbeats.COUNT,
    ) -> None:
        self.untraced_heartbeats = 0
        """How many heartbeats this process has sent that were not exported."""
        self._heartbeats = heartbeats
        self._seed = seed
        self._watching = watching
        self._kept = _Kept() if keep else None
        self._log = ExportLog()
        self._sender = None if exporter is None else SpanSender(exporter, self._log, _queue_size())

    def tracer(self, service: str, rng: SeededRandom, resource: Mapping[str, str] | None = None) -> Tracer:
        """Return the tracer of a service. `resource` has attributes besides `service.name`."""
        return tracer_of(self.provider(service, rng, resource))

    def provider(self, service: str, rng: SeededRandom, resource: Mapping[str, str] | None = None) -> TracerProvider:
        """Return a service's tracer provider, for libraries that get their own tracers from it."""
        provider = TracerProvider(
            resource=resource_of(service, rng, resource),
            id_generator=RandomIds() if self._seed is None else SeededIds(rng),
            shutdown_on_exit=False,  # the processor is shared by all services: `close` shuts it down
        )
        provider.sampler = HeartbeatSampler(self._heartbeats, provider.sampler, self._count_untraced_heartbeat)
        for processor in (self._kept, self._watching, self._sender):
            if processor is not None:
                provider.add_span_processor(processor)
        return provider

    def _count_untraced_heartbeat(self) -> None:
        self.untraced_heartbeats += 1

    @property
    def kept(self) -> list[ReadableSpan]:
        """The sampled spans that have ended, if `keep` is set, whether or not they could be sent."""
        return [] if self._kept is None else self._kept.spans

    @property
    def delivery(self) -> Delivery:
        """How many spans of all services ended, were sent and were lost; all 0 if nothing is to be sent."""
        return Delivery() if self._sender is None else self._sender.delivery

    @property
    def collector(self) -> str | None:
        """The configured OTLP endpoint, whether or not it accepts spans; None if there is none."""
        endpoint = self._sender and self._sender.destination
        return without_user(endpoint) if endpoint else None

    @property
    def destination(self) -> str | None:
        """The OTLP endpoint that spans are sent to; None if there is none, or it has accepted none of them."""
        delivery = self.delivery
        return None if delivery.lost and not delivery.sent else self.collector

    def flush(self) -> None:
        """Send the spans that have ended so far. Blocks until that is done."""
        if self._sender is not None:
            self._sender.force_flush()

    def close(self) -> None:
        """Send the remaining spans. Takes little more than `FLUSH_SECONDS`, even if the collector does not answer."""
        if self._sender is None or self._sender.close(FLUSH_SECONDS):
            self._log.close()


def _queue_size() -> int:
    try:
        return int(os.environ.get("OTEL_BSP_MAX_QUEUE_SIZE") or QUEUE_SIZE)
    except ValueError:  # `emulator doctor` says that it is ignored
        return QUEUE_SIZE


class _Kept(SpanProcessor):
    """Keeps the sampled spans, whether or not sending them succeeds."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        if span.context is not None and span.context.trace_flags.sampled:
            self.spans.append(span)

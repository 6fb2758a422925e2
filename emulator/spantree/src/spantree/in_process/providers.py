"""The tracer providers of one test, one for each service, and the processor that collects their spans."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from spantree.in_process.determinism import Clock, CountingIds, ticking

__all__ = ["Collector", "Providers", "without_current_span"]


class Collector(SpanProcessor):
    """Keeps the spans that start and end before it is shut down, from any thread, so that no test sees another's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_open = True
        self._ended: list[ReadableSpan] = []
        self._running: dict[tuple[int, int], ReadableSpan] = {}

    @property
    def ended(self) -> list[ReadableSpan]:
        """The spans that have ended, in order of their ends."""
        with self._lock:
            return list(self._ended)

    @property
    def running(self) -> list[ReadableSpan]:
        """The spans that have not ended, in order of their starts."""
        with self._lock:
            return list(self._running.values())

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - of the base class
        """Note that a span is running."""
        with self._lock:
            if self._is_open:
                self._running[_key(span)] = span

    def on_end(self, span: ReadableSpan) -> None:
        """Keep a span, if its start was seen."""
        with self._lock:
            if self._running.pop(_key(span), None) is not None and self._is_open:
                self._ended.append(span)

    def shutdown(self) -> None:
        """Take no more spans. Those that have ended can still be read."""
        with self._lock:
            self._is_open = False


def _key(span: ReadableSpan) -> tuple[int, int]:
    return span.context.trace_id, span.context.span_id


class Providers:
    """Makes tracer providers inside its `with` block. Their spans go to one `collector`, and nowhere else."""

    def __init__(self, *, deterministic: bool) -> None:
        self.collector = Collector()
        self._by_service: dict[str, TracerProvider] = {}
        self._lock = threading.Lock()
        self._ids = CountingIds() if deterministic else None
        self._clock = Clock() if deterministic else None

    def of(self, service: str) -> TracerProvider:
        """Return the provider of a service, by its name."""
        with self._lock:
            if service not in self._by_service:
                self._by_service[service] = self._make(service)
            return self._by_service[service]

    def _make(self, service: str) -> TracerProvider:
        kind = TracerProvider if self._clock is None else ticking(self._clock)
        with _enabled():
            provider = kind(
                sampler=ALWAYS_ON,  # not what OTEL_TRACES_SAMPLER says: a test sees all spans
                resource=Resource({"service.name": service}),
                shutdown_on_exit=False,
                id_generator=self._ids,
            )
        provider.add_span_processor(self.collector)
        return provider

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.collector.shutdown()
        for provider in self._by_service.values():
            provider.shutdown()


@contextmanager
def _enabled() -> Iterator[None]:
    """Let a provider be made that works although OTEL_SDK_DISABLED silences others: it has no parameter for that."""
    disabled = os.environ.pop("OTEL_SDK_DISABLED", None)
    try:
        yield
    finally:
        if disabled is not None:
            os.environ["OTEL_SDK_DISABLED"] = disabled


@contextmanager
def without_current_span() -> Iterator[None]:
    """Let no span be current, whatever an earlier test or the test runner has left; baggage stays."""
    before = context.get_current()
    context.attach(trace.set_span_in_context(trace.INVALID_SPAN, before))
    try:
        yield
    finally:
        context.attach(before)  # detaching fails if an async fixture is torn down in another task than it was set up in

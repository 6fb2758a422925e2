"""Tracers of a foreign program, and the spans that they made."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Tracer

from spantree import Span, spans_from_sdk


class Traced:
    """Gives each service a tracer. `spans` are those that have ended."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self._providers: list[TracerProvider] = []

    def tracer(self, service: str) -> Tracer:
        named = {"service.name": service, "service.version": "1.0.0", "service.instance.id": f"{service}-1"}
        provider = TracerProvider(resource=Resource(named), shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self._providers.append(provider)
        return provider.get_tracer("a test")

    @property
    def spans(self) -> list[Span]:
        return list(spans_from_sdk(self._exporter.get_finished_spans()))

    def one(self, name: str) -> Span:
        [span] = [span for span in self.spans if span.name == name]
        return span

    def close(self) -> None:
        for provider in self._providers:
            provider.shutdown()


@pytest.fixture
def traced() -> Iterator[Traced]:
    """The tracers and spans of one test."""
    one = Traced()
    yield one
    one.close()

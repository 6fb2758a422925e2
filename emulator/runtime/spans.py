"""Spans of the current request: they get its attributes, and its fault acts on them."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Tracer, use_span
from opentelemetry.util.types import Attributes as SpanAttributes

from emulator.instrumentation import Attributes, spans
from emulator.runtime.fault_injection import fault_at
from emulator.runtime.fault_injection.traces import start_span_with_fault
from emulator.runtime.request_context import current_request
from emulator.runtime.span_ids import name_next_span

__all__ = ["report_ignored", "request_attributes", "request_tracer", "span"]


def span(
    name: str,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes | None = None,
    links: Sequence[Link] = (),
    *,
    root: bool = False,
) -> AbstractContextManager[Span]:
    """Begin a span of the current request and make it current; with `root` it begins a trace.

    An exception that leaves the block marks the span as failed.
    """
    return spans.span(request_tracer(), name, kind, request_attributes(attributes), links, root=root)


def request_attributes(more: Attributes | None = None) -> Attributes:
    """Return the attributes that all spans of the current request have, and `more`."""
    return {**current_request().attributes, **(more or {})}


def request_tracer() -> Tracer:
    """Return the tracer for spans of the current request."""
    return _RequestTracer(current_request().service_context.tracer)


class _RequestTracer(Tracer):
    """A service's tracer, with the fault of the current request applied to the spans that it starts."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: SpanAttributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> Span:
        request = current_request()
        named = name_next_span(request.service_context.service, request.request_id, name, links or ())
        fault = fault_at(name) or fault_at("*")
        handling = record_exception, set_status_on_exception
        if fault is None:
            return self._tracer.start_span(name, context, kind, attributes, links, start_time, *handling)

        def start(*, kind: SpanKind, start_time: int | None) -> Span:
            return self._tracer.start_span(name, context, kind, attributes, links, start_time, *handling)

        return start_span_with_fault(fault, named, start, kind, start_time)

    @contextmanager
    def start_as_current_span(self, name: str, *args: Any, **more: Any) -> Iterator[Span]:  # type: ignore[override] # noqa: ANN401 - the type that the SDK returns is private
        with use_span(self.start_span(name, *args, **more), end_on_exit=True) as begun:
            yield begun


def report_ignored(received: Span) -> None:
    """Add events to the span of an incoming request about the headers that were ignored, and why."""
    request = current_request()
    for name, ignored in (
        ("openstack.fault.ignored", request.ignored),
        ("openstack.osprofiler.ignored", request.untrusted),
    ):
        if ignored:
            received.add_event(name, {name: ignored})

"""Ids and times that are the same in every run: ids count up, and each reading of the clock is 1 ms after the last."""

import itertools
from collections.abc import Sequence
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import Link, Span, SpanKind, Tracer
from opentelemetry.util.types import Attributes

from spantree.in_process.late_tracer import LateTracer

__all__ = ["Clock", "CountingIds", "ticking"]

MILLISECOND = 1_000_000


class CountingIds(IdGenerator):
    """Ids 1, 2, 3, …"""

    def __init__(self) -> None:
        self._trace_ids, self._span_ids = itertools.count(1), itertools.count(1)  # next() of them is atomic

    def generate_trace_id(self) -> int:
        """Return the next trace id."""
        return next(self._trace_ids)

    def generate_span_id(self) -> int:
        """Return the next span id."""
        return next(self._span_ids)


class Clock:
    """Calling it returns 1 ms, 2 ms, 3 ms, … in nanoseconds."""

    def __init__(self) -> None:
        self._times = itertools.count(MILLISECOND, MILLISECOND)

    def __call__(self) -> int:
        """Return the next time."""
        return next(self._times)


def ticking(clock: Clock) -> type[TracerProvider]:
    """Return a class of tracer providers whose spans read their times from a clock.

    The SDK reads `time_ns` itself, but takes a time as an argument wherever it does: the tracer passes one for the
    start, and its spans one for their events and their end. Times that the code under test passes are kept.
    """

    class TickingProvider(TracerProvider):
        def get_tracer(self, *args: Any, **more: Any) -> Tracer:  # noqa: ANN401 - the parameters grow with the SDK
            return _TickingTracer(super().get_tracer(*args, **more), clock)

    return TickingProvider


class _TickingTracer(LateTracer):
    def __init__(self, tracer: Tracer, clock: Clock) -> None:
        self._tracer = tracer
        self._clock = clock

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - what else the SDK's tracers have
        return getattr(self._tracer, name)

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> Span:
        at = self._clock() if start_time is None else start_time
        span = self._tracer.start_span(
            name, context, kind, attributes, links, at, record_exception, set_status_on_exception
        )
        if isinstance(span, ReadableSpan):  # else it is not recorded
            _let_tick(span, self._clock)
        return span


def _let_tick(span: Span, clock: Clock) -> None:
    """Let a span read the clock where it would read the time. Not a wrapper: it stays a span of the SDK."""
    end, add_event = span.end, span.add_event

    def end_at(end_time: int | None = None) -> None:
        end(clock() if end_time is None else end_time)

    def add_event_at(name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        add_event(name, attributes, clock() if timestamp is None else timestamp)

    span.end = end_at  # type: ignore[method-assign]
    span.add_event = add_event_at  # type: ignore[method-assign]

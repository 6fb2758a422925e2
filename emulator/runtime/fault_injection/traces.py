"""Faults of the instrumentation itself: spans that are missing, wrong or skewed, and context that gets lost."""

from collections.abc import MutableMapping
from typing import Protocol

from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, get_current_span

from emulator.faults import Effect, Fault
from emulator.instrumentation import Attributes, Inject
from emulator.runtime.fault_injection.acting import FAULT_NAME, mark, take_fault
from emulator.runtime.fault_injection.skewed_span import SkewedSpan, skewed_now
from emulator.runtime.request_context import current_request, inject_request

__all__ = ["injection", "injection_with_fault", "start_span_with_fault"]


class StartSpan(Protocol):
    """Starts a span whose other arguments are fixed."""

    def __call__(self, *, kind: SpanKind, start_time: int | None) -> Span: ...


def start_span_with_fault(fault: Fault, named: str, start: StartSpan, kind: SpanKind, start_time: int | None) -> Span:
    """Start a span with a fault: missing, unsampled, of the wrong kind, or skewed. Its ids are drawn by `named`."""
    above = get_current_span().get_span_context()
    if fault.effect is Effect.NO_SPAN:
        return NonRecordingSpan(above)
    if fault.effect is Effect.UNSAMPLED:
        rng = current_request().service_context.rng
        span_id = rng.draw("unsampled", above.span_id, named).getrandbits(64) or 1
        return NonRecordingSpan(SpanContext(above.trace_id, span_id, is_remote=False, trace_flags=above.trace_flags))
    if fault.effect is Effect.WRONG_KIND:
        begun = start(kind=SpanKind.INTERNAL, start_time=start_time)
        begun.set_attribute(FAULT_NAME, fault.name)
        return begun
    if fault.effect is Effect.SKEW:
        begun = start(kind=kind, start_time=skewed_now() if start_time is None else start_time)
        begun.set_attribute(FAULT_NAME, fault.name)
        return SkewedSpan(begun)
    return start(kind=kind, start_time=start_time)


def injection_with_fault(at: str) -> tuple[Inject, Attributes]:
    """Return the function that injects context into an outgoing request, and attributes for the request's span."""
    fault = take_fault(at)
    return injection(fault), mark(fault)


def injection(fault: Fault | None) -> Inject:
    """Return the function that injects context into headers. It injects nothing if the fault loses the context."""
    return _inject_nothing if fault is not None and fault.effect is Effect.LOSE_CONTEXT else inject_request


def _inject_nothing(headers: MutableMapping[str, str]) -> None:
    """Leave out the context."""

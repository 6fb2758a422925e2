"""OpenTelemetry for services: spans that know their scene, and failures recorded once, where they happened."""

import random
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    get_current_span,
    set_span_in_context,
    use_span,
)

from emulator.faults import Effect
from emulator.runtime.osprofiler import chosen_trace_id
from emulator.runtime.request_context import current_request, fault_at
from emulator.runtime.seeded_random import SeededRandom

__all__ = ["AttributeValue", "RandomIds", "SeededIds", "event", "fail", "failed_with", "report_ignored", "span"]

AttributeValue = str | bool | int | float | Sequence[str]

SKEW_NANOSECONDS = 1_500_000_000
OF_SPANS = {Effect.SKEW, Effect.WRONG_KIND}
"""What a fault does to a span itself; the others act on what is done under it."""

_name: ContextVar[str] = ContextVar("name", default="")
"""What the span that is about to begin is called: the SDK asks its id generator for an id and tells it nothing."""


@contextmanager
def span(
    name: str,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Mapping[str, AttributeValue] | None = None,
    links: Sequence[Link] = (),
    *,
    root: bool = False,
) -> Iterator[Span]:
    """Begin a span of the current scene and make it current; with `root` it begins a trace.

    An exception that passes through marks it as failed.
    """
    begun = _begin(name, kind, attributes or {}, links, root=root)
    try:
        with use_span(begun, record_exception=False, set_status_on_exception=False):
            try:
                yield begun
            except Exception as error:
                fail(begun, error)
                raise
    finally:
        begun.end(_now())


def _begin(
    name: str, kind: SpanKind, attributes: Mapping[str, AttributeValue], links: Sequence[Link], *, root: bool
) -> Span:
    """Begin a span, as far as a fault leaves it alone: it may be of another kind, or not be there."""
    scene = current_request()
    fault = fault_at(name) or fault_at("*")
    effect = fault and fault.effect
    above = get_current_span().get_span_context()
    _name.set(
        " ".join(
            [scene.service_context.service, scene.request_id, name, *(f"{link.context.span_id:x}" for link in links)]
        )
    )
    if effect is Effect.NO_SPAN:
        return NonRecordingSpan(above)
    if effect is Effect.UNSAMPLED:
        span_id = scene.service_context.rng.draw("unsampled", above.span_id, _name.get()).getrandbits(64) or 1
        return NonRecordingSpan(SpanContext(above.trace_id, span_id, is_remote=False, trace_flags=above.trace_flags))
    begun = scene.service_context.tracer.start_span(
        name,
        context=set_span_in_context(INVALID_SPAN) if root else None,
        kind=SpanKind.INTERNAL if effect is Effect.WRONG_KIND else kind,
        attributes={**scene.attributes, **attributes},
        links=links,
        start_time=_now(),
    )
    if fault is not None and effect in OF_SPANS:
        begun.set_attribute("openstack.fault.name", fault.name)
    return begun


def event(on: Span, name: str, attributes: Mapping[str, AttributeValue] | None = None) -> None:
    """Add an event to a span, by the clock that the span has."""
    on.add_event(name, attributes, timestamp=_now())


def report_ignored(on: Span) -> None:
    """Tell on the span of a request that just came in what of its headers was not taken."""
    scene = current_request()
    for name, ignored in (
        ("openstack.fault.ignored", scene.ignored),
        ("openstack.osprofiler.ignored", scene.untrusted),
    ):
        if ignored:
            event(on, name, {name: ignored})


def _now() -> int:
    """Tell the time in nanoseconds, as far as a fault leaves the clock alone."""
    fault = fault_at("*")
    return time.time_ns() - (SKEW_NANOSECONDS if fault is not None and fault.effect is Effect.SKEW else 0)


def fail(failed: Span, error: Exception) -> None:
    """Mark a span as failed by `error`. Its `exception` event goes on the innermost span alone."""
    failed_with(failed, qualified_name(error), str(error))
    if _is_recorded(error):
        return
    error.__dict__["_recorded_on_span"] = True
    described = {
        "exception.type": qualified_name(error),
        "exception.message": str(error),
        "exception.stacktrace": "".join(traceback.format_exception(error)),
    }
    event(failed, "exception", described)


def failed_with(failed: Span, error_type: str, message: str = "") -> None:
    """Mark a span as failed without an exception, by an HTTP status for one."""
    failed.set_attribute("error.type", error_type)
    failed.set_status(Status(StatusCode.ERROR, message or None))


def qualified_name(error: BaseException) -> str:
    """Return the class of an error as `error.type` wants it: with its module, but for builtins."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _is_recorded(error: BaseException | None) -> bool:
    while error is not None:
        if getattr(error, "_recorded_on_span", False):
            return True
        error = error.__cause__ or error.__context__
    return False


class RandomIds(IdGenerator):
    """Trace and span ids at random, from a source of our own.

    The SDK's come from the module `random`: a program that seeds it gets the same ids again, and one that looks after
    its state, as hypothesis does, finds it changed by a cloud in the background.
    """

    def __init__(self) -> None:
        self._random = random.Random()  # noqa: S311 - no secrets

    def generate_span_id(self) -> int:
        return self._random.getrandbits(64) or 1

    def generate_trace_id(self) -> int:
        return chosen_trace_id() or self._random.getrandbits(128) or 1

    def is_trace_id_random(self) -> bool:
        """Return True: the bits are evenly spread."""
        return True


class SeededIds(IdGenerator):
    """Trace and span ids drawn by the parent's id and the span's name, so that a seed fixes them."""

    def __init__(self, rng: SeededRandom) -> None:
        self._chance = rng

    def generate_span_id(self) -> int:
        parent = get_current_span().get_span_context().span_id
        return self._chance.draw("span", parent, _name.get()).getrandbits(64) or 1

    def generate_trace_id(self) -> int:
        return chosen_trace_id() or self._chance.draw("trace", _name.get()).getrandbits(128) or 1

    def is_trace_id_random(self) -> bool:
        """Return True: the bits are evenly spread, also where a seed chose them."""
        return True

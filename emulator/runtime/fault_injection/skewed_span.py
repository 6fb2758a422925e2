"""A span timed by a clock that is behind: an OpenTelemetry span whose events and end are set back."""

import time
from collections.abc import Mapping

from opentelemetry.trace import Span, SpanContext, Status, StatusCode
from opentelemetry.util.types import AnyValue, Attributes

__all__ = ["SkewedSpan", "skewed_now"]

SKEW_NANOSECONDS = 1_500_000_000


def skewed_now() -> int:
    """Return the time in nanoseconds of a clock that is 1.5 s behind."""
    return time.time_ns() - SKEW_NANOSECONDS


class SkewedSpan(Span):
    """Forwards every call to a span of the SDK, with the time of the skewed clock."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def end(self, end_time: int | None = None) -> None:
        self._span.end(skewed_now() if end_time is None else end_time)

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        self._span.add_event(name, attributes, skewed_now() if timestamp is None else timestamp)

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        self._span.record_exception(exception, attributes, skewed_now() if timestamp is None else timestamp, escaped)

    def get_span_context(self) -> SpanContext:
        return self._span.get_span_context()

    def set_attributes(self, attributes: Mapping[str, AnyValue]) -> None:
        self._span.set_attributes(attributes)

    def set_attribute(self, key: str, value: AnyValue) -> None:
        self._span.set_attribute(key, value)

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        self._span.add_link(context, attributes)

    def update_name(self, name: str) -> None:
        self._span.update_name(name)

    def is_recording(self) -> bool:
        return self._span.is_recording()

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        self._span.set_status(status, description)

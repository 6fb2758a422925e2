"""Heartbeats: what services send at an interval, such as a compute host's capacity. By default they are not traced.

Their traces would drown those of requests. The decision is made where a heartbeat begins, and travels in its headers:
in the flags of traceparent, and in tracestate. So all its spans are exported or none, whatever other services do.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceState, get_current_span
from opentelemetry.util.types import Attributes

from emulator.instrumentation import attached

__all__ = ["HeartbeatSampler", "Heartbeats", "heartbeat", "is_untraced_heartbeat"]

BEGINS = otel_context.create_key("emulator.heartbeat")
UNTRACED = "emulator", "heartbeat"
"""The member of tracestate (W3C Trace Context, section 3.3) that says why the sampled flag is not set.

Without it, a sampler that ignores the flag would export some of the spans, and a consumer whose span only links to the
publisher's would begin a trace.
"""


class Heartbeats(Enum):
    """What becomes of the spans of heartbeats."""

    COUNT = "count"
    """Only count them: there are no spans."""
    RECORD = "record"
    """Count them, and show their spans to this process, which has a use for them, but do not export them."""
    EXPORT = "export"


@contextmanager
def heartbeat() -> Iterator[None]:
    """Make a heartbeat of the trace that begins in the block."""
    with attached(otel_context.set_value(BEGINS, True)):
        yield


def is_untraced_heartbeat(context: SpanContext) -> bool:
    """Whether a span belongs to a heartbeat that is not exported."""
    name, value = UNTRACED
    return not context.trace_flags.sampled and context.trace_state.get(name) == value


class HeartbeatSampler(Sampler):
    """Leaves heartbeats out, and asks the SDK's sampler, `others`, about all other spans.

    Calls `on_untraced` for each heartbeat that begins here and is not exported.
    """

    def __init__(self, heartbeats: Heartbeats, others: Sampler, on_untraced: Callable[[], None]) -> None:
        self._heartbeats = heartbeats
        self._others = others
        self._on_untraced = on_untraced

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Return whether a span is exported, recorded or neither."""
        above = get_current_span(parent_context).get_span_context()
        if not above.is_valid and links:  # begins a trace because of a message: with the messaging context `link`
            above = links[0].context
        if above.is_valid:
            if is_untraced_heartbeat(above):
                return self._untraced(attributes)
        elif otel_context.get_value(BEGINS, parent_context) and self._heartbeats is not Heartbeats.EXPORT:
            self._on_untraced()
            return self._untraced(attributes)
        return self._others.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        """Return how the sampler is shown to people."""
        return f"HeartbeatSampler{{{self._heartbeats.value},{self._others.get_description()}}}"

    def _untraced(self, attributes: Attributes) -> SamplingResult:
        decision = Decision.RECORD_ONLY if self._heartbeats is Heartbeats.RECORD else Decision.DROP
        return SamplingResult(decision, attributes, TraceState([UNTRACED]))

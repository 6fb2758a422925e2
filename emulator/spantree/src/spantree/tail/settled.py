"""Which traces are due to be printed: those that are complete, or have been incomplete for long, and do not change."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from spantree.tail.kept_traces import KeptTraces
from spantree.tail.received_trace import ReceivedTrace

__all__ = ["Printed", "due", "next_due"]

QUIET_SECONDS = 1.0
"""A complete trace without new spans for so long is taken to be finished: work behind a message may have followed."""
INCOMPLETE_SECONDS = 10.0
"""For a trace without a root, or with a missing parent. SDKs send spans every 5 s by default (OTEL_BSP_SCHEDULE_DELAY),
so a missing one has been lost by then, or its work takes long."""


@dataclass(frozen=True, slots=True)
class Printed:
    """How many spans each trace had when it was printed, by trace id."""

    spans: Mapping[str, int] = field(default_factory=dict)


def due(
    printed: Printed, kept: KeptTraces, now: float, *, all_of_them: bool = False
) -> tuple[Printed, list[ReceivedTrace]]:
    """Return the traces to print now, also those that are dropped or that `all_of_them` asks for."""
    traces = [trace for trace in kept.evicted if _is_new(printed, trace)]
    settled = (trace for trace in kept.by_id.values() if all_of_them or now >= _time(trace))
    traces += [trace for trace in settled if _is_new(printed, trace)]
    spans = {**printed.spans, **{trace.trace_id: len(trace.spans) for trace in traces}}
    return replace(printed, spans={key: count for key, count in spans.items() if key in kept.by_id}), traces


def next_due(printed: Printed, kept: KeptTraces) -> float | None:
    """Return when the next trace is due if no more spans arrive; None if none is."""
    return min((_time(trace) for trace in kept.by_id.values() if _is_new(printed, trace)), default=None)


def _is_new(printed: Printed, trace: ReceivedTrace) -> bool:
    return printed.spans.get(trace.trace_id) != len(trace.spans)


def _time(trace: ReceivedTrace) -> float:
    return trace.updated + (QUIET_SECONDS if trace.complete else INCOMPLETE_SECONDS)

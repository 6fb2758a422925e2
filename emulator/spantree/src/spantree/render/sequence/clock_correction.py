"""Corrects clock skew: the clocks of services differ, but an effect never comes before its cause."""

from spantree import Span, SpanTree

__all__ = ["Times", "causal_times"]

Times = dict[str, tuple[int, int]]
"""Start and end by span id, in nanoseconds."""


def causal_times(trace: SpanTree) -> Times:
    """Return the times of all spans. Spans of a wrong clock are moved to where their parents allow them to be."""
    shifts: dict[str, int] = {}
    times: Times = {}
    for _, span in trace.walk():
        parent = span.parent
        shift = 0 if parent is None else _shift(span, parent, shifts[parent.span_id], times[parent.span_id])
        shifts[span.span_id] = shift
        times[span.span_id] = (span.start + shift, max(span.start, span.end) + shift)
    return times


def _shift(span: Span, parent: Span, parent_shift: int, parent_times: tuple[int, int]) -> int:
    """Return how far to move a span. A server's span goes to the middle of the call, as if both ways took equally long.

    Jaeger adjusts clock skew by the same rule.
    """
    if _clock(span) == _clock(parent):
        return parent_shift
    begin, end = parent_times
    took = max(0, span.duration)
    fits_into_call = parent.kind == "client" and span.kind == "server" and took <= end - begin
    if span.start < begin:
        return begin - span.start + ((end - begin - took) // 2 if fits_into_call else 0)
    if fits_into_call and span.end > end:
        return begin - span.start + (end - begin - took) // 2
    return 0


def _clock(span: Span) -> tuple[str, str]:
    return span.service, str(span.resource.get("host.name", ""))

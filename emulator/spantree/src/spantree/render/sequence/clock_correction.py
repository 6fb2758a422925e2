"""When things happened, by one clock: an effect never comes before its cause, whatever the clocks of services say."""

from spantree import Span, SpanTree

__all__ = ["Times", "causal_times"]

Times = dict[str, tuple[int, int]]
"""Start and end by span id, in nanoseconds."""


def causal_times(trace: SpanTree) -> Times:
    """Return the times of all spans, those of a clock that differs moved to where the span above allows them."""
    shifts: dict[str, int] = {}
    times: Times = {}
    for _, span in trace.walk():
        above = span.parent
        shift = 0 if above is None else _shift(span, above, shifts[above.span_id], times[above.span_id])
        shifts[span.span_id] = shift
        times[span.span_id] = (span.start + shift, max(span.start, span.end) + shift)
    return times


def _shift(span: Span, above: Span, shift_above: int, times_above: tuple[int, int]) -> int:
    if _clock(span) == _clock(above):
        return shift_above
    begin, end = times_above
    took = max(0, span.duration)
    answered = above.kind == "client" and span.kind == "server" and took <= end - begin
    if span.start < begin:
        return begin - span.start + ((end - begin - took) // 2 if answered else 0)
    if answered and span.end > end:
        return begin - span.start + (end - begin - took) // 2
    return 0


def _clock(span: Span) -> tuple[str, str]:
    return span.service, str(span.resource.get("host.name", ""))

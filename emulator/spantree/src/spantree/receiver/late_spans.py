"""Reports spans that came after a test had looked at their trace, and that make it differ from what was expected."""

from collections.abc import Callable
from dataclasses import dataclass

from spantree.expectation import Expectation
from spantree.span_tree import SpanTree

__all__ = ["LateSpans", "Watch", "describe_late_spans"]

SHOWN = 10
"""The most late spans that a report lists."""


class LateSpans(AssertionError):
    """A trace was as expected when the test looked at it, but spans that came before the test ended make it differ."""

    __module__ = "spantree"  # where users import it from, and what a failed test shows


@dataclass(frozen=True, slots=True)
class Watch:
    """A trace as it was when it fitted an expected tree, at a time of `time.monotonic()`."""

    trace: SpanTree
    expected: Expectation
    since: float


def describe_late_spans(
    watch: Watch, now: SpanTree | None, arrived_at: Callable[[str, str], float | None]
) -> str | None:
    """Return how a trace differs by now from the tree that it fitted; None if it still fits."""
    if now is None or (len(now) == len(watch.trace) and len(watch.expected.roots) == 1):
        return None
    difference = now.difference(watch.expected)
    if difference is None:
        return None
    known = {span.span_id for span in watch.trace.spans}
    late = [span for span in now.spans if span.span_id not in known]
    lines = []
    for span in late[:SHOWN]:
        time = arrived_at(span.trace_id, span.span_id)
        after = "" if time is None else f", {max(0.0, time - watch.since) * 1e3:.0f} ms later"
        lines.append(f"  {span}{after}")
    more = [f"  and {len(late) - SHOWN} more"] if len(late) > SHOWN else []
    came = f"{len(late)} span{'' if len(late) == 1 else 's'} came later:" if late else "linked traces changed later."
    return "\n".join(
        [
            f"trace {now.trace_id} was as expected when the test looked at it, but {came}",
            *lines,
            *more,
            "",
            str(difference),
            "",
            "To wait until no more spans come, use otlp.trace(settle=0.5).",
        ]
    )

"""Which of several traces to look at, where there is room for one."""

from collections.abc import Sequence

from spantree import SpanTree

__all__ = ["most_telling"]


def most_telling(traces: Sequence[SpanTree]) -> tuple[SpanTree, str]:
    """Return the first trace in which something failed, else the longest, and why it is the one. Raises ValueError."""
    failed = next((trace for trace in traces if any(span.failed for span in trace.spans)), None)
    if failed is not None:
        return failed, "the first with a span that failed"
    return max(traces, key=lambda trace: trace.duration), "the longest"

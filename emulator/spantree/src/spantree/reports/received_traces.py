"""Shows the traces of a failed test, each of them once."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spantree import SpanTree

__all__ = ["describe_traces"]

MOST_DRAWN, MOST_LINES = 5, 60
"""More traces, or larger ones, are listed with a line each."""
MOST_LISTED = 20


def describe_traces(traces: "Sequence[SpanTree]", failure: str) -> str:
    """Draw the traces that the text of a failure does not show yet; list them if they are many or large.

    Returns `""` if the failure shows them all: a text that names the id of a trace shows that trace.
    """
    above = [trace for trace in traces if trace.trace_id in failure]
    others = [trace for trace in traces if trace.trace_id not in failure]
    if not others:
        return ""
    is_small = len(others) <= MOST_DRAWN and sum(map(len, others)) <= MOST_LINES
    shown = [_drawn(trace) if is_small else _listed(trace) for trace in others[:MOST_LISTED]]
    more = [f"and {len(others) - MOST_LISTED} more"] if len(others) > MOST_LISTED else []
    return ("\n\n" if is_small else "\n").join([*(f"{_listed(trace)} (see above)" for trace in above), *shown, *more])


def _listed(trace: "SpanTree") -> str:
    return f"trace {trace.trace_id}, {len(trace)} span{'' if len(trace) == 1 else 's'}: {trace.roots[0]}"


def _drawn(trace: "SpanTree") -> str:
    return f"trace {trace.trace_id}\n{trace}"

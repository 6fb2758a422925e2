"""Explains why an awaited trace did not arrive: what is missing from the closest one, and what did arrive."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import ClassVar

from spantree.expectation import Expectation
from spantree.receiver.selection import Selection
from spantree.span_tree import SpanTree

__all__ = ["Received", "explain_failure", "explain_timeout", "several_roots"]

SHOWN_ROOTS = 10
NEAREST_SECONDS = 1.0
"""How long a report may look for the nearest trace."""


def explain_timeout(
    expected: Expectation | None,
    selection: Selection,
    seconds: float,
    meant: Sequence[SpanTree],
    others: Sequence[SpanTree],
    taken: Sequence[str],
) -> str:
    """Explain a time-out: what the caller waited for, and what is missing from the traces that came closest.

    `meant` are the traces with the right root, `others` have another one, and earlier calls have returned `taken`.
    """
    which = f" with {selection}" if str(selection) else ""
    if expected is None:
        reasons = [f"trace {trace.trace_id}: {_missing_parents(trace)}" for trace in meant if trace.orphans]
        reasons += _roots_of(others) if selection.by_root else []
        reasons += [f"trace {trace_id}: an earlier call has returned it" for trace_id in taken[:SHOWN_ROOTS]]
        return "\n".join([f"no complete trace{which} arrived within {seconds:g} s.", *reasons])
    summary = f"the expected trace{which} did not arrive within {seconds:g} s."
    if meant:
        return f"{summary}{_compared(expected, _nearest(expected, meant))}"
    if others:
        begin = " or ".join(": ".join(root) for root in expected.roots) if expected.roots else "the expected spans"
        return "\n".join([f"{summary} No trace begins with {str(selection) or begin}.", *_roots_of(others)])
    return f"{summary} Earlier calls have returned all traces that arrived." if taken else summary


def explain_failure(expected: Expectation, selection: Selection, trace: SpanTree) -> str:
    """Explain why a trace fails before the time is up."""
    which = f" with {selection}" if str(selection) else ""
    difference = trace.difference(expected)
    return (
        f"the trace{which} can no longer become as expected: its root and all parents have arrived. If you mean "
        "another one, choose it by its root, as in otlp.trace(attributes=…) or otlp.trace(error=False).\n\n"
        f"The closest trace, {trace.trace_id}:\n{difference}"
    )


def several_roots(traces: Iterable[SpanTree]) -> str:
    """Return that the traces have several roots, of which the caller must name one; "" if they have not."""
    roots = list(dict.fromkeys((trace.roots[0].service, trace.roots[0].name) for trace in traces))
    if len(roots) < 2:  # noqa: PLR2004 - one root needs no choice
        return ""
    listed = "".join(f"\n  otlp.trace(service={service!r}, name={name!r})" for service, name in roots[:SHOWN_ROOTS])
    more = f"\n  and {len(roots) - SHOWN_ROOTS} more" if len(roots) > SHOWN_ROOTS else ""
    return f"several traces arrived, and which of them is to be written is not said. Name its root:{listed}{more}"


@dataclass(frozen=True, slots=True)
class Received:
    """The first traces that arrived, and the number of all."""

    SHOWN: ClassVar = 20

    traces: Sequence[SpanTree]
    number: int

    def described(self, above: str) -> str:
        """Draw the traces that arrived, except the one whose difference is in the text above."""
        if not self.traces:
            return (
                "No span arrived. Does the exporter send to this receiver's endpoint, and was it flushed (shut down "
                "the tracer provider)?"
            )
        others = [trace for trace in self.traces if f"The closest trace, {trace.trace_id}:" not in above]
        if not others:
            return "No other trace was received."
        shown = others[: self.SHOWN]
        left = self.number - len(self.traces) + len(others) - len(shown)
        more = f"\n\nand {left} more traces" if left else ""
        drawn = "".join(f"\n\ntrace {trace.trace_id}\n{trace}" for trace in shown)
        return f"{'Received' if len(others) == len(self.traces) else 'Also received'}:{drawn}{more}"


def _nearest(expected: Expectation, traces: Sequence[SpanTree]) -> SpanTree:
    """Return the trace that differs least. The likeliest comes first, and large ones are not all compared."""
    best, least, deadline = traces[0], math.inf, monotonic() + NEAREST_SECONDS
    for trace in traces:
        cost = expected.cost(trace.roots_for(expected))
        if cost < least:
            best, least = trace, cost
        if monotonic() > deadline:
            break
    return best


def _compared(expected: Expectation, nearest: SpanTree) -> str:
    difference = nearest.difference(expected)
    if difference is None:
        return f" Trace {nearest.trace_id} is as expected, but spans kept coming: it was not silent for long enough."
    return f"\n\nThe closest trace, {nearest.trace_id}:\n{difference}"


def _roots_of(traces: Sequence[SpanTree]) -> list[str]:
    roots = list(dict.fromkeys(str(trace.roots[0]) for trace in traces))
    if not roots:
        return []
    more = [f"  and {len(roots) - SHOWN_ROOTS} more"] if len(roots) > SHOWN_ROOTS else []
    return ["The traces that came begin with:", *(f"  {root}" for root in roots[:SHOWN_ROOTS]), *more]


def _missing_parents(trace: SpanTree) -> str:
    missing = {span.parent_id: span for span in trace.orphans}
    return "; ".join(f"the parent {parent_id} of {span} has not arrived" for parent_id, span in missing.items())

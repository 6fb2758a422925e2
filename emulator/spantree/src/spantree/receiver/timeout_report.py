"""Explains why an awaited trace did not arrive: what is missing from the closest one, and what did arrive."""

from collections.abc import Sequence

from spantree.expectation import Expectation
from spantree.span_tree import SpanTree

__all__ = ["all_received", "closest", "explain_timeout"]

SHOWN = 20
"""The most traces that the message of a time-out shows."""


def closest(expected: Expectation, candidates: list[SpanTree]) -> SpanTree:
    """Return the trace that differs least from an expected tree."""
    return min(candidates, key=lambda tree: expected.cost(tree.roots))


def explain_timeout(
    expected: Expectation | None,
    trace_id: str | None,
    seconds: float,
    candidates: list[SpanTree],
    handed_out: Sequence[str],
) -> str:
    """Explain a time-out: what the caller waited for, and what is missing from the traces that came closest."""
    which = "" if trace_id is None else f" {trace_id}"
    if expected is None:
        reasons = [f"trace {tree.trace_id}: {_missing_parents(tree)}" for tree in candidates]
        reasons += [f"trace {returned}: an earlier call has returned it" for returned in handed_out if not trace_id]
        return "\n".join([f"no complete trace{which} arrived within {seconds:g} s.", *reasons])
    summary = f"the expected trace{which} did not arrive within {seconds:g} s."
    nearest = closest(expected, candidates) if candidates else None
    difference = None if nearest is None else expected.difference(nearest.roots)
    if nearest is not None and difference is not None:
        missing = "".join(f"\n  {line}" for line in difference.missing)
        summary += f" Missing:{missing}" if missing else " No span is missing, but the trace is not as expected."
        return f"{summary}\n\nThe closest trace, {nearest.trace_id}:\n{difference}"
    return f"{summary} Earlier calls have returned all traces that arrived." if handed_out else summary


def _missing_parents(tree: SpanTree) -> str:
    missing = {span.parent_id: span for span in tree.orphans}
    return "; ".join(f"the parent {parent_id} of {span} has not arrived" for parent_id, span in missing.items())


def all_received(trees: list[SpanTree], above: str) -> str:
    """Draw every trace that arrived, except the one whose difference is in the text above."""
    if not trees:
        return (
            "No span arrived. Does the exporter send to this receiver's endpoint, and was it flushed (shut down the "
            "tracer provider)?"
        )
    others = [tree for tree in trees if f"The closest trace, {tree.trace_id}:" not in above]
    if not others:
        return "No other trace was received."
    more = f"\n\nand {len(others) - SHOWN} more traces" if len(others) > SHOWN else ""
    drawn = "".join(f"\n\ntrace {tree.trace_id}\n{tree}" for tree in others[:SHOWN])
    return f"{'Received' if others == trees else 'Also received'}:{drawn}{more}"

"""Looks in other traces for what is missing from one: spans whose trace context was lost, or that link instead."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from spantree.expectation.alignment import fits_level
from spantree.expectation.comparison import same_service_and_name
from spantree.expectation.parser import ExpectedSpan, Level
from spantree.expectation.placeholders import Placeholder
from spantree.expectation.report_tree import LOST, MISSING, Node, titled, walk_nodes
from spantree.span import Span

__all__ = ["Elsewhere", "find_lost", "nowhere"]

Elsewhere: TypeAlias = Callable[[Callable[[Span], bool]], Iterable[Span]]
"""Returns the spans at the top of other traces for which a function is true. `TraceRelations.tops_elsewhere` is one."""
CANDIDATES = 20
"""The most spans of other traces that are compared in full with a missing line."""


def nowhere(_: Callable[[Span], bool]) -> Iterable[Span]:
    """Return no spans: no other trace is known."""
    return ()


def find_lost(top: Node, elsewhere: Elsewhere, placeholders: Mapping[str, Placeholder]) -> None:
    """Mark the missing lines whose spans came at the top of another trace, with everything that is missing below."""
    missing = [node for node in walk_nodes(top.below) if node.kind == MISSING] if elsewhere is not nowhere else []
    lines = [node.expected.line for node in missing if node.expected is not None]
    if not lines:
        return
    names = {(line.service, line.name) for line in lines}
    patterns = [line for line in lines if "{" in line.name]

    def is_wanted(span: Span) -> bool:
        return (span.service, span.name) in names or any(
            same_service_and_name(line, span, placeholders) for line in patterns
        )

    found = list(elsewhere(is_wanted))
    taken: set[Span] = set()
    for node in missing if found else ():
        if node.kind == MISSING and node.expected is not None:
            _mark(node, node.expected, [span for span in found if span not in taken], placeholders, taken)


def _mark(
    node: Node,
    expected: ExpectedSpan,
    found: list[Span],
    placeholders: Mapping[str, Placeholder],
    taken: set[Span],
) -> None:
    near = _time(node)
    candidates = [span for span in found if same_service_and_name(expected.line, span, placeholders)]
    candidates.sort(key=lambda span: abs(span.start - near))
    whole = (span for span in candidates[:CANDIDATES] if fits_level(Level([expected]), [span], placeholders))
    span = next(whole, None)
    if span is None and not candidates:
        return
    fits = span is not None
    span = span or candidates[0]
    taken.add(span)
    for below in walk_nodes([node]):
        below.kind = LOST if below.kind == MISSING else below.kind
    node.reason = _explain(node, span, expected.size, fits=fits)


def _time(node: Node) -> int:
    """Return the start of the closest span above a line, near which its own is looked for."""
    above = node.above
    while above is not None and above.span is None:
        above = above.above
    return 0 if above is None or above.span is None else above.span.start


def _explain(node: Node, span: Span, size: int, *, fits: bool) -> str:
    these = f"these {size}" if size > 1 else "this"
    trace = f"trace {span.trace_id[:8]}…"
    differs = "" if fits else ", where what is below it differs"
    if node.above is None or node.above.span is None:
        return f"not in this trace: {these} came as {trace}{differs}"
    linked = next((linked for linked in span.linked if linked.trace_id == node.above.span.trace_id), None)
    if linked is not None:
        return (
            f"{these} came as {trace}{differs}, which links to {titled(linked)}: "
            "compare trace.joined(), or write this line as a second root"
        )
    orphan = f", and the parent {span.parent_id} is in neither" if span.parent_id else ""
    return f"context lost: {these} came as {trace}{differs}{orphan}"

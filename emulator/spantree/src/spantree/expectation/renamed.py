"""Parts lines from spans of another name where the line's own span, or the span's own line, is elsewhere.

The alignment of one level cannot know that: it prefers a renamed span to one that is missing and one that is extra.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import islice

from spantree.expectation.alignment import fits_level
from spantree.expectation.comparison import RENAMED, weight
from spantree.expectation.parser import ExpectedSpan
from spantree.expectation.placeholders import Placeholder
from spantree.expectation.report_tree import (
    DIFFERENT,
    MISSING,
    UNEXPECTED,
    Node,
    missing_node,
    unexpected_node,
    walk_nodes,
)
from spantree.span import Span

__all__ = ["part_renamed"]

CANDIDATES = 2
"""The most lines or spans of a name that are compared in full."""

MOST_SPANS = 5_000
"""The most spans that are compared in all: in a deep tree, each is below many others."""


def part_renamed(top: Node, placeholders: Mapping[str, Placeholder]) -> None:
    """Replace each such pair by a missing line and an unexpected span, which are then found to have moved."""
    nodes = list(walk_nodes(top.below))
    pairs = [node for node in nodes if node.kind == DIFFERENT and weight(node.reasons) >= RENAMED]
    if not pairs:
        return
    lines, spans = (
        defaultdict[tuple[str, str], list[ExpectedSpan]](list),
        defaultdict[tuple[str, str], list[Span]](list),
    )
    for node in nodes:
        if node.expected is not None and (node.kind == MISSING or weight(node.reasons) >= RENAMED):
            lines[node.expected.line.service, node.expected.line.name].append(node.expected)
        if node.span is not None and (node.kind == UNEXPECTED or weight(node.reasons) >= RENAMED):
            spans[node.span.service, node.span.name].append(node.span)

    left = MOST_SPANS

    def are_alike(expected: ExpectedSpan, span: Span) -> bool:
        """Return whether nothing is different below a line and a span."""
        nonlocal left
        left -= max(expected.size, 1 + sum(1 for _ in islice(span.descendants, max(left, 0))))
        return left >= 0 and fits_level(expected.below, span.children, placeholders)

    def is_elsewhere(node: Node) -> bool:
        assert node.expected is not None
        assert node.span is not None
        line, span = node.expected.line, node.span
        for expected in lines[span.service, span.name][:CANDIDATES]:
            if are_alike(expected, span):
                return True
        return any(are_alike(node.expected, found) for found in spans[line.service, line.name][:CANDIDATES])

    parted = {id(node) for node in pairs if is_elsewhere(node)}
    for node in [top, *nodes] if parted else ():
        node.below = [each for below in node.below for each in (_parts(below) if id(below) in parted else (below,))]


def _parts(node: Node) -> Iterator[Node]:
    assert node.above is not None
    assert node.expected is not None
    assert node.span is not None
    yield missing_node(node.above, node.expected)
    yield unexpected_node(node.above, node.span)

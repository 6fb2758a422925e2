"""The tree that a report of differences shows: the lines of an expected tree and the spans of a trace, merged.

It is built from an alignment. Other modules then recognise what happened: spans that moved, traces that were cut.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from spantree.expectation.comparison import Alignment, Reasons, Row
from spantree.expectation.parser import ExpectedSpan, Level
from spantree.notation import Line
from spantree.span import Span

__all__ = [
    "DIFFERENT",
    "FITS",
    "LOST",
    "MISSING",
    "MOVED",
    "OTHERS",
    "TOP",
    "UNEXPECTED",
    "Node",
    "add_alignment",
    "missing_node",
    "required_below",
    "titled",
    "tree_of",
    "unexpected_node",
    "walk_nodes",
]

TOP, FITS, DIFFERENT, MISSING, UNEXPECTED = "top", "fits", "different", "missing", "not expected"
MOVED = "moved"
"""The line's span stands at another place of the trace."""
LOST = "in other traces"
"""The line's span came in another trace, with what is below it."""
OTHERS = "others"
"""Spans that `...` allows."""


@dataclass(eq=False, slots=True)
class Node:
    """A line of the report, with the lines below it. It has an expected line, a span, or both.

    `level` is what is expected below it. `reason` says in words what is wrong. `count` is the number of equal nodes
    that it stands for, and `spans` are those of OTHERS.
    """

    kind: str
    above: "Node | None" = None
    expected: ExpectedSpan | None = None
    span: Span | None = None
    reasons: Reasons = ()
    level: Level | None = None
    below: "list[Node]" = field(default_factory=list)
    reason: str = ""
    count: int = 1
    spans: list[Span] = field(default_factory=list)

    @property
    def title(self) -> str:
        """Service and name, to refer to it in a sentence."""
        line = self.expected.line if self.expected is not None else None
        return (
            titled(self.span) if self.span is not None else "" if line is None else str(Line(line.service, line.name))
        )


def titled(span: Span) -> str:
    """Return the service and the name of a span, to refer to it in a sentence."""
    return str(Line(span.service, span.name))


def tree_of(alignment: Alignment) -> Node:
    """Return the tree of an alignment."""
    top = Node(TOP)
    add_alignment(top, alignment)
    return top


def add_alignment(above: Node, alignment: Alignment) -> None:
    """Add the nodes of an alignment below a node. There is no recursion: a tree may be deeper than Python's stack."""
    waiting = [(above, alignment)]
    while waiting:
        above, alignment = waiting.pop()
        above.level = alignment.level
        for row in alignment.rows:
            node = _add_row(above, row)
            if node is not None and row.below is not None:
                waiting.append((node, row.below))


def _add_row(above: Node, row: Row) -> Node | None:
    if row.expected is None and row.allowed:
        if not (above.below and above.below[-1].kind == OTHERS):
            above.below.append(Node(OTHERS, above))
        above.below[-1].spans += [] if row.span is None else [row.span]
        return None
    if row.expected is not None and row.span is None and row.allowed:
        return None
    if row.span is None:
        assert row.expected is not None
        node = missing_node(above, row.expected, row.reasons)
    elif row.expected is None:
        node = unexpected_node(above, row.span, row.reasons)
    else:
        node = Node(DIFFERENT if row.reasons else FITS, above, row.expected, row.span, row.reasons)
    above.below.append(node)
    return node


def missing_node(above: Node, expected: ExpectedSpan, reasons: Reasons = ()) -> Node:
    """Return the node of a line without a span, with the lines below it."""
    top = Node(MISSING, above, expected, reasons=reasons)
    waiting = [top]
    while waiting:
        node = waiting.pop()
        assert node.expected is not None
        node.level = node.expected.below
        node.below = [Node(MISSING, node, expected) for expected in required_below(node.level)]
        waiting += node.below
    return top


def unexpected_node(above: Node, span: Span, reasons: Reasons = ()) -> Node:
    """Return the node of a span without a line, with the spans below it."""
    top = Node(UNEXPECTED, above, span=span, reasons=reasons)
    waiting = [top]
    while waiting:
        node = waiting.pop()
        assert node.span is not None
        node.below = [Node(UNEXPECTED, node, span=span) for span in node.span.children]
        waiting += node.below
    return top


def required_below(level: Level) -> Iterator[ExpectedSpan]:
    """Yield the lines of a level that may not be missing, including those at any depth."""
    for expected in (*level.spans(), *level.deep):
        if not expected.optional:
            yield expected


def walk_nodes(nodes: Iterable[Node]) -> Iterator[Node]:
    """Yield nodes and everything below them, in the order of the report. What is below may change meanwhile."""
    waiting = list(nodes)[::-1]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(node.below)

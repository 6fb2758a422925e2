"""Recognises spans that stand at another place than expected, so that each is one difference instead of two.

For each missing line, the largest first, an unexpected span with the same service and name is looked up in an index.
"""

from bisect import bisect
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import count, islice

from spantree.expectation.alignment import align
from spantree.expectation.comparison import RENAMED, Alignment, Reasons, compare, same_service_and_name, weight
from spantree.expectation.parser import ExpectedSpan
from spantree.expectation.placeholders import Placeholder
from spantree.expectation.report_tree import (
    DIFFERENT,
    FITS,
    MISSING,
    MOVED,
    OTHERS,
    TOP,
    UNEXPECTED,
    Node,
    add_alignment,
    titled,
    walk_nodes,
)
from spantree.span import Span

__all__ = ["find_moved"]

CANDIDATES = 4
"""The most spans that are compared in full with a missing line, of those with its service and name."""


def find_moved(top: Node, placeholders: Mapping[str, Placeholder]) -> None:
    """Mark the missing lines whose spans stand elsewhere in the trace, and drop those spans from the unexpected."""
    missing = [node for node in walk_nodes(top.below) if node.kind == MISSING]
    if not missing:
        return
    search = _Search(placeholders)
    for node in walk_nodes(top.below):
        if node.kind == UNEXPECTED and node.span is not None:
            search.offer(node.span)
    for node in walk_nodes(top.below):
        for span in node.spans if node.kind == OTHERS else ():
            search.offer(span)
            for below in span.descendants:
                search.offer(below)
    moved = search.match(missing)
    unexpected = _drop_moved(top, search.moved)
    lifted = [node for node in moved if _is_lifted_over_extra(node, unexpected)]
    for node in list(walk_nodes([top])) if lifted else ():
        node.below = [below for below in node.below if below.above is node]
    for extra in {id(node.above): node.above for node in lifted}.values():
        assert extra is not None
        extra.below.sort(key=lambda below: 0 if below.span is None else below.span.start)
    for node in moved:
        _lift_over_missing(node)
    _explain(moved)


@dataclass(slots=True)
class _Search:
    """The spans that no line stands for, by service and name. `gone` are those for which a line has been found."""

    placeholders: Mapping[str, Placeholder]
    by_name: dict[str, dict[str, list[Span]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    gone: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)
    torn: set[str] = field(default_factory=set)
    """Spans of which something below has gone, so that they can no longer be matched as a whole."""
    sizes: dict[str, int] = field(default_factory=dict)

    def offer(self, span: Span) -> None:
        self.by_name[span.service][span.name].append(span)

    def match(self, missing: list[Node]) -> list[Node]:
        """Find spans for missing lines, and for those that are missing below the spans found. Return these lines."""
        serial, moved = count(), list[Node]()
        queue = [(-node.expected.size, next(serial), node) for node in missing if node.expected is not None]
        heapify(queue)
        dropped: set[int] = set()
        while queue:
            _, _, node = heappop(queue)
            if id(node) in dropped or node.expected is None:
                continue
            found = self._best(node.expected)
            if found is None:
                continue
            dropped |= {id(below) for below in walk_nodes(node.below)}
            self._take(node, *found)
            moved.append(node)
            for below in walk_nodes(node.below):
                if below.kind == MISSING and below.expected is not None:
                    heappush(queue, (-below.expected.size, next(serial), below))
        return moved

    def _best(self, expected: ExpectedSpan) -> tuple[Span, Reasons, Alignment] | None:
        """Return the span that fits a line best, of the first few with its service and name."""
        best: tuple[Span, Reasons, Alignment] | None = None
        least = -1
        for span in islice(self._candidates(expected), CANDIDATES):
            reasons = compare(expected, span, self.placeholders)
            if reasons is None or weight(reasons) >= RENAMED or not self._may_be_alike(expected, span):
                continue
            below = align(expected.below, self._children(span), self.placeholders)
            cost = weight(reasons) + below.cost
            if self._is_alike(expected, span, below) and (best is None or cost < least):
                best, least = (span, reasons, below), cost
            if cost == 0:
                break
        return best

    def _children(self, span: Span) -> Sequence[Span]:
        children = span.children
        return [child for child in children if child.span_id not in self.moved] if children else ()

    def _candidates(self, expected: ExpectedSpan) -> Iterator[Span]:
        by_name = self.by_name.get(expected.line.service, {})
        exact = by_name.get(expected.line.name)
        if exact is not None:
            names = [exact]
        elif "{" in expected.line.name:
            names = [
                of for of in by_name.values() if of and same_service_and_name(expected.line, of[0], self.placeholders)
            ]
        else:
            names = []
        for spans in names:
            del spans[: _leading(spans, self.gone)]
            yield from (span for span in spans if span.span_id not in self.gone and span.span_id not in self.torn)

    def _may_be_alike(self, expected: ExpectedSpan, span: Span) -> bool:
        """Return whether enough spans are below for `_is_alike`: each that is missing costs 2. This is cheap."""
        lines, spans = expected.size - 1, self._size(span) - 1
        return 2 * (lines - spans) <= lines + spans

    def _is_alike(self, expected: ExpectedSpan, span: Span, below: Alignment) -> bool:
        """Return whether at least half of what is below agrees: many spans are called GET."""
        if expected.size == 1:
            return True
        return below.cost <= (expected.size - 1) + (self._size(span) - 1)

    def _size(self, span: Span) -> int:
        if span.span_id not in self.sizes:
            for each in reversed([span, *span.descendants]):
                self.sizes[each.span_id] = 1 + sum(self.sizes[child.span_id] for child in each.children)
        return self.sizes[span.span_id]

    def _take(self, node: Node, span: Span, reasons: Reasons, below: Alignment) -> None:
        node.kind, node.span, node.reasons, node.below = MOVED, span, reasons, []
        add_alignment(node, below)
        self.moved.add(span.span_id)
        self.gone |= {span.span_id, *(each.span_id for each in span.descendants)}
        for each in walk_nodes(node.below):
            if each.kind == UNEXPECTED and each.span is not None:
                self.gone.discard(each.span.span_id)
        for above in islice(span.ancestors, 1, None):  # a parent is compared without this child
            if above.span_id in self.torn:
                break
            self.torn.add(above.span_id)


def _leading(spans: list[Span], gone: set[str]) -> int:
    return next((number for number, span in enumerate(spans) if span.span_id not in gone), len(spans))


def _drop_moved(top: Node, moved: set[str]) -> dict[str, Node]:
    """Drop the spans that moved from where they are unexpected. Return the nodes of those that remain, by span id."""
    unexpected: dict[str, Node] = {}
    for node in walk_nodes([top]):
        node.below = [below for below in node.below if not _has_moved(below, moved)]
        if node.kind == UNEXPECTED and node.span is not None:
            unexpected[node.span.span_id] = node
    return unexpected


def _has_moved(node: Node, moved: set[str]) -> bool:
    if node.kind == OTHERS:
        node.spans = [span for span in node.spans if span.span_id not in moved]
        return not node.spans
    return node.kind == UNEXPECTED and node.span is not None and node.span.span_id in moved


def _is_lifted_over_extra(node: Node, unexpected: Mapping[str, Node]) -> bool:
    """Show a moved line in place, below unexpected spans that stand between it and the span it belongs to."""
    assert node.span is not None
    assert node.above is not None
    parent = node.span.parent
    inner = outer = None if parent is None else unexpected.get(parent.span_id)
    while outer is not None and outer.above is not None and outer.above.kind == UNEXPECTED:
        outer = outer.above
    if inner is None or outer is None or outer.above is not node.above:
        return False
    node.kind, node.above = DIFFERENT if node.reasons else FITS, inner
    inner.below.append(node)
    where = "at the top" if outer.above.kind == TOP else f"below {outer.above.title}"
    outer.reason = f"not expected in between: its unmarked lines are expected {where}"
    return True


def _lift_over_missing(node: Node) -> None:
    """Show a moved line in place if only missing lines stand between it and the parent of its span."""
    assert node.span is not None
    outer, above = None, node.above
    while above is not None and above.kind == MISSING:
        outer, above = above, above.above
    if outer is None or above is None:
        return
    parent = node.span.parent
    if (above.kind == TOP and parent is None) or (above.span is not None and above.span == parent):
        node.kind = DIFFERENT if node.reasons else FITS
        where = "at the top" if parent is None else f"below {above.title}"
        outer.reason = f"missing in between: its unmarked lines were found {where}"


def _explain(moved: list[Node]) -> None:
    """Say where each moved span was found."""
    places: dict[int, _Places] = {}
    for node in moved:
        if node.kind != MOVED or node.span is None or node.above is None:
            continue
        parent, above = node.span.parent, node.above
        if above.kind in {TOP, FITS, DIFFERENT, MOVED} and above.span == parent:
            if id(above) not in places:
                places[id(above)] = _Places(above)
            node.reason = places[id(above)].out_of_order(node)
            if not node.reason:
                node.kind = DIFFERENT if node.reasons else FITS
        elif parent is not None:
            another = "another " if titled(parent) == above.title else ""
            node.reason = f"moved below {another}{titled(parent)}"
        elif node.span.parent_id:
            node.reason = f"moved to the top: its parent {node.span.parent_id} is not in the trace"
        else:
            node.reason = "moved to the top: it is a root"


class _Places:
    """Where the lines of one level stand, by the index of the line and by the start of its span, both rising."""

    def __init__(self, above: Node) -> None:
        nodes = above.below
        self.index = {id(node): number for number, node in enumerate(nodes)}
        starts = sorted((node.span for node in nodes if node.span is not None), key=lambda span: span.start)
        self.position = {span.span_id: number for number, span in enumerate(starts)}
        self.fixed = [
            (self.position[node.span.span_id], self.index[id(node)], node)
            for node in nodes
            if node.kind in {FITS, DIFFERENT} and node.span is not None
        ]
        self.fixed.sort(key=lambda place: place[0])

    def out_of_order(self, node: Node) -> str:
        """Return how a line is out of order; `""` if, among the lines in order so far, it is not."""
        assert node.span is not None
        index, position = self.index[id(node)], self.position[node.span.span_id]
        place = bisect(self.fixed, position, key=lambda fixed: fixed[0])
        if place and self.fixed[place - 1][1] > index:
            return f"out of order: it started after {self.fixed[place - 1][2].title}"
        if place < len(self.fixed) and self.fixed[place][1] < index:
            return f"out of order: it started before {self.fixed[place][2].title}"
        self.fixed.insert(place, (position, index, node))
        return ""

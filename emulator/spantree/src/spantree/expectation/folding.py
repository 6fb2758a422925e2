"""Makes one line of several equal ones in a row: `×499` instead of 499 lines."""

from collections.abc import Hashable

from spantree.expectation.report_tree import FITS, MISSING, UNEXPECTED, Node, walk_nodes

__all__ = ["fold_repetitions"]


def fold_repetitions(top: Node) -> None:
    """Merge neighbours with the same line, the same kind of difference and the same lines below."""
    numbers: dict[Hashable, int] = {}
    shapes: dict[int, int] = {}
    for node in reversed([top, *walk_nodes(top.below)]):  # what is below comes first
        kept: list[Node] = []
        for below in node.below:
            if kept and _folds(below) and shapes[id(kept[-1])] == shapes[id(below)]:
                kept[-1].count += below.count
            else:
                kept.append(below)
        node.below = kept
        shape = (_own_shape(node), *((shapes[id(below)], below.count) for below in kept))
        shapes[id(node)] = numbers.setdefault(shape, len(numbers))


def _folds(node: Node) -> bool:
    """Return whether it may be merged: a line that is as expected only if it stands for several spans."""
    return node.kind in {MISSING, UNEXPECTED} or (
        node.kind == FITS and node.expected is not None and node.expected.repeats
    )


def _own_shape(node: Node) -> Hashable:
    if node.kind == UNEXPECTED and node.span is not None:
        span = node.span  # without its message: two orders that are unknown fail in the same way
        return (node.kind, span.service, span.name, span.kind, span.failed, span.error_type)
    if node.expected is None:
        return (node.kind, id(node))
    if node.kind != MISSING:
        return (node.kind, id(node.expected if node.kind == FITS else node))
    line = node.expected.line
    return (node.kind, line.service, line.name, line.kind, line.error, str(line) if line.attributes else "")

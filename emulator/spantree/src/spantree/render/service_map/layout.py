"""Lays out boxes in columns with labelled wires between them, so that nothing overlaps. It knows sizes, not contents.

Each wire has a slot in every column that it passes, and between two columns of boxes there is one for labels. The
slots of a column lie below one another; wires are level in their slots and bend between the columns. That is why no
label lies on a box, a wire or another label. (Sugiyama, Tagawa and Toda: Methods for Visual Understanding of
Hierarchical System Structures, 1981; labels as in Graphviz's dot.)
"""

# Why not a library: none that pip installs places labels on edges. grandalf 0.8 (2023, alpha, GPLv2 or EPL, untyped)
# routes edges without labels; networkx's multipartite_layout neither reduces crossings nor routes; python-igraph is
# compiled, and leaves routing to its caller (https://github.com/igraph/python-igraph/pull/725); Graphviz is a program
# of its own. The slots for labels would have to be built around any of them, and are most of this package.

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from spantree.render.service_map.column_layout import BOX_GAP, Size, Slot, arrange
from spantree.render.service_map.ranks import ranks

__all__ = ["MapLayout", "Rectangle", "Route", "Size", "Wire", "lay_out"]

PORT_GAP = 13.0
"""Between the ends of two wires on the side of a box."""


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A position and size. `x` is the left side, `y` the middle."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Wire:
    """A connection from box to box, and the size of its label."""

    tail: str
    head: str
    label: Size


@dataclass(frozen=True, slots=True)
class Route:
    """The horizontal pieces of a wire, `(from x, to x, y)`, from its tail to its head; and the place of its label."""

    levels: tuple[tuple[float, float, float], ...]
    label: Rectangle


@dataclass(frozen=True, slots=True)
class MapLayout:
    """Where everything is, from (0, 0) on. The routes are in the order of the wires."""

    size: Size
    boxes: Mapping[str, Rectangle]
    routes: Sequence[Route]


Chain: TypeAlias = Sequence[Slot]
"""The slots of a wire from left to right, whatever its direction. The first and the last are boxes."""


def lay_out(sizes: Mapping[str, Size], wires: Sequence[Wire]) -> MapLayout:
    """Lay out boxes of these sizes, the tail of each wire left of its head. In a cycle some wires lead back left.

    The two ends of a wire must be different.
    """
    rank = ranks(list(sizes), [(wire.tail, wire.head) for wire in wires])
    boxes = {name: Slot(2 * rank[name], _with_ports(name, size, wires), BOX_GAP) for name, size in sizes.items()}
    chains = [_chain(wire, boxes) for wire in wires]
    size = arrange([*boxes.values(), *(slot for chain in chains for slot in chain[1:-1])])
    ports = _port_heights(chains)
    routes = [
        _route(chain, ports[number, False], ports[number, True], backward=chain[0] is not boxes[wire.tail])
        for number, (wire, chain) in enumerate(zip(wires, chains, strict=True))
    ]
    return MapLayout(size, {name: _rectangle(slot) for name, slot in boxes.items()}, routes)


def _with_ports(name: str, size: Size, wires: Sequence[Wire]) -> Size:
    """Return the size of a box with room for all its wires on one side, since their sides are not known yet."""
    ends = sum(name in (wire.tail, wire.head) for wire in wires)
    return Size(size.width, max(size.height, ends * PORT_GAP))


def _chain(wire: Wire, boxes: Mapping[str, Slot]) -> Chain:
    """Create the slots of a wire and connect them."""
    left, right = sorted((boxes[wire.tail], boxes[wire.head]), key=lambda slot: slot.column)
    label_column = _label_column(left, right)
    between = (
        Slot(column, wire.label if column == label_column else Size(0, 0))
        for column in range(left.column + 1, right.column)
    )
    chain = [left, *between, right]
    for slot, following in pairwise(chain):
        slot.after.append(following)
        following.before.append(slot)
    return chain


def _label_column(left: Slot, right: Slot) -> int:
    """Return the label column nearest to the middle. Those are the odd columns; boxes are in even ones."""
    return (left.column + right.column) // 2 | 1


def _port_heights(chains: Sequence[Chain]) -> dict[tuple[int, bool], float]:
    """Return the y at which each wire touches its left box (False) and its right box (True).

    Ports lie around the middle of a box, in the order of the slots that their wires lead to, so that wires at a box
    do not cross.
    """
    sides: dict[tuple[Slot, bool], list[tuple[int, int]]] = {}
    for number, chain in enumerate(chains):
        sides.setdefault((chain[0], False), []).append((chain[1].place, number))
        sides.setdefault((chain[-1], True), []).append((chain[-2].place, number))
    return {
        (number, is_right): box.y + (place - (len(wires) - 1) / 2) * PORT_GAP
        for (box, is_right), wires in sides.items()
        for place, (_, number) in enumerate(sorted(wires))
    }


def _route(chain: Chain, first_port: float, last_port: float, *, backward: bool) -> Route:
    first, last = _rectangle(chain[0]), _rectangle(chain[-1])
    levels = [
        (first.x + first.width, chain[0].right, first_port),
        *((slot.left, slot.right, slot.y) for slot in chain[1:-1]),
        (chain[-1].left, last.x, last_port),
    ]
    if backward:
        levels = [(end, begin, y) for begin, end, y in reversed(levels)]
    label = chain[_label_column(chain[0], chain[-1]) - chain[0].column]
    return Route(tuple(levels), _rectangle(label))


def _rectangle(slot: Slot) -> Rectangle:
    """Return where the content of a slot is: in the middle of its column."""
    indent = (slot.right - slot.left - slot.size.width) / 2
    return Rectangle(slot.left + indent, slot.y, slot.size.width, slot.size.height)

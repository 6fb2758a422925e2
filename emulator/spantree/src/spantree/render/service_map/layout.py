"""Boxes in columns with wires between them, so that nothing lies on anything else. It knows sizes, not what they hold.

Each wire has a slot in every column that it passes, and there is a column for labels between any two of boxes. All
slots of a column lie below one another; wires are level in their slots and bend between the columns. So no label lies
on a box, a wire or another label. (Sugiyama, Tagawa and Toda: Methods for Visual Understanding of Hierarchical System
Structures, 1981; labels as in Graphviz's dot.)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from spantree.render.service_map.column_layout import BOX_GAP, Size, Slot, arrange
from spantree.render.service_map.ranks import ranks

__all__ = ["Layout", "Rectangle", "Route", "Size", "Wire", "layout"]

PORT = 13.0
"""Between the ends of two wires on the side of a box."""


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Where something is. `y` is its middle."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Wire:
    """From box to box, with a label of some size on it."""

    tail: str
    head: str
    label: Size


@dataclass(frozen=True, slots=True)
class Route:
    """The level stretches of a wire, `(from x, to x, y)`, in its direction; and where its label is."""

    levels: tuple[tuple[float, float, float], ...]
    label: Rectangle


@dataclass(frozen=True, slots=True)
class Layout:
    """Where all is, from (0, 0) on; the routes are in the order of the wires."""

    size: Size
    boxes: Mapping[str, Rectangle]
    routes: Sequence[Route]


Chain: TypeAlias = Sequence[Slot]
"""The slots of a wire from left to right, whichever its direction is; the first and the last are boxes."""


def layout(sizes: Mapping[str, Size], wires: Sequence[Wire]) -> Layout:
    """Lay out boxes, the first of a wire to the left of the second where wires make no circles.

    Where they do, some lead from right to left. A wire has two different ends.
    """
    rank = ranks(list(sizes), [(wire.tail, wire.head) for wire in wires])
    boxes = {name: Slot(2 * rank[name], _high_enough(name, size, wires), BOX_GAP) for name, size in sizes.items()}
    chains = [_chain(wire, boxes) for wire in wires]
    size = arrange([*boxes.values(), *(slot for chain in chains for slot in chain[1:-1])])
    ports = _ports(chains)
    routes = [
        _route(chain, ports[number, False], ports[number, True], backward=chain[0] is not boxes[wire.tail])
        for number, (wire, chain) in enumerate(zip(wires, chains, strict=True))
    ]
    return Layout(size, {name: _rectangle(slot) for name, slot in boxes.items()}, routes)


def _high_enough(name: str, size: Size, wires: Sequence[Wire]) -> Size:
    """Return the size of a box on whose sides all wires find room, whichever sides these are."""
    ends = sum(name in (wire.tail, wire.head) for wire in wires)
    return Size(size.width, max(size.height, ends * PORT))


def _chain(wire: Wire, boxes: Mapping[str, Slot]) -> Chain:
    """Make the slots of a wire, and wire them up."""
    left, right = sorted((boxes[wire.tail], boxes[wire.head]), key=lambda slot: slot.column)
    labelled = _label_column(left, right)
    between = (
        Slot(column, wire.label if column == labelled else Size(0, 0))
        for column in range(left.column + 1, right.column)
    )
    chain = [left, *between, right]
    for slot, following in pairwise(chain):
        slot.after.append(following)
        following.before.append(slot)
    return chain


def _label_column(left: Slot, right: Slot) -> int:
    """Return the column in the middle that is for labels: boxes are in even ones."""
    return (left.column + right.column) // 2 | 1


def _ports(chains: Sequence[Chain]) -> dict[tuple[int, bool], float]:
    """Return the height at which each wire touches its left box, and its right one (True).

    Around the middle of the box, in the order of the places that the wires lead to.
    """
    sides: dict[tuple[Slot, bool], list[tuple[int, int]]] = {}
    for number, chain in enumerate(chains):
        sides.setdefault((chain[0], False), []).append((chain[1].place, number))
        sides.setdefault((chain[-1], True), []).append((chain[-2].place, number))
    return {
        (number, is_right): box.y + (place - (len(wires) - 1) / 2) * PORT
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
        levels = [(to, since, y) for since, to, y in reversed(levels)]
    label = chain[_label_column(chain[0], chain[-1]) - chain[0].column]
    return Route(tuple(levels), _rectangle(label))


def _rectangle(slot: Slot) -> Rectangle:
    """Return where the content of a slot is: in the middle of its column."""
    indent = (slot.right - slot.left - slot.size.width) / 2
    return Rectangle(slot.left + indent, slot.y, slot.size.width, slot.size.height)

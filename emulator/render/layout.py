"""Boxes in columns with wires between them, so that nothing lies on anything else. It knows sizes, not what they hold.

Each wire has a slot in every column that it passes, and there is a column for labels between any two of boxes. All
slots of a column lie below one another; wires are level in their slots and bend between the columns. So no label lies
on a box, a wire or another label. (Sugiyama, Tagawa and Toda: Methods for Visual Understanding of Hierarchical System
Structures, 1981; labels as in Graphviz's dot.)
"""

from bisect import bisect_right, insort
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from emulator.render.ranks import ranks

__all__ = ["Layout", "Rectangle", "Route", "Size", "Wire", "layout"]

GAP, WIRE_GAP, BOX_GAP = 34.0, 8.0, 26.0
"""Between columns; below and above a wire or label; below and above a box."""
PORT = 13.0
"""Between the ends of two wires on the side of a box."""
SWEEPS, LEVELLINGS = 12, 80
STIFFNESS = 8
"""How much more a wire wants to be level with itself than with a box."""


@dataclass(frozen=True, slots=True)
class Size:
    """What something needs."""

    width: float
    height: float


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


@dataclass(slots=True, eq=False)
class Slot:
    """A place in a column, for a box, a label, or a wire that passes; and what it is wired to on either side."""

    column: int
    size: Size
    gap: float = WIRE_GAP
    before: "list[Slot]" = field(default_factory=list)
    after: "list[Slot]" = field(default_factory=list)
    place: int = 0
    y: float = 0.0


def layout(sizes: Mapping[str, Size], wires: Sequence[Wire]) -> Layout:
    """Lay out boxes, the first of a wire to the left of the second where wires make no circles. No wire leads back."""
    rank = ranks(list(sizes), [(wire.tail, wire.head) for wire in wires])
    boxes = {name: Slot(2 * rank[name], _high_enough(name, size, wires), BOX_GAP) for name, size in sizes.items()}
    chains = [_chain(wire, boxes) for wire in wires]
    columns: list[list[Slot]] = [[] for _ in range(max((slot.column for slot in boxes.values()), default=0) + 1)]
    for slot in [*boxes.values(), *(slot for chain in chains for slot in chain[1:-1])]:
        slot.place = len(columns[slot.column])
        columns[slot.column].append(slot)
    _order(columns)
    _level(columns)
    return _placed(boxes, wires, chains, columns)


def _high_enough(name: str, size: Size, wires: Sequence[Wire]) -> Size:
    """Return the size of a box on whose sides all wires find room, whichever sides these are."""
    ends = sum(name in (wire.tail, wire.head) for wire in wires)
    return Size(size.width, max(size.height, ends * PORT)) if ends else size


def _chain(wire: Wire, boxes: Mapping[str, Slot]) -> list[Slot]:
    """Return the slots of a wire from left to right, the label in the middle, all wired up."""
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


def _order(columns: list[list[Slot]]) -> None:
    """Sort columns by the places of what they are wired to, from both sides in turn; keep what has fewest crossings."""
    best, fewest = [list(column) for column in columns], _crossings(columns)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        for column in columns if sweep % 2 == 0 else reversed(columns):
            column.sort(key=_among_those_before if sweep % 2 == 0 else _among_those_after)
            _number(column)
        if (crossings := _crossings(columns)) < fewest:
            best, fewest = [list(column) for column in columns], crossings
    columns[:] = best
    for column in columns:
        _number(column)


def _number(column: Sequence[Slot]) -> None:
    for place, slot in enumerate(column):
        slot.place = place


def _among_those_before(slot: Slot) -> float:
    return _mean([other.place for other in slot.before], slot.place)


def _among_those_after(slot: Slot) -> float:
    return _mean([other.place for other in slot.after], slot.place)


def _crossings(columns: Sequence[Sequence[Slot]]) -> int:
    return sum(_crossings_behind(column) for column in columns)


def _crossings_behind(column: Sequence[Slot]) -> int:
    """Count pairs of wires to the next column whose ends there are in the other order."""
    crossings = 0
    seen: list[int] = []
    for slot in column:
        for place in sorted(other.place for other in slot.after):
            crossings += len(seen) - bisect_right(seen, place)
        for other in slot.after:
            insort(seen, other.place)
    return crossings


def _level(columns: Sequence[Sequence[Slot]]) -> None:
    """Let every slot be as level with what it is wired to as the others of its column allow."""
    for column in columns:
        _spread(column, [0.0] * len(column))
    for sweep in range(LEVELLINGS):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            _spread(column, [_wanted(slot) for slot in column])


def _wanted(slot: Slot) -> float:
    """Return where a slot would lie best: a wire level with itself rather than with its boxes."""
    around = [(other.y, 1 if BOX_GAP in (slot.gap, other.gap) else STIFFNESS) for other in (*slot.before, *slot.after)]
    weight = sum(weight for _, weight in around)
    return sum(y * weight for y, weight in around) / weight if around else slot.y


def _spread(column: Sequence[Slot], wanted: Sequence[float]) -> None:
    """Bring slots as near to the wanted heights as their order and sizes allow, by least squares.

    Those that would lie on one another are pooled, and their pool is where they want to be on average.
    """
    offsets = list(_offsets(column))
    pools: list[tuple[float, int]] = []
    for height, offset in zip(wanted, offsets, strict=True):
        pool = (height - offset, 1)
        while pools and pools[-1][0] / pools[-1][1] > pool[0] / pool[1]:
            total, number = pools.pop()
            pool = (total + pool[0], number + pool[1])
        pools.append(pool)
    means = (total / number for total, number in pools for _ in range(number))
    for slot, mean, offset in zip(column, means, offsets, strict=True):
        slot.y = mean + offset


def _offsets(column: Sequence[Slot]) -> Iterator[float]:
    """Yield how far below the first slot each has to be at least."""
    offset = 0.0
    yield from [offset] if column else []
    for above, below in pairwise(column):
        offset += (above.size.height + below.size.height) / 2 + max(above.gap, below.gap)
        yield offset


def _mean(numbers: Sequence[float], otherwise: float) -> float:
    return sum(numbers) / len(numbers) if numbers else otherwise


def _placed(
    boxes: Mapping[str, Slot], wires: Sequence[Wire], chains: Sequence[list[Slot]], columns: Sequence[Sequence[Slot]]
) -> Layout:
    widths = [max((slot.size.width for slot in column), default=0.0) for column in columns]
    lefts = [sum(widths[:number]) + number * GAP for number in range(len(widths))]
    slots = [slot for column in columns for slot in column]
    top = min((slot.y - slot.size.height / 2 for slot in slots), default=0.0)
    bottom = max((slot.y + slot.size.height / 2 for slot in slots), default=0.0)

    def rectangle(slot: Slot) -> Rectangle:
        indent = (widths[slot.column] - slot.size.width) / 2
        return Rectangle(lefts[slot.column] + indent, slot.y - top, slot.size.width, slot.size.height)

    ports = _ports(chains)
    routes = []
    for number, (wire, chain) in enumerate(zip(wires, chains, strict=True)):
        first, last = rectangle(chain[0]), rectangle(chain[-1])
        begin, end = lefts[chain[0].column] + widths[chain[0].column], lefts[chain[-1].column]
        levels = [
            (first.x + first.width, begin, ports[number, False] - top),
            *((lefts[each.column], lefts[each.column] + widths[each.column], each.y - top) for each in chain[1:-1]),
            (end, last.x, ports[number, True] - top),
        ]
        if chain[0] is not boxes[wire.tail]:
            levels = [(to, since, y) for since, to, y in reversed(levels)]
        label = chain[_label_column(chain[0], chain[-1]) - chain[0].column]
        routes.append(Route(tuple(levels), rectangle(label)))
    size = Size(lefts[-1] + widths[-1], bottom - top)
    return Layout(size, {name: rectangle(slot) for name, slot in boxes.items()}, routes)


def _ports(chains: Sequence[list[Slot]]) -> dict[tuple[int, bool], float]:
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

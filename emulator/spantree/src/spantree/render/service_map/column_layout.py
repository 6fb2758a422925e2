"""Slots in columns, wired from column to column: in which order they lie, how high, and how far to the right."""

from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

__all__ = ["BOX_GAP", "Size", "Slot", "arrange"]

GAP, WIRE_GAP, BOX_GAP = 34.0, 8.0, 26.0
"""Between columns; below and above a wire or label; below and above a box."""
SWEEPS, LEVELLINGS = 12, 80
STIFFNESS = 8
"""How much more a wire wants to be level with itself than with a box."""


@dataclass(frozen=True, slots=True)
class Size:
    """What something needs."""

    width: float
    height: float


@dataclass(slots=True, eq=False)
class Slot:
    """A place in a column, for a box, a label, or a wire that passes; and what it is wired to on either side.

    It is arranged by `place`, from the top of its column, by the height `y` of its middle, and by the `left` and
    `right` of its column.
    """

    column: int
    size: Size
    gap: float = WIRE_GAP
    before: "list[Slot]" = field(default_factory=list)
    after: "list[Slot]" = field(default_factory=list)
    place: int = 0
    y: float = 0.0
    left: float = 0.0
    right: float = 0.0


def arrange(slots: Sequence[Slot]) -> Size:
    """Arrange slots, from (0, 0) on, so that none lies on another. Return what they need together."""
    columns: list[list[Slot]] = [[] for _ in range(max((slot.column for slot in slots), default=-1) + 1)]
    for slot in slots:
        columns[slot.column].append(slot)
    for column in columns:
        _number(column)
    _order(columns)
    _level(columns)
    return Size(_widen(columns), _lift(slots))


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


def _widen(columns: Sequence[Sequence[Slot]]) -> float:
    """Put columns side by side. Return how wide they are together."""
    left = right = 0.0
    for column in columns:
        right = left + max(slot.size.width for slot in column)
        for slot in column:
            slot.left, slot.right = left, right
        left = right + GAP
    return right


def _lift(slots: Sequence[Slot]) -> float:
    """Let the highest begin at 0. Return how high all are together."""
    top = min((slot.y - slot.size.height / 2 for slot in slots), default=0.0)
    for slot in slots:
        slot.y -= top
    return max((slot.y + slot.size.height / 2 for slot in slots), default=0.0)

"""Arranges slots in columns: their order in each column, their heights, and the x of each column."""

from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

__all__ = ["BOX_GAP", "Size", "Slot", "arrange"]

COLUMN_GAP, WIRE_GAP, BOX_GAP = 34.0, 8.0, 26.0
"""Between two columns, around a wire or label, and around a box."""
ORDER_SWEEPS, LEVEL_SWEEPS = 12, 80
"""Passes over all columns. After so many, pictures do not improve any further."""
STIFFNESS = 8
"""How much more it matters that a wire is level than that it leaves its box without a bend."""


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in pixels."""

    width: float
    height: float


@dataclass(slots=True, eq=False)
class Slot:
    """A place in a column for a box, a label or a passing wire, with the slots that it is wired to.

    `arrange` fills in its `place` in the column from the top, the `y` of its middle, and the `left` and `right` of
    the column.
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
    """Arrange slots without overlaps, from (0, 0) on. Return the total size."""
    columns: list[list[Slot]] = [[] for _ in range(max((slot.column for slot in slots), default=-1) + 1)]
    for slot in slots:
        columns[slot.column].append(slot)
    for column in columns:
        _number(column)
    _reduce_crossings(columns)
    _level_wires(columns)
    return Size(_place_columns(columns), _move_to_top(slots))


def _reduce_crossings(columns: list[list[Slot]]) -> None:
    """Sort columns by the mean place of what their slots are wired to, left and right in turn; keep the best order.

    That is the barycenter heuristic of Sugiyama, Tagawa and Toda; the fewest crossings are NP-hard to find.
    """
    best, fewest = [list(column) for column in columns], _crossings(columns)
    for sweep in range(ORDER_SWEEPS):
        if not fewest:
            break
        for column in columns if sweep % 2 == 0 else reversed(columns):
            column.sort(key=_mean_place_before if sweep % 2 == 0 else _mean_place_after)
            _number(column)
        if (crossings := _crossings(columns)) < fewest:
            best, fewest = [list(column) for column in columns], crossings
    columns[:] = best
    for column in columns:
        _number(column)


def _number(column: Sequence[Slot]) -> None:
    for place, slot in enumerate(column):
        slot.place = place


def _mean_place_before(slot: Slot) -> float:
    return _mean([other.place for other in slot.before], slot.place)


def _mean_place_after(slot: Slot) -> float:
    return _mean([other.place for other in slot.after], slot.place)


def _crossings(columns: Sequence[Sequence[Slot]]) -> int:
    return sum(_crossings_after(column) for column in columns)


def _crossings_after(column: Sequence[Slot]) -> int:
    """Count the pairs of wires to the next column whose ends there are in the opposite order."""
    crossings = 0
    ends: list[int] = []
    for slot in column:
        for place in sorted(other.place for other in slot.after):
            crossings += len(ends) - bisect_right(ends, place)
        for other in slot.after:
            insort(ends, other.place)
    return crossings


def _level_wires(columns: Sequence[Sequence[Slot]]) -> None:
    """Move every slot towards the height of what it is wired to, as far as the others of its column allow."""
    for column in columns:
        _spread(column, [0.0] * len(column))
    for sweep in range(LEVEL_SWEEPS):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            _spread(column, [_best_height(slot) for slot in column])


def _best_height(slot: Slot) -> float:
    """Return the mean height of a slot's neighbours, in which other slots of its wire weigh more than boxes."""
    around = [(other.y, 1 if BOX_GAP in (slot.gap, other.gap) else STIFFNESS) for other in (*slot.before, *slot.after)]
    weight = sum(weight for _, weight in around)
    return sum(y * weight for y, weight in around) / weight if around else slot.y


def _spread(column: Sequence[Slot], heights: Sequence[float]) -> None:
    """Bring slots as near to these heights as their order and sizes allow, by least squares.

    Isotonic regression by pooling adjacent violators: slots that would overlap form a pool, which lies at their mean.
    """
    offsets = list(_offsets(column))
    pools: list[tuple[float, int]] = []
    for height, offset in zip(heights, offsets, strict=True):
        pool = (height - offset, 1)
        while pools and pools[-1][0] / pools[-1][1] > pool[0] / pool[1]:
            total, number = pools.pop()
            pool = (total + pool[0], number + pool[1])
        pools.append(pool)
    means = (total / number for total, number in pools for _ in range(number))
    for slot, mean, offset in zip(column, means, offsets, strict=True):
        slot.y = mean + offset


def _offsets(column: Sequence[Slot]) -> Iterator[float]:
    """Yield the least distance of each slot from the first."""
    offset = 0.0
    yield from [offset] if column else []
    for above, below in pairwise(column):
        offset += (above.size.height + below.size.height) / 2 + max(above.gap, below.gap)
        yield offset


def _mean(numbers: Sequence[float], default: float) -> float:
    return sum(numbers) / len(numbers) if numbers else default


def _place_columns(columns: Sequence[Sequence[Slot]]) -> float:
    """Put columns side by side. Return their width together."""
    left = right = 0.0
    for column in columns:
        right = left + max(slot.size.width for slot in column)
        for slot in column:
            slot.left, slot.right = left, right
        left = right + COLUMN_GAP
    return right


def _move_to_top(slots: Sequence[Slot]) -> float:
    """Move all slots so that the highest begins at 0. Return their height together."""
    top = min((slot.y - slot.size.height / 2 for slot in slots), default=0.0)
    for slot in slots:
        slot.y -= top
    return max((slot.y + slot.size.height / 2 for slot in slots), default=0.0)

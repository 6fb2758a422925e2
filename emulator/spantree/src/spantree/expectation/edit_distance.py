"""Aligns lines in order with spans in order at the least cost: an edit distance, by dynamic programming.

A line that stands for several spans is several slots: one for each span that it needs, one for each that it accepts
more, or one that takes any number. A group, whose spans may stand in any order, is one slot whose costs are bounds.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

__all__ = ["FAR", "Slot", "Table", "next_row", "table"]

FAR = 1 << 60
"""More than any cost."""

Table = list[list[int]]
"""The least cost of the first slots and the first spans, by the number of both."""


class Slot(NamedTuple):
    """A place for spans of a line, or of a group.

    `costs` has the cost of each span that it may take, by index; `missing` is the cost of taking none. One that
    `takes_all` takes any number, at these costs and `missing` together.
    """

    item: int
    line: int
    missing: int
    costs: Mapping[int, int]
    takes_all: bool = False
    times: int = 1
    """The number of spans that are missing if it takes none; more than one if there are no candidates for them."""


def table(slots: Sequence[Slot], unexpected: Sequence[int]) -> Table:
    """Return the least cost of each number of slots with each number of spans."""
    row = [0]
    for cost in unexpected:
        row.append(row[-1] + cost)
    rows = [row]
    for slot in slots:
        rows.append(next_row(rows[-1], slot, unexpected))
    return rows


def next_row(before: Sequence[int], slot: Slot, unexpected: Sequence[int]) -> list[int]:
    """Return the costs after one more slot. Spans after it that nothing expects are included."""
    row = [cost + slot.missing for cost in before]
    if 4 * len(slot.costs) > len(unexpected):
        _fill_row(row, before, slot, unexpected)
        return row
    for index in sorted(slot.costs):
        start = row[index] if slot.takes_all else before[index]
        cost, place = start + slot.costs[index], index + 1
        while cost < row[place]:
            row[place] = cost
            if place == len(unexpected):
                break
            cost += unexpected[place]
            place += 1
    return row


def _fill_row(row: list[int], before: Sequence[int], slot: Slot, unexpected: Sequence[int]) -> None:
    """Fill a row whose slot may take most spans."""
    get = slot.costs.get
    costs = [get(index, FAR) for index in range(len(unexpected))]
    best = row[0]
    for place, (cost, skipped) in enumerate(zip(costs, unexpected, strict=True), start=1):
        taken = (best if slot.takes_all else before[place - 1]) + cost
        best += skipped
        if taken < best:  # noqa: PLR1730 - a call of min takes several times as long
            best = taken
        if row[place] < best:
            best = row[place]
        else:
            row[place] = best

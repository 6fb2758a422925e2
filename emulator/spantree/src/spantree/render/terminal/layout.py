"""How wide the columns of the waterfall are: what is given up, and in which order, for a line to fit the terminal."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["NARROWEST", "WIDEST", "Layout", "lay_out"]

NARROWEST, WIDEST = 20, 300
COMFORTABLE_BAR = 16
GAP = 2

GIVEN_UP: tuple[tuple[str, int | None], ...] = (
    ("name", 36),
    ("service", 10),
    ("gap", 1),
    ("label", None),
    ("name", 28),
    ("bar", 6),
    ("service", 7),
    ("name", 20),
    ("bar", 0),
    ("service", 5),
    ("name", 14),
    ("service", 0),
    ("name", 10),
    ("label", 0),
    ("duration", 0),
)
"""The columns in the order in which they shrink, and how far each time. Labels become marks first (None)."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The widths of the columns, 0 for one that is given up, and of the gaps between; `marks` stand for labels."""

    service: int
    name: int
    label: int
    bar: int
    duration: int
    gap: int
    marks: bool

    @property
    def before_bar(self) -> int:
        """How many columns the axis begins after."""
        return sum(column + self.gap for column in (self.service, self.name, self.label) if column)


def lay_out(wanted: Mapping[str, int], marks: int, width: int) -> Layout:
    """Return the widths that fit, given those `wanted` by service, name, label and duration, and by labels as marks."""
    columns = {**wanted, "bar": COMFORTABLE_BAR, "gap": GAP}
    for column, least in GIVEN_UP:
        lacking = _needed(columns) - width
        if lacking <= 0:
            break
        if column == "label" or not least:  # these go at once: a part of a number says nothing
            columns[column] = marks if least is None else 0
        else:
            columns[column] = max(min(least, columns[column]), columns[column] - lacking)
    columns["bar" if columns["bar"] else "name"] += width - _needed(columns)
    return Layout(**columns, marks=columns["label"] < wanted["label"])


def _needed(columns: Mapping[str, int]) -> int:
    there = [width for column, width in columns.items() if column != "gap" and width]
    return sum(there) + (len(there) - 1) * columns["gap"]

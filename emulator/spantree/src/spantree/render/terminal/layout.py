"""The widths of the waterfall's columns, and the order in which they shrink in a narrow terminal."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["NARROWEST", "WIDEST", "ColumnWidths", "fit_columns"]

NARROWEST, WIDEST = 20, 300
PREFERRED_BAR = 16
GAP = 2

SHRINK_ORDER: tuple[tuple[str, int | None], ...] = (
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
"""The columns in the order in which they shrink, each with its new width. None: labels become marks."""


@dataclass(frozen=True, slots=True)
class ColumnWidths:
    """The widths of the columns, 0 for one that is left out, and of the gaps. `marks` is set if labels are short."""

    service: int
    name: int
    label: int
    bar: int
    duration: int
    gap: int
    marks: bool

    @property
    def before_bar(self) -> int:
        """The width of everything to the left of the time axis."""
        return sum(column + self.gap for column in (self.service, self.name, self.label) if column)


def fit_columns(preferred: Mapping[str, int], marks: int, width: int) -> ColumnWidths:
    """Return column widths that fit into `width`.

    `preferred` has the widths of service, name, label and duration; `marks` is the width of labels shortened to marks.
    """
    columns = {**preferred, "bar": PREFERRED_BAR, "gap": GAP}
    for column, least in SHRINK_ORDER:
        excess = _total(columns) - width
        if excess <= 0:
            break
        if column == "label" or not least:  # a part of a label or of a duration would be misread: all or nothing
            columns[column] = marks if least is None else 0
        else:
            columns[column] = max(min(least, columns[column]), columns[column] - excess)
    columns["bar" if columns["bar"] else "name"] += width - _total(columns)
    return ColumnWidths(**columns, marks=columns["label"] < preferred["label"])


def _total(columns: Mapping[str, int]) -> int:
    shown = [width for column, width in columns.items() if column != "gap" and width]
    return sum(shown) + (len(shown) - 1) * columns["gap"]

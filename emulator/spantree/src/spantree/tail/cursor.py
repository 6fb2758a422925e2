"""A cursor in a list that is longer than the screen: the chosen row, and the first row that is shown."""

from dataclasses import dataclass

__all__ = ["START", "Cursor", "moved", "scrolled", "target"]


@dataclass(frozen=True, slots=True)
class Cursor:
    """The numbers of the chosen row and of the row at the top of the screen."""

    row: int = 0
    top: int = 0


START = Cursor()
"""A cursor on the first row."""


def moved(cursor: Cursor, row: int, count: int, page: int) -> Cursor:
    """Return a cursor on another row of `count`, or on the nearest that exists; the screen shows `page` of them."""
    row = max(min(row, count - 1), 0)
    top = max(min(cursor.top, row), row - page + 1, 0)
    return Cursor(row, min(top, max(count - page, 0)))


def scrolled(cursor: Cursor, row: int, count: int, page: int) -> Cursor:
    """Return a cursor on the row to which the chosen one has moved, at the same place of the screen if possible."""
    return moved(Cursor(row, max(cursor.top + row - cursor.row, 0)), row, count, page)


def target(key: str, row: int, count: int, page: int) -> int | None:
    """Return the row that a key moves to, which may be out of range; None if the key does not move."""
    steps = {"up": -1, "k": -1, "down": 1, "j": 1, "page up": -page, "page down": page, " ": page}
    ends = {"home": 0, "g": 0, "end": count - 1, "G": count - 1}
    return ends[key] if key in ends else row + steps[key] if key in steps else None

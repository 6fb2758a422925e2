"""The width of texts in character cells, of which East Asian characters take two.

rich measures the same, but is an extra that only the terminal needs: SVG, HTML and Mermaid are drawn without it.
"""

from itertools import accumulate
from unicodedata import combining, east_asian_width

__all__ = ["cell_width", "cut_to_cells"]


def cell_width(text: str) -> int:
    """Return how many cells of a fixed-width font a text takes."""
    return sum(map(_cells, text))


def cut_to_cells(text: str, most: int) -> str:
    """Return the longest prefix of a text that takes at most this number of cells."""
    ends = accumulate(map(_cells, text))
    return text[: sum(end <= most for end in ends)]


def _cells(character: str) -> int:
    """Return 2 for a wide character, 0 for one that combines with the one before, else 1 (Unicode's UAX #11)."""
    if combining(character):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1

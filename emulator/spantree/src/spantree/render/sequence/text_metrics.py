"""How wide a text will be: guessed from its letters, since fonts differ from reader to reader; rather too wide."""

from functools import lru_cache
from itertools import pairwise

from rich.cells import cell_len

__all__ = ["BOLD", "text_width", "wrapped"]

NARROW, WIDE = frozenset("iljtfrI.,:;'|!()[]{}/ ·"), frozenset("mwMW@%—→…<>=+~^#&")
BOLD = 1.1


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return the width of a text in pixels, for letters of this size."""
    return sum(_letter(letter) for letter in text) * size * (BOLD if bold else 1)


def wrapped(text: str, size: float, width: float, lines: int) -> list[str]:
    """Break a text into lines that are no wider; what does not fit into so many lines ends in `…`."""
    words = [part for word in text.split() for part in _pieces(word, size, width)]
    broken: list[str] = []
    for word in words:
        if broken and text_width(f"{broken[-1]} {word}", size) <= width:
            broken[-1] += f" {word}"
        else:
            broken.append(word)
    if len(broken) > lines:
        broken = [*broken[: lines - 1], broken[lines - 1].rstrip("…") + "…"]
    return broken or [""]


@lru_cache(4096)
def _letter(letter: str) -> float:
    if cell_len(letter) > 1:
        return 1.05
    if letter in NARROW:
        return 0.36
    return 0.88 if letter in WIDE else 0.7 if letter.isupper() else 0.6


def _pieces(word: str, size: float, width: float) -> list[str]:
    """Cut a word that is wider than a line."""
    cuts, reached = [0], 0.0
    for position, letter in enumerate(word):
        reached += _letter(letter) * size
        if reached > width:
            cuts.append(position)
            reached = _letter(letter) * size
    return [word[begin:end] for begin, end in pairwise([*cuts, len(word)]) if end > begin]

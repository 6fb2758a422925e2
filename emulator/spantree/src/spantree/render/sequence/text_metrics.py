"""The size of texts in pixels, and of the note boxes around them.

Widths are estimated from the letters, and rather too large than too small: the font of the reader is unknown.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from spantree.render.cell_width import cell_width
from spantree.render.sequence.diagram import Note

__all__ = ["LINE_HEIGHT", "NoteBox", "note_box", "text_width"]

NARROW, WIDE = frozenset("iljtfrI.,:;'|!()[]{}/ ·"), frozenset("mwMW@%—→…<>=+~^#&")
BOLD = 1.1
"""How much wider bold letters are."""
LINE_HEIGHT = 15.0
FONT_SIZE = 12.0
WIDEST_NOTE = 230.0
PADDING = 10.0
MOST_LABEL_LINES, MOST_DETAIL_LINES = 2, 4


@dataclass(frozen=True, slots=True)
class NoteBox:
    """The lines of a note, the first `bold` of them bold, and its size. `inline` follows a single line, in dim type."""

    lines: tuple[str, ...]
    bold: int
    inline: str
    width: float
    height: float


def text_width(text: str, font_size: float, *, bold: bool = False) -> float:
    """Return the width of a text in pixels."""
    return sum(_letter_width(letter) for letter in text) * font_size * (BOLD if bold else 1)


@lru_cache(1024)  # a diagram asks for each box twice, for its columns and for its place
def note_box(note: Note) -> NoteBox:
    """Return the lines and the size of a note's box."""
    if note.participant is None:
        width = text_width(note.label, FONT_SIZE) + 2 * PADDING
        return NoteBox((note.label,), 0, "", width, LINE_HEIGHT + PADDING)
    room = WIDEST_NOTE - 2 * PADDING
    label = [
        line
        for text in (note.flag, note.label)
        if text
        for line in _wrap(text, FONT_SIZE * BOLD, room, MOST_LABEL_LINES)
    ]
    inline = note.detail if note.tone == "work" else ""
    one_line = text_width(label[-1], FONT_SIZE, bold=True) + text_width(f" · {inline}", FONT_SIZE)
    fits = not inline or (len(label) == 1 and one_line <= room)
    in_label = not note.detail or (inline and fits)
    detail = [] if in_label else _wrap(note.detail, FONT_SIZE, room, MOST_DETAIL_LINES)
    widths = [text_width(line, FONT_SIZE, bold=True) for line in label]
    widths += [text_width(line, FONT_SIZE) for line in detail]
    widths += [one_line] if inline and fits else []
    lines = (*label, *detail)
    height = len(lines) * LINE_HEIGHT + PADDING
    return NoteBox(lines, len(label), inline if fits else "", max(widths) + 2 * PADDING, height)


def _wrap(text: str, font_size: float, width: float, most_lines: int) -> list[str]:
    """Break a text into lines of at most this width. If there are too many, the last line that is kept ends in `…`."""
    words = [part for word in text.split() for part in _split_word(word, font_size, width)]
    lines: list[str] = []
    for word in words:
        if lines and text_width(f"{lines[-1]} {word}", font_size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    if len(lines) > most_lines:
        lines = [*lines[: most_lines - 1], lines[most_lines - 1].rstrip("…") + "…"]
    return lines or [""]


def _split_word(word: str, font_size: float, width: float) -> list[str]:
    """Split a word that is wider than a line."""
    cuts, reached = [0], 0.0
    for position, letter in enumerate(word):
        reached += _letter_width(letter) * font_size
        if reached > width:
            cuts.append(position)
            reached = _letter_width(letter) * font_size
    return [word[begin:end] for begin, end in pairwise([*cuts, len(word)]) if end > begin]


@lru_cache(4096)
def _letter_width(letter: str) -> float:
    """Return the width of a letter as a share of the font size."""
    if cell_width(letter) > 1:
        return 1.05
    if letter in NARROW:
        return 0.36
    if letter in WIDE:
        return 0.88
    return 0.7 if letter.isupper() else 0.6

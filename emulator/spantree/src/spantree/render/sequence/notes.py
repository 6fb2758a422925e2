"""The boxes of notes: how their texts break into lines, and how large that makes them."""

from dataclasses import dataclass
from functools import lru_cache

from spantree.render.sequence.diagram import Note
from spantree.render.sequence.text_metrics import BOLD, text_width, wrapped

__all__ = ["LEADING", "NoteBox", "note_box"]

LEADING = 15.0
"""From one line of text to the next."""
SIZE = 12.0
WIDEST = 230.0
PADDING = 10.0
MOST_LINES = 4


@dataclass(frozen=True, slots=True)
class NoteBox:
    """A note's lines of text, the first `bold` of them bold. `inline` stands behind the last line, and is dim."""

    lines: tuple[str, ...]
    bold: int
    inline: str
    width: float
    height: float


@lru_cache(1024)
def note_box(note: Note) -> NoteBox:
    """Return the lines and the size of a note's box."""
    if note.actor is None:
        width = text_width(note.label, SIZE) + 2 * PADDING
        return NoteBox((note.label,), 0, "", width, LEADING + PADDING)
    within = WIDEST - 2 * PADDING
    label = [line for text in (note.flag, note.label) if text for line in wrapped(text, SIZE * BOLD, within, 2)]
    inline = note.detail if note.tone == "work" else ""
    beside = text_width(label[-1], SIZE, bold=True) + text_width(f" · {inline}", SIZE)
    fits = not inline or (len(label) == 1 and beside <= within)
    detail = [] if not note.detail or (inline and fits) else wrapped(note.detail, SIZE, within, MOST_LINES)
    widths = [text_width(line, SIZE, bold=True) for line in label] + [text_width(line, SIZE) for line in detail]
    width = max([*widths, *([beside] if inline and fits else [])]) + 2 * PADDING
    lines = (*label, *detail)
    return NoteBox(lines, len(label), inline if fits else "", width, len(lines) * LEADING + PADDING)

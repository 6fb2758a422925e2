"""A trace as a waterfall in the terminal: a line a span, with its bar on the time axis."""

import os
import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from spantree import Span, SpanTree, escaped
from spantree.render.captions import duration, failure, step_label, title
from spantree.render.terminal.bars import HATCH, Axis, axis_of, bars
from spantree.render.terminal.layout import NARROWEST, WIDEST, Layout, lay_out
from spantree.render.terminal.rows import Row, every_span, without_repetition
from spantree.render.vocabulary import PLAIN, Vocabulary

__all__ = ["columns", "printer", "waterfall"]

PALETTE = ("cyan", "green", "magenta", "yellow", "blue", "bright_cyan", "bright_magenta", "bright_green")
LARGEST_NAME = 54
LARGEST_LABEL, LARGEST_MARK = 24, 3
PIPED_WIDTH = 120
PARTS_OF_BAR = re.compile(f"{HATCH}+|[^{HATCH}]+")


def waterfall(
    tree: SpanTree,
    width: int = PIPED_WIDTH,
    label: Callable[[Span], str] | None = None,
    *,
    expand: bool = False,
    vocabulary: Vocabulary = PLAIN,
) -> Text:
    """Draw a trace, `width` columns wide: service, name, `label`, bar and duration of every span; errors in red.

    `label` is by default the steps of a span in the `vocabulary`. Siblings that are alike share a line, with the sum
    of their durations, unless `expand` is set. A light hatch before a bar is the time that a message lay in
    its queue. Where there is little room labels become marks, and columns are left out; 20 columns are the least.
    """
    label = label or (lambda span: step_label(span, vocabulary))
    rows = every_span(tree) if expand else without_repetition(tree, partial(_look, label=label))
    lines = [_line(row, label(row.spans[0])) for row in rows]
    layout = _layout(lines, min(max(width, NARROWEST), WIDEST))
    axis = axis_of(tree, layout.bar)
    colours = {service: PALETTE[number % len(PALETTE)] for number, service in enumerate(tree.services)}
    picture = Text(no_wrap=True)
    if layout.bar:
        picture.append(_ruler(layout, axis), "dim")
    for line in lines:
        picture.append_tokens(_drawn(line, layout, axis, colours[line.row.spans[0].service]))
    picture.remove_suffix("\n")
    return picture


def printer() -> Console:
    """Return a console on stdout that breaks long lines between words in a terminal, and nowhere else."""
    console = Console(highlight=False)
    console.width = max(console.width, NARROWEST)  # rich prints nothing at all where COLUMNS is 0
    console.soft_wrap = not console.is_terminal
    return console


def columns(console: Console) -> int:
    """Return how wide pictures are: as the terminal, or as COLUMNS says, but not narrow where neither is known."""
    known = console.is_terminal or os.environ.get("COLUMNS", "").isdigit()
    return console.width if known else max(console.width, PIPED_WIDTH)


@dataclass(frozen=True, slots=True)
class _Line:
    """What a row says, before it is known how much room there is."""

    row: Row
    service: str
    title: str
    ending: str
    """What stands behind the title and is not cut off with it: how often it was, or how it failed."""
    label: str
    duration: str


def _line(row: Row, label: str) -> _Line:
    first = row.spans[0]
    called, ending = _words(row)
    return _Line(row, escaped(first.service), called, ending, escaped(label), duration(row.duration))


def _words(row: Row) -> tuple[str, str]:
    first = row.spans[0]
    if failed := failure(first):
        return title(first), f" {failed}"
    if first.failed:  # then the status, at the end of the title, says so
        called, space, status = title(first).rpartition(" ")
        return called, space + status
    return title(first), f" ×{len(row.spans)}" if len(row.spans) > 1 else ""


def _what(span: Span) -> str:
    return " ".join(filter(None, (title(span), failure(span))))


def _look(span: Span, label: Callable[[Span], str]) -> Hashable | None:
    """What makes spans alike in the picture. One that failed, or that has a label, is there to be seen."""
    return None if span.failed or label(span) else (span.service, _what(span), span.kind, span.status)


def _layout(lines: Sequence[_Line], width: int) -> Layout:
    names = max(2 * line.row.depth + cell_len(line.title + line.ending) for line in lines)
    wanted = {
        "service": max(cell_len(line.service) for line in lines),
        "name": min(names, max(LARGEST_NAME, width // 3)),
        "label": min(max(cell_len(line.label) for line in lines), LARGEST_LABEL),
        "duration": max(len(line.duration) for line in lines),
    }
    return lay_out(wanted, min(max(cell_len(_mark(line.label)) for line in lines), LARGEST_MARK), width)


def _drawn(line: _Line, layout: Layout, axis: Axis, colour: str) -> Iterator[tuple[str, str]]:
    """Yield the parts of a line, each with its style."""
    red = "red" if line.row.spans[0].failed else ""
    label = _mark(line.label) if layout.marks else line.label
    gap = ""
    for text, width, style in (
        (_squeezed(line.service, layout.service), layout.service, colour),
        (_name(line, layout), layout.name, red),
        (label, layout.label, "bold" if label else ""),
    ):
        if width:
            yield gap + _fit(text, width), style
            gap = " " * layout.gap
    if layout.bar:
        yield gap, ""
        for part in PARTS_OF_BAR.findall(bars(line.row.spans, axis)):
            yield part, f"dim {colour}" if part[0] == HATCH else red or colour
    if layout.duration:
        yield gap + line.duration.rjust(layout.duration), red or "dim"
    yield "\n", ""


def _name(line: _Line, layout: Layout) -> str:
    """Indent a title, as far as the gaps are wide. Deep in a trace it is by less, so that there is room for words."""
    indent = min(layout.gap * line.row.depth, layout.name // 2)
    room = layout.name - indent
    ending = _cut(line.ending, max(room // 2, room - cell_len(line.title)))
    return " " * indent + _fit(_cut(line.title, room - cell_len(ending)) + ending, room)


def _mark(label: str) -> str:
    """Shorten a label to a character for a word: `(1)(2) ◄ culprit` to `1◄`."""
    words = [word for word in label.split() if not word[0].isalpha()]
    return "".join(next(filter(str.isalnum, word), word[0]) for word in words) or label[:1]


def _ruler(layout: Layout, axis: Axis) -> str:
    """Say where the axis begins and ends. Above a short one the end alone has room."""
    begin, end = "0 ms", duration(axis.end - axis.begin)
    if len(begin) + len(end) < axis.width:
        end = begin + end.rjust(axis.width - len(begin))
    return end.rjust(layout.before_bar + axis.width) + "\n"


def _fit(text: str, width: int) -> str:
    return set_cell_size(_cut(text, width), width)


def _squeezed(text: str, width: int) -> str:
    """Leave out the middle: `shop-checkout` and `shop-shipping` differ at their ends."""
    if not text.isascii() or not 2 < width < len(text):  # noqa: PLR2004 - a character at each end
        return text
    return f"{text[: width // 2]}…{text[len(text) - (width - 1) // 2 :]}"


def _cut(text: str, width: int) -> str:
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip("…") + "…" if width > 0 else ""

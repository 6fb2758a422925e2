"""Draws a trace as a waterfall in the terminal: a row for each span, with its bar on the time axis."""

import os
import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from spantree import Span, SpanTree, escaped
from spantree.render.captions import duration, failure, step_label, title
from spantree.render.terminal.bars import HATCH, Axis, axis_of, bars
from spantree.render.terminal.layout import NARROWEST, WIDEST, ColumnWidths, fit_columns
from spantree.render.terminal.rows import Row, every_span, without_repetition
from spantree.render.vocabulary import PLAIN, Vocabulary

__all__ = ["Waterfall", "columns", "lay_out", "printer", "waterfall"]

PALETTE = ("cyan", "green", "magenta", "yellow", "blue", "bright_cyan", "bright_magenta", "bright_green")
"""Named colours, which the theme of a terminal keeps legible. It could not adapt `#rrggbb`, as web pictures use."""
WIDEST_NAME, WIDEST_LABEL, WIDEST_MARK = 54, 24, 3
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

    By default, `label` is the steps of a span in the `vocabulary`. Siblings that look alike share a row, with the time
    that they took together, unless `expand` is set. A light hatch before a bar is the time that a message was queued.
    In a narrow terminal labels become marks, and columns are left out. The minimum is 20 columns.
    """
    laid_out = lay_out(tree, width, label, expand=expand, vocabulary=vocabulary)
    picture = Text(no_wrap=True)
    if laid_out.ruler:
        picture.append(f"{laid_out.ruler}\n", "dim")
    for number in range(len(laid_out.lines)):
        picture.append_tokens(laid_out.parts(number))
        picture.append("\n")
    picture.remove_suffix("\n")  # print adds one
    return picture


def lay_out(
    tree: SpanTree,
    width: int = PIPED_WIDTH,
    label: Callable[[Span], str] | None = None,
    *,
    expand: bool = False,
    vocabulary: Vocabulary = PLAIN,
) -> "Waterfall":
    """Lay out a trace as `waterfall` does, to draw some of its lines."""
    label = label or partial(step_label, vocabulary=vocabulary)
    rows = every_span(tree) if expand else without_repetition(tree, partial(_look, label=label))
    lines = [_line(row, label(row.spans[0])) for row in rows]
    widths = _column_widths(lines, min(max(width, NARROWEST), WIDEST))
    colours = {service: PALETTE[number % len(PALETTE)] for number, service in enumerate(tree.services)}
    return Waterfall(tree, lines, widths, axis_of(tree, widths.bar), colours)


@dataclass(frozen=True, slots=True)
class Waterfall:
    """A trace that is laid out for a width. Its lines are drawn one by one: a part of a long trace costs little."""

    tree: SpanTree
    lines: Sequence["_Line"]
    widths: ColumnWidths
    axis: Axis
    colours: Mapping[str, str]

    @property
    def ruler(self) -> str:
        """The line above the bars with the times of the axis; "" if there is no room for bars."""
        return _ruler(self.widths, self.axis) if self.widths.bar else ""

    def spans(self, number: int) -> tuple[Span, ...]:
        """Return the spans that share a line."""
        return self.lines[number].row.spans

    def parts(self, number: int) -> Iterator[tuple[str, str]]:
        """Yield the parts of a line, each with its style."""
        line = self.lines[number]
        return _styled_parts(line, self.widths, self.axis, self.colours[line.row.spans[0].service])


def printer() -> Console:
    """Return a console on stdout that wraps long lines between words in a terminal, and not at all in a pipe."""
    console = Console(highlight=False)
    console.width = max(console.width, NARROWEST)  # with COLUMNS=0 rich would print nothing at all
    console.soft_wrap = not console.is_terminal
    return console


def columns(console: Console) -> int:
    """Return the width for pictures: that of the terminal, or COLUMNS, or at least 120 if neither is known."""
    known = console.is_terminal or os.environ.get("COLUMNS", "").isdigit()
    return console.width if known else max(console.width, PIPED_WIDTH)


@dataclass(frozen=True, slots=True)
class _Line:
    """The texts of a row, before the widths of the columns are known."""

    row: Row
    service: str
    title: str
    ending: str
    """What follows the title, and stays when the title is cut: the error, or the number of repetitions."""
    label: str
    duration: str


def _line(row: Row, label: str) -> _Line:
    first = row.spans[0]
    name, ending = _title_and_ending(row)
    return _Line(row, escaped(first.service), name, ending, escaped(label), duration(row.duration))


def _title_and_ending(row: Row) -> tuple[str, str]:
    first = row.spans[0]
    if error := failure(first):
        return title(first), f" {error}"
    if first.failed:  # the title ends in the status, which is the error
        name, space, status = title(first).rpartition(" ")
        return name, space + status
    return title(first), f" ×{len(row.spans)}" if len(row.spans) > 1 else ""


def _look(span: Span, label: Callable[[Span], str]) -> Hashable | None:
    """Return what two spans must have in common to share a row; None for a span with an error or label, which stays."""
    if span.failed or label(span):
        return None
    return span.service, title(span), span.kind, span.status


def _column_widths(lines: Sequence[_Line], width: int) -> ColumnWidths:
    names = max(2 * line.row.depth + cell_len(line.title + line.ending) for line in lines)
    preferred = {
        "service": max(cell_len(line.service) for line in lines),
        "name": min(names, max(WIDEST_NAME, width // 3)),
        "label": min(max(cell_len(line.label) for line in lines), WIDEST_LABEL),
        "duration": max(len(line.duration) for line in lines),
    }
    return fit_columns(preferred, min(max(cell_len(_mark(line.label)) for line in lines), WIDEST_MARK), width)


def _styled_parts(line: _Line, widths: ColumnWidths, axis: Axis, colour: str) -> Iterator[tuple[str, str]]:
    """Yield the parts of a line, each with its style."""
    red = "red" if line.row.spans[0].failed else ""
    label = _mark(line.label) if widths.marks else line.label
    gap = ""
    for text, width, style in (
        (_cut_middle(line.service, widths.service), widths.service, colour),
        (_indented_name(line, widths), widths.name, red),
        (label, widths.label, "bold" if label else ""),
    ):
        if width:
            yield gap + _fit(text, width), style
            gap = " " * widths.gap
    if widths.bar:
        yield gap, ""
        for part in PARTS_OF_BAR.findall(bars(line.row.spans, axis)):
            yield part, f"dim {colour}" if part[0] == HATCH else red or colour
    if widths.duration:
        yield gap + line.duration.rjust(widths.duration), red or "dim"


def _indented_name(line: _Line, widths: ColumnWidths) -> str:
    """Indent a title by a gap for each level, but by half of its column at most, so that there is room for the text."""
    indent = min(widths.gap * line.row.depth, widths.name // 2)
    room = widths.name - indent
    ending = _cut(line.ending, max(room // 2, room - cell_len(line.title)))
    return " " * indent + _fit(_cut(line.title, room - cell_len(ending)) + ending, room)


def _mark(label: str) -> str:
    """Shorten a label to one character for each symbol or number in it: `(1)(2) ◄ culprit` to `1◄`."""
    words = [word for word in label.split() if not word[0].isalpha()]
    return "".join(next(filter(str.isalnum, word), word[0]) for word in words) or label[:1]


def _ruler(widths: ColumnWidths, axis: Axis) -> str:
    """Return the line above the bars with the times at both ends of the axis, or only at its end if it is short."""
    begin, end = "0 ms", duration(axis.end - axis.start)
    if len(begin) + len(end) < axis.width:
        end = begin + end.rjust(axis.width - len(begin))
    return end.rjust(widths.before_bar + axis.width)


def _fit(text: str, width: int) -> str:
    return set_cell_size(_cut(text, width), width)


def _cut_middle(text: str, width: int) -> str:
    """Leave out the middle of a name: `shop-checkout` and `shop-shipping` differ at their ends."""
    if not text.isascii() or not 2 < width < len(text):  # noqa: PLR2004 - a character at each end
        return text
    return f"{text[: width // 2]}…{text[len(text) - (width - 1) // 2 :]}"


def _cut(text: str, width: int) -> str:
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip("…") + "…" if width > 0 else ""

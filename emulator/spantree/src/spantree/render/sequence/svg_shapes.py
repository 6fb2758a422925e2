"""The marks of a sequence diagram: arrows with their texts and numbers, and the boxes of notes."""

from collections.abc import Iterator, Mapping
from html import escape

from spantree.render.sequence.diagram import Actor, Message
from spantree.render.sequence.layout import Box, Line
from spantree.render.sequence.notes import LEADING

__all__ = ["Colours", "draw_box", "draw_line", "number"]

Colours = Mapping[Actor, str]
LOOP, RADIUS = 30.0, 9.0
STEP_AT = 15.0


def draw_line(line: Line, colours: Colours) -> Iterator[str]:
    """Yield the elements of a message."""
    message = line.message
    by = message.target if message.source.kind == "bus" else message.source
    colour = colours[by]
    classes = " ".join(
        name for name, holds in (("message", True), ("answer", message.answer), ("failed", message.failed)) if holds
    )
    yield f'<g class="{classes}" data-key="{escape(message.key)}" style="color:{colour}">'
    yield f"<title>{_told(message)}</title>"
    loops = message.source == message.target
    yield from _loop(line) if loops else _arrow(line)
    yield from _texts(line, loops=loops)
    yield "</g>"


def draw_box(box: Box, colours: Colours) -> Iterator[str]:
    """Yield the elements of a note."""
    note, shape = box.note, box.shape
    colour = f' style="color:{colours[note.actor]}"' if note.actor and note.tone == "work" else ""
    yield f'<g class="note {note.tone}" data-key="{escape(note.key)}"{colour}>'
    yield f"<title>{escape(' · '.join(filter(None, (note.flag, note.label, note.detail))))}</title>"
    place = f'x="{number(box.x)}" y="{number(box.y)}" width="{number(shape.width)}" height="{number(shape.height)}"'
    yield f'<rect class="paper" {place} rx="5"/>'
    yield f'<rect class="box" {place} rx="5"/>'
    for row, text in enumerate(shape.lines):
        weight = ' class="strong"' if row < shape.bold else ""
        more = f'<tspan class="dim"> · {escape(shape.inline)}</tspan>' if shape.inline else ""
        words = f"<tspan{weight}>{escape(text)}</tspan>{more}"
        y = box.y + 5 + LEADING * (row + 0.76)
        yield f'<text x="{number(box.x + shape.width / 2)}" y="{number(y)}">{words}</text>'
    yield "</g>"


def number(value: float) -> str:
    """Write a number of pixels with one digit at most, the same on every machine."""
    return f"{value:.1f}".removesuffix(".0")


def _arrow(line: Line) -> Iterator[str]:
    way = 1 if line.end > line.begin else -1
    tip = line.end - way * (8 if line.message.lost else 0)
    yield f'<path class="line" d="M{number(line.begin)} {number(line.y)}H{number(tip - way * 1)}"/>'
    yield _cross(tip, line.y) if line.message.lost else _head(tip, line.y, way, filled=not line.message.answer)


def _loop(line: Line) -> Iterator[str]:
    x, y = line.begin, line.y
    yield f'<path class="line" d="M{number(x)} {number(y)}h{number(LOOP)}v14H{number(x + 1)}"/>'
    yield _cross(x + 8, y + 14) if line.message.lost else _head(x, y + 14, -1, filled=not line.message.answer)


def _head(x: float, y: float, way: int, *, filled: bool) -> str:
    points = f"M{number(x - way * 9)} {number(y - 4.5)}L{number(x)} {number(y)}L{number(x - way * 9)} {number(y + 4.5)}"
    return f'<path class="head" d="{points}Z"/>' if filled else f'<path class="tip" d="{points}"/>'


def _cross(x: float, y: float) -> str:
    return f'<path class="cross" d="M{number(x - 6)} {number(y - 6)}l12 12m0 -12l-12 12"/>'


def _texts(line: Line, *, loops: bool) -> Iterator[str]:
    message = line.message
    way = 1 if line.end >= line.begin else -1
    step_room = 2 * RADIUS + 6 if message.step else 0
    x, anchor = (line.begin + 4 + step_room, ' class="first"') if loops else (line.middle, "")
    if message.step:
        yield from _step(line.begin + way * STEP_AT, line.y, message.step)
    times = f'<tspan class="times">{message.count}</tspan>' if message.count else ""
    beside = f"{' · ' if message.label else ''}{message.detail}" if message.answer and message.detail else ""
    dim = f'<tspan class="dim">{escape(beside)}</tspan>' if beside else ""
    yield f'<text{anchor} x="{number(x)}" y="{number(line.y - 7)}">{escape(message.label)}{times}{dim}</text>'
    if message.detail and not message.answer:
        y = line.y + 13 + (14 if loops else 0)
        classes = "first detail" if loops else "detail"
        yield f'<text class="{classes}" x="{number(x)}" y="{number(y)}">{escape(message.detail)}</text>'


def _step(x: float, y: float, step: str) -> Iterator[str]:
    yield f'<circle class="step" cx="{number(x)}" cy="{number(y)}" r="{number(RADIUS)}"/>'
    yield f'<text class="digit" x="{number(x)}" y="{number(y + 4)}">{escape(step)}</text>'


def _told(message: Message) -> str:
    step = f"({message.step}) " if message.step else ""
    detail = f" · {message.detail}" if message.detail else ""
    return escape(f"{step}{message.source.name} → {message.target.name}: {message.label}{message.count}{detail}")

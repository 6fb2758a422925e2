"""The SVG elements of a sequence diagram: arrows with their texts and step numbers, and the boxes of notes."""

from collections.abc import Iterator, Mapping
from html import escape

from spantree.render.sequence.diagram import Message, Participant
from spantree.render.sequence.layout import Arrow, PlacedNote
from spantree.render.sequence.text_metrics import LINE_HEIGHT

__all__ = ["Colours", "draw_message", "draw_note", "number"]

Colours = Mapping[Participant, str]
LOOP_WIDTH = 30.0
STEP_RADIUS, STEP_OFFSET = 9.0, 15.0
"""The circle around a step's number, and the distance of its centre from the start of its arrow."""


def draw_message(arrow: Arrow, colours: Colours) -> Iterator[str]:
    """Yield the elements of a message."""
    message = arrow.message
    colour = colours[message.target if message.source.kind == "bus" else message.source]
    classes = " ".join(
        name for name, holds in (("message", True), ("answer", message.answer), ("failed", message.failed)) if holds
    )
    yield f'<g class="{classes}" data-key="{escape(message.key)}" style="color:{colour}">'
    yield f"<title>{_tooltip(message)}</title>"
    loops = message.source == message.target
    yield from _loop(arrow) if loops else _straight(arrow)
    yield from _texts(arrow, loops=loops)
    yield "</g>"


def draw_note(placed: PlacedNote, colours: Colours) -> Iterator[str]:
    """Yield the elements of a note."""
    note, box = placed.note, placed.box
    colour = f' style="color:{colours[note.participant]}"' if note.participant and note.tone == "work" else ""
    yield f'<g class="note {note.tone}" data-key="{escape(note.key)}"{colour}>'
    yield f"<title>{escape(' · '.join(filter(None, (note.flag, note.label, note.detail))))}</title>"
    place = f'x="{number(placed.x)}" y="{number(placed.y)}" width="{number(box.width)}" height="{number(box.height)}"'
    yield f'<rect class="paper" {place} rx="5"/>'
    yield f'<rect class="box" {place} rx="5"/>'
    for row, text in enumerate(box.lines):
        weight = ' class="strong"' if row < box.bold else ""
        detail = f'<tspan class="dim"> · {escape(box.inline)}</tspan>' if box.inline else ""
        y = placed.y + 5 + LINE_HEIGHT * (row + 0.76)
        x = placed.x + box.width / 2
        yield f'<text x="{number(x)}" y="{number(y)}"><tspan{weight}>{escape(text)}</tspan>{detail}</text>'
    yield "</g>"


def number(value: float) -> str:
    """Format a number of pixels with at most one decimal, so that pictures are the same on every machine."""
    return f"{value:.1f}".removesuffix(".0")


def _straight(arrow: Arrow) -> Iterator[str]:
    direction = 1 if arrow.end > arrow.begin else -1
    tip = arrow.end - direction * (8 if arrow.message.lost else 0)
    yield f'<path class="line" d="M{number(arrow.begin)} {number(arrow.y)}H{number(tip - direction)}"/>'
    yield (
        _cross(tip, arrow.y) if arrow.message.lost else _head(tip, arrow.y, direction, filled=not arrow.message.answer)
    )


def _loop(arrow: Arrow) -> Iterator[str]:
    x, y = arrow.begin, arrow.y
    yield f'<path class="line" d="M{number(x)} {number(y)}h{number(LOOP_WIDTH)}v14H{number(x + 1)}"/>'
    yield _cross(x + 8, y + 14) if arrow.message.lost else _head(x, y + 14, -1, filled=not arrow.message.answer)


def _head(x: float, y: float, direction: int, *, filled: bool) -> str:
    back = number(x - direction * 9)
    points = f"M{back} {number(y - 4.5)}L{number(x)} {number(y)}L{back} {number(y + 4.5)}"
    return f'<path class="head" d="{points}Z"/>' if filled else f'<path class="tip" d="{points}"/>'


def _cross(x: float, y: float) -> str:
    return f'<path class="cross" d="M{number(x - 6)} {number(y - 6)}l12 12m0 -12l-12 12"/>'


def _texts(arrow: Arrow, *, loops: bool) -> Iterator[str]:
    message = arrow.message
    direction = 1 if arrow.end >= arrow.begin else -1
    step_room = 2 * STEP_RADIUS + 6 if message.step else 0
    x, anchor = (arrow.begin + 4 + step_room, ' class="first"') if loops else (arrow.middle, "")
    if message.step:
        yield from _step(arrow.begin + direction * STEP_OFFSET, arrow.y, message.step)
    times = f'<tspan class="times">{message.count}</tspan>' if message.count else ""
    beside = f"{' · ' if message.label else ''}{message.detail}" if message.answer and message.detail else ""
    dim = f'<tspan class="dim">{escape(beside)}</tspan>' if beside else ""
    yield f'<text{anchor} x="{number(x)}" y="{number(arrow.y - 7)}">{escape(message.label)}{times}{dim}</text>'
    if message.detail and not message.answer:
        y = arrow.y + 13 + (14 if loops else 0)
        classes = "first detail" if loops else "detail"
        yield f'<text class="{classes}" x="{number(x)}" y="{number(y)}">{escape(message.detail)}</text>'


def _step(x: float, y: float, step: str) -> Iterator[str]:
    yield f'<circle class="step" cx="{number(x)}" cy="{number(y)}" r="{number(STEP_RADIUS)}"/>'
    yield f'<text class="digit" x="{number(x)}" y="{number(y + 4)}">{escape(step)}</text>'


def _tooltip(message: Message) -> str:
    step = f"({message.step}) " if message.step else ""
    text = " · ".join(filter(None, (f"{message.label}{message.count}".strip(), message.detail)))
    return escape(f"{step}{message.source.name} → {message.target.name}: {text}")

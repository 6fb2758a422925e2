"""Where everything of a sequence diagram stands, in pixels: nothing here knows colours or SVG."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest

from spantree.render.sequence.column_layout import CROSS, STEP, column_places, message_width
from spantree.render.sequence.diagram import Actor, Bar, Diagram, Message, Note
from spantree.render.sequence.notes import NoteBox, note_box
from spantree.render.sequence.text_metrics import text_width

__all__ = ["BAR", "HEAD", "Box", "Layout", "Line", "Strip", "lay_out"]

MARGIN, TITLE = 28.0, 76.0
HEAD = 34.0
"""The height of an actor's box."""
BAR = 10.0
"""The width of a bar; one that runs beside another stands half of that further right."""
ROW, UNDER, SELF = 36.0, 13.0, 18.0
"""The height of a row; what a line of text below its arrow adds, and what the way back to oneself adds."""
SHORTEST = 16.0


@dataclass(frozen=True, slots=True)
class Line:
    """A message: an arrow from `begin` to `end`, `y` down, its text around `middle`.

    The way to oneself leaves and returns on the right.
    """

    message: Message
    begin: float
    end: float
    y: float
    middle: float


@dataclass(frozen=True, slots=True)
class Box:
    """A note, its upper left corner at `x` and `y`."""

    note: Note
    shape: NoteBox
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Strip:
    """A bar on a lifeline: the time in which a service is at work."""

    bar: Bar
    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Layout:
    """All parts, and how large the whole is; lifelines run from `top` to `bottom`."""

    width: float
    height: float
    top: float
    bottom: float
    places: Mapping[Actor, float]
    parts: Sequence[Line | Box]
    strips: Sequence[Strip]


def lay_out(diagram: Diagram) -> Layout:
    """Give every part of a diagram its place."""
    places, right = column_places(diagram, MARGIN)
    texts = max(text_width(diagram.title, 20, bold=True), text_width(diagram.about, 12.5))
    width = max(right + MARGIN, texts + 2 * MARGIN)
    if places:  # a narrow diagram below a long title stands in the middle
        spare = (width - right - MARGIN) / 2
        places = {actor: x + spare for actor, x in places.items()}
    page = _Page(places, width, TITLE + HEAD)
    parts = list(page.fill(diagram))
    bottom = page.y + 26
    return Layout(width, bottom + HEAD + MARGIN, TITLE + HEAD, bottom, places, parts, page.strips(bottom))


class _Page:
    """A page that is being filled from the top down, and the bars that are open at `y`."""

    def __init__(self, places: Mapping[Actor, float], width: float, top: float) -> None:
        self.places = places
        self.width = width
        self.y = top + 4
        self._last = self.y  # where the last part was: bars begin and end there
        self._open: defaultdict[Actor, dict[str, tuple[Bar, float, int]]] = defaultdict(dict)
        self._strips: list[Strip] = []

    def fill(self, diagram: Diagram) -> Iterator[Line | Box]:
        for item, after in zip_longest(diagram.items, diagram.items[1:]):
            match item:
                case Bar(begins=True):
                    self._begin(item)
                case Bar():
                    self._end(item)
                case Note():
                    yield self._box(item)
                case Message():
                    starts = after.actor if isinstance(after, Bar) and after.begins else None
                    yield self._line(item, starts)

    def strips(self, bottom: float) -> list[Strip]:
        """Return all bars; those that have no end reach down to the bottom."""
        still = [self._strip(bar, y, depth, bottom) for bars in self._open.values() for bar, y, depth in bars.values()]
        return sorted([*self._strips, *still], key=lambda strip: strip.y)

    def _begin(self, bar: Bar) -> None:
        depths = {depth for _, _, depth in self._open[bar.actor].values()}
        free = next(depth for depth in range(len(depths) + 1) if depth not in depths)
        self._open[bar.actor][bar.span_id] = (bar, self._last, free)

    def _end(self, bar: Bar) -> None:
        begun = self._open[bar.actor].pop(bar.span_id, None)
        if begun is not None:
            opened, y, depth = begun
            self._strips.append(self._strip(opened, y, depth, max(self._last, y + SHORTEST)))

    def _strip(self, bar: Bar, y: float, depth: int, until: float) -> Strip:
        return Strip(bar, self.places[bar.actor] - BAR / 2 + min(depth, 8) * BAR / 2, y, until - y)

    def _line(self, message: Message, starts: Actor | None) -> Line:
        self.y += ROW
        y = self._last = self.y
        self.y += UNDER if message.detail and not message.answer else 0
        begin, end = self.places[message.source], self.places[message.target]
        if message.source == message.target:
            self.y += SELF
            self._last = self.y
            edge = begin + self._edge(message.source, starts, right=True)
            return Line(message, edge, edge, y, edge)
        way = 1 if end > begin else -1
        return Line(
            message,
            begin + way * self._edge(message.source, None, right=way > 0),
            end - way * self._edge(message.target, starts, right=way < 0),
            y,
            self._middle(message, begin, end),
        )

    def _middle(self, message: Message, begin: float, end: float) -> float:
        """Return where the text of an arrow has its middle: so that no lifeline runs through it, if it fits so."""
        way = 1 if end > begin else -1
        ends = (begin + way * (STEP if message.step else 0), end - way * (CROSS if message.lost else 0))
        least, most = min(ends), max(ends)
        edges = [least, *sorted(x for x in self.places.values() if least < x < most), most]
        needed = message_width(message) + BAR
        fitting = [(left + right) / 2 for left, right in pairwise(edges) if right - left >= needed]
        middle = (least + most) / 2
        return min(fitting, key=lambda x: abs(x - middle), default=middle)

    def _edge(self, actor: Actor, starts: Actor | None, *, right: bool) -> float:
        """Return how far from its lifeline an actor ends, towards one side: at the bars that are open there."""
        if actor.kind == "bus":
            return BAR / 2 + 2
        depths = [depth for _, _, depth in self._open[actor].values()]
        if actor == starts:
            depths.append(next(depth for depth in range(len(depths) + 1) if depth not in depths))
        if not depths:
            return 1
        return BAR / 2 + (min(max(depths), 8) * BAR / 2 if right else 0) + 1

    def _box(self, note: Note) -> Box:
        shape = note_box(note)
        middle = self.places[note.actor] if note.actor else self.width / 2
        box = Box(note, shape, middle - shape.width / 2, self.y + 12)
        self.y = box.y + shape.height
        self._last = self.y
        return box

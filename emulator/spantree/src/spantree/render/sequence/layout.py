"""The position of everything in a sequence diagram, in pixels. Knows nothing of colours and SVG."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest

from spantree.render.sequence.column_layout import CROSS_ROOM, STEP_ROOM, column_positions, label_width
from spantree.render.sequence.diagram import Activation, Diagram, Message, Note, Participant
from spantree.render.sequence.text_metrics import NoteBox, note_box, text_width

__all__ = ["BAR_WIDTH", "HEAD_HEIGHT", "Arrow", "Bar", "DiagramLayout", "PlacedNote", "lay_out"]

MARGIN, TITLE_HEIGHT = 28.0, 76.0
HEAD_HEIGHT = 34.0
"""The height of the box with a participant's name."""
BAR_WIDTH = 10.0
"""The width of an activation's bar. A nested bar is moved to the right by half of that."""
ROW_HEIGHT, DETAIL_HEIGHT, LOOP_HEIGHT = 36.0, 13.0, 18.0
"""The height of a row, and what is added by a text below the arrow and by a message to oneself."""
SHORTEST_BAR = 16.0
DEEPEST = 8
"""Bars nested more deeply than this do not move further right, where they would run into other lifelines."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """A message: from x `begin` to x `end`, at height `y`, with its text around x `middle`.

    A message to oneself leaves its lifeline and returns to it on the right.
    """

    message: Message
    begin: float
    end: float
    y: float
    middle: float


@dataclass(frozen=True, slots=True)
class PlacedNote:
    """A note with its upper left corner at `x` and `y`."""

    note: Note
    box: NoteBox
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Bar:
    """The bar of an activation, with its upper left corner at `x` and `y`."""

    activation: Activation
    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class DiagramLayout:
    """All parts and the size of the picture. Lifelines stand at `positions` and run from `top` to `bottom`."""

    width: float
    height: float
    top: float
    bottom: float
    positions: Mapping[Participant, float]
    parts: Sequence[Arrow | PlacedNote]
    bars: Sequence[Bar]


def lay_out(diagram: Diagram) -> DiagramLayout:
    """Return the position of every part of a diagram."""
    positions, right = column_positions(diagram, MARGIN)
    texts = max(text_width(diagram.title, 20, bold=True), text_width(diagram.about, 12.5))
    width = max(right + MARGIN, texts + 2 * MARGIN)
    if positions:  # a narrow diagram below a long title is centred
        spare = (width - right - MARGIN) / 2
        positions = {each: x + spare for each, x in positions.items()}
    page = _Page(positions, width, TITLE_HEIGHT + HEAD_HEIGHT)
    parts = list(page.place_all(diagram))
    bottom = page.y + 26
    return DiagramLayout(
        width,
        bottom + HEAD_HEIGHT + MARGIN,
        TITLE_HEIGHT + HEAD_HEIGHT,
        bottom,
        positions,
        parts,
        page.bars(bottom),
    )


@dataclass(frozen=True, slots=True)
class _OpenBar:
    activation: Activation
    y: float
    depth: int


class _Page:
    """A page that is filled from the top down to `y`, and the bars that are open there."""

    def __init__(self, positions: Mapping[Participant, float], width: float, top: float) -> None:
        self.positions = positions
        self.width = width
        self.y = top + 4
        self._last_part = self.y  # bars begin and end at the height of the last part
        self._open: defaultdict[Participant, dict[str, _OpenBar]] = defaultdict(dict)
        self._closed: list[Bar] = []

    def place_all(self, diagram: Diagram) -> Iterator[Arrow | PlacedNote]:
        """Yield the placed messages and notes. Activations only open and close bars."""
        for item, following in zip_longest(diagram.items, diagram.items[1:]):
            match item:
                case Activation(begins=True):
                    self._open_bar(item)
                case Activation():
                    self._close_bar(item)
                case Note():
                    yield self._place_note(item)
                case Message():
                    opens = following.participant if isinstance(following, Activation) and following.begins else None
                    yield self._place_message(item, opens)

    def bars(self, bottom: float) -> list[Bar]:
        """Return all bars. Those that are still open reach down to the bottom."""
        still_open = [self._bar(each, bottom) for bars in self._open.values() for each in bars.values()]
        return sorted([*self._closed, *still_open], key=lambda bar: bar.y)

    def _open_bar(self, activation: Activation) -> None:
        depth = self._free_depth(activation.participant)
        self._open[activation.participant][activation.span_id] = _OpenBar(activation, self._last_part, depth)

    def _close_bar(self, activation: Activation) -> None:
        opened = self._open[activation.participant].pop(activation.span_id, None)
        if opened is not None:
            self._closed.append(self._bar(opened, max(self._last_part, opened.y + SHORTEST_BAR)))

    def _free_depth(self, participant: Participant) -> int:
        taken = {each.depth for each in self._open[participant].values()}
        return next(depth for depth in range(len(taken) + 1) if depth not in taken)

    def _bar(self, opened: _OpenBar, end: float) -> Bar:
        left = self.positions[opened.activation.participant] - BAR_WIDTH / 2
        return Bar(opened.activation, left + min(opened.depth, DEEPEST) * BAR_WIDTH / 2, opened.y, end - opened.y)

    def _place_message(self, message: Message, opens: Participant | None) -> Arrow:
        """Place a message. `opens` is whose bar begins right after it: the arrow ends at that bar."""
        self.y += ROW_HEIGHT
        y = self._last_part = self.y
        self.y += DETAIL_HEIGHT if message.detail and not message.answer else 0
        begin, end = self.positions[message.source], self.positions[message.target]
        if message.source == message.target:
            self.y += LOOP_HEIGHT
            self._last_part = self.y
            edge = begin + self._bar_edge(message.source, opens, right=True)
            return Arrow(message, edge, edge, y, edge)
        direction = 1 if end > begin else -1
        return Arrow(
            message,
            begin + direction * self._bar_edge(message.source, None, right=direction > 0),
            end - direction * self._bar_edge(message.target, opens, right=direction < 0),
            y,
            self._label_middle(message, begin, end),
        )

    def _label_middle(self, message: Message, begin: float, end: float) -> float:
        """Return the middle of an arrow's text: between two lifelines if it fits there, so that none crosses it."""
        direction = 1 if end > begin else -1
        step, cross = STEP_ROOM if message.step else 0, CROSS_ROOM if message.lost else 0
        ends = (begin + direction * step, end - direction * cross)
        left, right = min(ends), max(ends)
        edges = [left, *sorted(x for x in self.positions.values() if left < x < right), right]
        needed = label_width(message) + BAR_WIDTH
        middles = [(one + other) / 2 for one, other in pairwise(edges) if other - one >= needed]
        middle = (left + right) / 2
        return min(middles, key=lambda x: abs(x - middle), default=middle)

    def _bar_edge(self, participant: Participant, opens: Participant | None, *, right: bool) -> float:
        """Return how far from its lifeline a participant's bars reach, to the right or to the left."""
        if participant.kind == "bus":
            return BAR_WIDTH / 2 + 2
        depths = [each.depth for each in self._open[participant].values()]
        if participant == opens:
            depths.append(self._free_depth(participant))
        if not depths:
            return 1
        return BAR_WIDTH / 2 + (min(max(depths), DEEPEST) * BAR_WIDTH / 2 if right else 0) + 1

    def _place_note(self, note: Note) -> PlacedNote:
        box = note_box(note)
        middle = self.positions[note.participant] if note.participant else self.width / 2
        placed = PlacedNote(note, box, middle - box.width / 2, self.y + 12)
        self.y = self._last_part = placed.y + box.height
        return placed

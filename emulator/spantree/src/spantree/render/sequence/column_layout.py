"""The distances between lifelines: as wide as the texts between them and the boxes on them need."""

from collections.abc import Sequence
from itertools import pairwise

from spantree.render.sequence.diagram import Diagram, Message, Note, Participant
from spantree.render.sequence.text_metrics import note_box, text_width

__all__ = ["CROSS_ROOM", "STEP_ROOM", "column_positions", "label_width", "participant_width"]

NAME_SIZE, LABEL_SIZE, DETAIL_SIZE = 13.0, 12.5, 11.0
"""Font sizes."""
LEAST_DISTANCE, LEAST_GAP = 84.0, 18.0
"""Between two lifelines, and between the boxes on them."""
ARROW_ROOM, STEP_ROOM, CROSS_ROOM = 34.0, 24.0, 18.0
"""What an arrow needs beside its text, for the number of its step, and for the cross where it is lost."""


def column_positions(diagram: Diagram, margin: float) -> tuple[dict[Participant, float], float]:
    """Return the x of each lifeline, and the right edge of everything that is drawn on them."""
    participants = diagram.participants
    halves = {each: participant_width(each) / 2 for each in participants}
    reach = dict(halves)  # how far the widest box of a participant reaches to either side
    for item in diagram.items:
        if isinstance(item, Note) and item.participant:
            reach[item.participant] = max(reach[item.participant], note_box(item).width / 2)
    distances = [
        max(LEAST_DISTANCE, halves[left] + halves[right] + LEAST_GAP, max(reach[left], reach[right]) + LEAST_GAP)
        for left, right in pairwise(participants)
    ]
    messages = [item for item in diagram.items if isinstance(item, Message)]
    _widen(distances, participants, messages)
    positions: dict[Participant, float] = {}
    x = margin
    for number, each in enumerate(participants):
        x = margin + reach[each] if number == 0 else x + distances[number - 1]
        positions[each] = x
    left = min((positions[each] - reach[each] for each in participants), default=margin)
    positions = {each: x + margin - left for each, x in positions.items()}
    loops = {message.source: _message_width(message) for message in messages if message.source == message.target}
    right = max((positions[each] + max(reach[each], loops.get(each, 0)) for each in participants), default=margin)
    return positions, right


def participant_width(participant: Participant) -> float:
    """Return the width of the box with a participant's name."""
    return text_width(participant.name, NAME_SIZE, bold=True) + 24


def label_width(message: Message) -> float:
    """Return the width of the texts at an arrow."""
    beside = f" · {message.detail}" if message.answer and message.detail else ""
    label = text_width(message.label + message.count + beside, LABEL_SIZE)
    return max(label, text_width(message.detail, DETAIL_SIZE))


def _widen(distances: list[float], participants: Sequence[Participant], messages: Sequence[Message]) -> None:
    """Widen the distances until all texts fit. Short arrows come first, since long ones profit from their room."""
    order = {each: number for number, each in enumerate(participants)}
    needed: dict[tuple[int, int], float] = {}
    for message in messages:
        ends = sorted((order[message.source], order[message.target]))
        # a message to oneself is drawn to the right of its lifeline
        between = (ends[0], ends[1]) if ends[0] < ends[1] else (ends[0], ends[0] + 1)
        needed[between] = max(needed.get(between, 0), _message_width(message))
    for (first, last), width in sorted(needed.items(), key=lambda item: (item[0][1] - item[0][0], item[0])):
        missing = width - sum(distances[first:last])
        for number in range(first, min(last, len(distances))):
            distances[number] += max(0.0, missing) / (last - first)


def _message_width(message: Message) -> float:
    more = (STEP_ROOM if message.step else 0) + (CROSS_ROOM if message.lost else 0)
    return label_width(message) + ARROW_ROOM + more

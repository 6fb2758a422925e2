"""How far lifelines stand from one another: as far as the texts between them, and the boxes on them, need."""

from collections.abc import Sequence
from itertools import pairwise

from spantree.render.sequence.diagram import Actor, Diagram, Message, Note
from spantree.render.sequence.notes import note_box
from spantree.render.sequence.text_metrics import text_width

__all__ = ["CROSS", "STEP", "actor_width", "column_places", "message_width"]

NAME, LABEL, DETAIL = 13.0, 12.5, 11.0
"""Sizes of letters."""
NEAREST, APART = 84.0, 18.0
BESIDE, STEP, CROSS = 34.0, 24.0, 18.0
"""What an arrow needs beside its text, for its step's number, and where it is lost."""


def column_places(diagram: Diagram, margin: float) -> tuple[dict[Actor, float], float]:
    """Return where the lifelines stand, and where the rightmost box ends."""
    actors = diagram.actors
    halves = {actor: actor_width(actor) / 2 for actor in actors}
    reach = dict(halves)
    for item in diagram.items:
        if isinstance(item, Note) and item.actor:
            reach[item.actor] = max(reach[item.actor], note_box(item).width / 2)
    gaps = [
        max(NEAREST, halves[left] + halves[right] + APART, max(reach[left], reach[right]) + APART)
        for left, right in pairwise(actors)
    ]
    messages = [item for item in diagram.items if isinstance(item, Message)]
    _widen(gaps, actors, messages)
    places: dict[Actor, float] = {}
    x = margin
    for number, actor in enumerate(actors):
        x = margin + reach[actor] if number == 0 else x + gaps[number - 1]
        places[actor] = x
    left = min((places[actor] - reach[actor] for actor in actors), default=margin)
    places = {actor: x + margin - left for actor, x in places.items()}
    loops = {message.source: _needed(message) for message in messages if message.source == message.target}
    right = max((places[actor] + max(reach[actor], loops.get(actor, 0)) for actor in actors), default=margin)
    return places, right


def actor_width(actor: Actor) -> float:
    """Return the width of an actor's box."""
    return text_width(actor.name, NAME, bold=True) + 24


def message_width(message: Message) -> float:
    """Return the width of the texts at an arrow."""
    beside = f" · {message.detail}" if message.answer and message.detail else ""
    label = text_width(message.label + message.count + beside, LABEL)
    return max(label, text_width(message.detail, DETAIL))


def _widen(gaps: list[float], actors: Sequence[Actor], messages: Sequence[Message]) -> None:
    """Make room for the texts, of the short arrows first; a long one has what all gaps below it have."""
    order = {actor: number for number, actor in enumerate(actors)}
    wanted: dict[tuple[int, int], float] = {}
    for message in messages:
        ends = sorted((order[message.source], order[message.target]))
        between = (ends[0], ends[1]) if ends[0] < ends[1] else (ends[0], ends[0] + 1)  # the way to oneself is beside it
        wanted[between] = max(wanted.get(between, 0), _needed(message))
    for (first, last), width in sorted(wanted.items(), key=lambda item: (item[0][1] - item[0][0], item[0])):
        missing = width - sum(gaps[first:last])
        for number in range(first, min(last, len(gaps))):
            gaps[number] += max(0.0, missing) / (last - first)


def _needed(message: Message) -> float:
    return message_width(message) + BESIDE + (STEP if message.step else 0) + (CROSS if message.lost else 0)

"""Traces as pictures. This room knows trees of spans, and nothing of how they came about."""

from emulator.render.colours import service_colours
from emulator.render.sequence import Actor, Bar, Diagram, Message, Note, mermaid, sequence, sequence_svg
from emulator.render.waterfall import columns, duration, headline, step_number, waterfall

__all__ = [
    "Actor",
    "Bar",
    "Diagram",
    "Message",
    "Note",
    "columns",
    "duration",
    "headline",
    "mermaid",
    "sequence",
    "sequence_svg",
    "service_colours",
    "step_number",
    "waterfall",
]

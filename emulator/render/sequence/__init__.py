"""Traces as sequence diagrams: what happened between services, as Figure 1.8 shows it, drawn from the spans alone."""

from emulator.render.sequence.diagram import Actor, Bar, Diagram, Item, Message, Note
from emulator.render.sequence.mermaid import mermaid
from emulator.render.sequence.story import sequence
from emulator.render.sequence.svg import sequence_svg

__all__ = ["Actor", "Bar", "Diagram", "Item", "Message", "Note", "mermaid", "sequence", "sequence_svg"]

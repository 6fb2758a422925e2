"""Traces as sequence diagrams: what services asked of each other, drawn from the spans alone."""

from spantree.render.sequence.builder import sequence
from spantree.render.sequence.diagram import Actor, Bar, Diagram, Item, Message, Note
from spantree.render.sequence.mermaid import mermaid
from spantree.render.sequence.svg import sequence_svg

__all__ = ["Actor", "Bar", "Diagram", "Item", "Message", "Note", "mermaid", "sequence", "sequence_svg"]

"""Traces as sequence diagrams: what services asked of each other, in order of time. The spans are the only input."""

from spantree.render.sequence.builder import sequence
from spantree.render.sequence.diagram import Activation, Diagram, DiagramItem, Message, Note, Participant
from spantree.render.sequence.mermaid import mermaid
from spantree.render.sequence.svg import sequence_svg

__all__ = [
    "Activation",
    "Diagram",
    "DiagramItem",
    "Message",
    "Note",
    "Participant",
    "mermaid",
    "sequence",
    "sequence_svg",
]

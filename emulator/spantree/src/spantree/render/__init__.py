"""Traces as pictures, one package per kind. What they know about the traced system is in a `Vocabulary`.

The captions and colours that all pictures share are here.
"""

from spantree.render.captions import duration, failure, headline, step_label, title, trace_to_show
from spantree.render.colours import service_colours
from spantree.render.vocabulary import PLAIN, Vocabulary

__all__ = [
    "PLAIN",
    "Vocabulary",
    "duration",
    "failure",
    "headline",
    "service_colours",
    "step_label",
    "title",
    "trace_to_show",
]

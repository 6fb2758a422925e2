"""Traces as pictures, a room for each kind. They know trees of spans, and nothing of how these came about.

What they have in common is here: words and colours.
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

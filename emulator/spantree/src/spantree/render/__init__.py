"""Traces as pictures, a package for each kind. They know trees of spans, and of systems what a `Vocabulary` says.

What all pictures share is here: captions and colours.
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

"""Traces as pictures, a room for each kind. They know trees of spans, and nothing of how these came about.

What they have in common is here: words and colours.
"""

from spantree.render.captions import duration, failure, headline, step_number, title
from spantree.render.colours import service_colours
from spantree.render.telling import most_telling

__all__ = ["duration", "failure", "headline", "most_telling", "service_colours", "step_number", "title"]

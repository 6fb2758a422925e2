"""How pictures for the web word what they show of a span."""

from emulator.render.waterfall import _title, step_number
from emulator.traces import Span

__all__ = ["step_numbers", "title"]


def step_numbers(span: Span) -> str:
    """Return the numbers of Figure 1.8 that a span stands for: `12`."""
    return "".join(character for character in step_number(span) if character.isdigit())


def title(span: Span) -> str:
    """Return what a span did, without how it failed."""
    return _title(span).partition(" !")[0]

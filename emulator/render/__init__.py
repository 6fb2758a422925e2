"""Traces as pictures. This room knows trees of spans, and nothing of how they came about."""

from emulator.render.waterfall import columns, printer, waterfall
from emulator.render.words import duration, headline, step_number

__all__ = ["columns", "duration", "headline", "printer", "step_number", "waterfall"]

"""Traces as pictures. This room knows trees of spans, and nothing of how they came about."""

from emulator.render.colours import service_colours
from emulator.render.waterfall import columns, duration, headline, step_number, waterfall

__all__ = ["columns", "duration", "headline", "service_colours", "step_number", "waterfall"]

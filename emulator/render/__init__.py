"""Traces as pictures. This room knows trees of spans, and nothing of how they came about."""

from emulator.render.waterfall import duration, step_number, waterfall

__all__ = ["duration", "step_number", "waterfall"]

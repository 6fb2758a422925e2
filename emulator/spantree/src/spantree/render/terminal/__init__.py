"""Traces in the terminal: a waterfall of characters, as wide as there is room."""

from spantree.render.terminal.waterfall import columns, printer, waterfall

__all__ = ["columns", "printer", "waterfall"]

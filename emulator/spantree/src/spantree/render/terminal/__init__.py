"""Traces in the terminal: a waterfall of characters that fits the terminal's width. Needs the extra `cli` (rich)."""

from spantree.render.terminal.waterfall import columns, printer, waterfall

__all__ = ["columns", "printer", "waterfall"]

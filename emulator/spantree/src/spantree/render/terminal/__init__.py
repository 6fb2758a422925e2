"""Traces in the terminal: a waterfall of characters that fits the terminal's width. Needs the extra `cli` (rich)."""

from spantree.render.terminal.waterfall import Waterfall, columns, lay_out, printer, waterfall

__all__ = ["Waterfall", "columns", "lay_out", "printer", "waterfall"]

"""The console: one page from which a presenter boots servers, and watches what comes of it, span by span."""

from emulator.console.site import console
from emulator.console.stories import Stories

__all__ = ["Stories", "console"]

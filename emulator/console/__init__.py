"""The console: one page from which a presenter boots servers, and watches what comes of it, span by span."""

from emulator.console.site import console
from emulator.console.stories import MOST_STORIES, Stories

__all__ = ["MOST_STORIES", "Stories", "console"]

"""Texts of spans, made fit for a picture: in one line, of printable characters, and short."""

from spantree import escaped
from spantree.render.paths import shorten_ids

__all__ = ["named", "short"]

READ = 2000
"""Of a longer text nobody would see more, and to look at it would take time."""


def short(text: object, limit: int) -> str:
    """Return a text in one line of at most `limit` printable characters, its ids cut."""
    line = escaped(shorten_ids(" ".join(str(text)[:READ].split())))
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def named(text: object, limit: int) -> str:
    """Return such a text where there must be one: `unnamed` for an empty one."""
    return short(text, limit) or "unnamed"

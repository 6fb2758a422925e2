"""Shares memory between equal texts: the attributes of many spans have the same few keys and values."""

from functools import lru_cache

__all__ = ["shared"]

LONGEST = 256
"""Characters of a text that is worth sharing: longer ones seldom repeat, and the cache keeps them alive."""


def shared(text: str) -> str:
    """Return an equal text, which is the same object as for an earlier call, as far as the cache remembers."""
    return _remembered(text) if len(text) <= LONGEST else text


@lru_cache(maxsize=4096)
def _remembered(text: str) -> str:
    return text

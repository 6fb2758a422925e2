"""Random values, drawn by name: with a seed, the same names give the same values in every run.

A value depends only on its names, so it does not matter which task draws first.
"""

import hashlib
import random
import uuid
from collections import OrderedDict

__all__ = ["SeededRandom"]

MOST_NAMES = 10_000
"""How many names are remembered. Most belong to one span or server and are never drawn for again."""


class SeededRandom:
    """A source of random values, reproducible with a `seed`. Sources of different `owner`s give different values."""

    def __init__(self, seed: int | None = None, owner: str = "") -> None:
        self.seed = seed
        self._owner = owner
        self._drawn: OrderedDict[str, int] = OrderedDict()
        self._unseeded = random.Random()  # noqa: S311 - ids and durations, no secrets

    def draw(self, *names: object) -> random.Random:
        """Return a random generator for `names`. Each call with the same names returns the next of their generators."""
        if self.seed is None:
            return self._unseeded
        name = "\x1f".join(map(str, (self._owner, *names)))
        # The separator makes ("ab", "c") differ from ("a", "bc"). SHA-256, because hash() differs between processes.
        digest = hashlib.sha256(f"{self.seed}\x1f{self._times(name)}\x1f{name}".encode()).digest()
        return random.Random(digest)  # noqa: S311

    def uuid(self, *names: object) -> str:
        """Return a UUID (version 4, as text) for `names`."""
        return str(uuid.UUID(int=self.draw(*names).getrandbits(128), version=4))

    def _times(self, name: str) -> int:
        """Count a name, and forget the least recently drawn one if there are too many."""
        times = self._drawn.pop(name, 0) + 1
        self._drawn[name] = times
        if len(self._drawn) > MOST_NAMES:
            self._drawn.popitem(last=False)
        return times

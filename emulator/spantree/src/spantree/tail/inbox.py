"""Where the receiver's threads leave spans for the thread that shows them. It does nothing but store."""

import threading
from collections.abc import Callable

from spantree import Span

__all__ = ["Inbox"]

MOST_WAITING = 100_000
"""Spans that may wait, a few seconds of a flood; further ones are counted and dropped."""


class Inbox:
    """Takes spans from any thread. `notify` is called in that thread when there is something to read."""

    def __init__(self, notify: Callable[[], None]) -> None:
        self._notify = notify
        self._lock = threading.Lock()
        self._spans: list[Span] = []
        self._lost = 0
        self._notice = ""

    def put(self, spans: list[Span]) -> None:
        """Leave spans."""
        with self._lock:
            room = MOST_WAITING - len(self._spans)
            self._spans += spans[:room]
            self._lost += max(len(spans) - room, 0)
        self._notify()

    def put_error(self, failed: threading.ExceptHookArgs) -> None:
        """Leave the message of an error that ended a connection's thread: a `threading.excepthook`."""
        with self._lock:
            self._notice = str(failed.exc_value) or failed.exc_type.__name__
        self._notify()

    def take(self) -> list[Span]:
        """Return the spans that have been left since the last call."""
        with self._lock:
            spans, self._spans = self._spans, []
        return spans

    @property
    def waiting(self) -> bool:
        """Whether spans are waiting."""
        return bool(self._spans)

    @property
    def lost(self) -> int:
        """How many spans had to be dropped because too many were waiting."""
        return self._lost

    @property
    def notice(self) -> str:
        """The message of the last error; empty if there was none."""
        return self._notice

"""The live view: waits for keys, spans and signals, and draws at most some ten times a second for spans."""

import select
import signal
import sys
from dataclasses import replace
from time import monotonic

from spantree.tail.frame import frame
from spantree.tail.inbox import Inbox
from spantree.tail.keys import read_keys
from spantree.tail.screen import Screen
from spantree.tail.state import State
from spantree.tail.updates import with_key, with_size, with_spans
from spantree.tail.wakeup import Wakeup

__all__ = ["VIEW_SIGNALS", "view"]

ENDING_SIGNALS = {signal.SIGINT, signal.SIGTERM}
VIEW_SIGNALS = (*ENDING_SIGNALS, signal.SIGWINCH, signal.SIGTSTP, signal.SIGCONT)
SECONDS_PER_UPDATE = 0.1
"""The least time from one look into the inbox to the next. Each of them may draw the screen."""
SECONDS_PER_DRAWING = 0.03
"""The least time between drawings, which keys cause as well: a terminal repeats them up to thirty times a second."""
REST_PER_WORK = 3
"""After an update that took long, as with a huge trace, keys have this many times as long before the next one."""
ESCAPE_SECONDS = 0.05
"""After an escape, so long the rest of a sequence may be on its way; then it was the key of this name."""


def view(inbox: Inbox, wakeup: Wakeup, screen: Screen, state: State) -> int:
    """Show what arrives until `q`, SIGINT or SIGTERM; return the exit status."""
    return _View(inbox, wakeup, screen, with_size(state, *screen.size)).run()


class _View:
    """A screen that shows the state, and what has been typed and caught since it was last drawn."""

    def __init__(self, inbox: Inbox, wakeup: Wakeup, screen: Screen, state: State) -> None:
        self._inbox, self._wakeup, self._screen, self._state = inbox, wakeup, screen, state
        self._shown: State | None = None
        self._typed = ""
        self._next_update = self._next_drawing = 0.0

    def run(self) -> int:
        while not self._state.ended:
            self._draw()
            ready, _, _ = select.select([sys.stdin, self._wakeup], [], [], self._seconds_to_wait())
            caught = self._wakeup.signals()
            if ending := caught & ENDING_SIGNALS:
                return 128 + min(ending)
            if caught:
                self._on_signals(caught)
            has_typed = sys.stdin in ready
            if has_typed and not self._read():
                return 0  # the terminal is gone
            self._on_keys(finished=not has_typed)
            self._on_spans()
        return 0

    def _seconds_to_wait(self) -> float | None:
        now = monotonic()
        waits = [self._next_drawing - now] if self._state is not self._shown else []
        waits += [self._next_update - now] if self._has_news else []
        waits += [ESCAPE_SECONDS] if self._typed else []
        return max(min(waits), 0) if waits else None

    def _draw(self) -> None:
        if self._state is not self._shown and monotonic() >= self._next_drawing:
            self._screen.show(frame(self._state))
            self._shown, self._next_drawing = self._state, monotonic() + SECONDS_PER_DRAWING

    def _on_signals(self, caught: set[int]) -> None:
        if signal.SIGTSTP in caught:
            self._screen.suspend()
        self._screen.clear()
        self._state = with_size(self._state, *self._screen.size)

    def _read(self) -> bool:
        read = self._screen.read()
        self._typed += read.decode(sys.stdin.encoding, errors="replace")
        return bool(read)

    def _on_keys(self, *, finished: bool) -> None:
        keys, self._typed = read_keys(self._typed, finished=finished)
        for key in keys:
            if key == "redraw":
                self._screen.clear()
                self._shown = None
            self._state = with_key(self._state, key)

    def _on_spans(self) -> None:
        started = monotonic()
        if started >= self._next_update and self._has_news:
            news = replace(self._state, lost=self._inbox.lost, notice=self._inbox.notice)
            self._state = with_spans(news, self._inbox.take(), started)
            self._next_update = monotonic() + max(SECONDS_PER_UPDATE, REST_PER_WORK * (monotonic() - started))

    @property
    def _has_news(self) -> bool:
        return self._inbox.waiting or self._inbox.notice != self._state.notice

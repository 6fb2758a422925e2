"""The terminal as a full screen with a keyboard, which is as it was before when the block ends, however it ends."""

import os
import signal
import sys
import termios
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.text import Text

__all__ = ["Screen"]

ENTER = "\x1b[?1049h\x1b[?25l\x1b[2J"
"""The alternate screen, without a cursor, cleared: xterm's control sequences, DECSET 1049 and 25."""
LEAVE = "\x1b[0m\x1b[?25h\x1b[?1049l"
CLEAR = "\x1b[0m\x1b[2J"
USUAL_SIZE = os.terminal_size((80, 24))
LOCAL_FLAGS, CONTROL_CHARACTERS = 3, 6
"""The places of these in what `tcgetattr` returns."""


class Screen:
    """Owns the terminal of stdin and stdout inside its `with` block."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, force_terminal=True, soft_wrap=False)
        self._shown: list[str] = []

    @property
    def size(self) -> os.terminal_size:
        """Columns and lines of the terminal."""
        try:
            size = os.get_terminal_size(sys.stdout.fileno())
        except OSError:
            return USUAL_SIZE
        return size if all(size) else USUAL_SIZE

    def __enter__(self) -> Self:
        self._before = termios.tcgetattr(sys.stdin)
        changed = termios.tcgetattr(sys.stdin)
        changed[LOCAL_FLAGS] &= ~(termios.ICANON | termios.ECHO)  # keys come at once; Ctrl-C and Ctrl-Z stay signals
        changed[CONTROL_CHARACTERS][termios.VMIN], changed[CONTROL_CHARACTERS][termios.VTIME] = 1, 0
        try:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, changed)
            self._write(ENTER)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self._shown = []
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._write(LEAVE)
        finally:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)

    def read(self) -> bytes:
        """Return what was typed; empty if the terminal is gone."""
        try:
            return os.read(sys.stdin.fileno(), 4096)
        except OSError:
            return b""

    def suspend(self) -> None:
        """Give the terminal back and stop this process, as Ctrl-Z asks for; go on when the shell continues it."""
        self.__exit__(None, None, None)
        signal.raise_signal(signal.SIGSTOP)
        self.__enter__()

    def clear(self) -> None:
        """Forget what is shown: the next call of `show` draws every line."""
        self._write(CLEAR)
        self._shown = []

    def show(self, lines: Sequence[Text]) -> None:
        """Show these lines, from the top. Only those that have changed are written, which matters over SSH."""
        self._console.width = self.size.columns
        drawn = [self._codes(line) for line in lines]
        changes = [
            f"\x1b[{number + 1};1H\x1b[2K{codes}"
            for number, codes in enumerate(drawn)
            if number >= len(self._shown) or self._shown[number] != codes
        ]
        self._shown = drawn
        if changes:
            self._write("".join(changes))

    def _codes(self, line: Text) -> str:
        with self._console.capture() as captured:
            self._console.print(line, end="", no_wrap=True, overflow="crop", crop=True)
        return captured.get()

    def _write(self, codes: str) -> None:
        sys.stdout.write(codes)
        sys.stdout.flush()

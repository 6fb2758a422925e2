"""A terminal for a process: it has a width, its user sends signals, and its screen shows what was not erased."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import pyte

from tests.support.forks import Fork
from tests.support.processes import COMMAND, PATIENCE_SECONDS, environment

CONTROL = re.compile(r"\x1b\[(?P<number>[?\d;]*)(?P<letter>[A-Za-z])|(?P<text>[^\x1b\r\n]+)|(?P<move>[\r\n])")


class Terminal:
    """What a command, which has this terminal as its stdout and stderr, has written there so far."""

    def __init__(self, process: subprocess.Popen[bytes] | Fork, end: int) -> None:
        self._process = process
        self._end = end
        self._written = b""

    @property
    def written(self) -> str:
        """All that was written, with control sequences."""
        return self._written.decode(errors="replace")

    def until(self, words: str) -> None:
        """Read until these words were written."""
        while words not in self.written:
            assert self._read(), f"it ended before it wrote {words!r}: {self.written!r}"

    def interrupt(self) -> None:
        """Do what Ctrl-C does."""
        self._process.send_signal(signal.SIGINT)

    def type(self, keys: str) -> None:
        """Press keys. The command must have been started with a keyboard."""
        os.write(self._end, keys.encode())

    def signal(self, number: int) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def until_stopped(self) -> None:
        """Wait until the process is stopped, as Ctrl-Z does."""
        assert isinstance(self._process, subprocess.Popen)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)

    def resize(self, width: int, height: int) -> None:
        """Give the terminal another size."""
        _set_size(self._end, width, height)
        self._process.send_signal(signal.SIGWINCH)

    def shows(self, words: str, width: int = 80, height: int = 24) -> list[str]:
        """Read until these words are on a full screen of this size; return its lines."""
        screen = pyte.Screen(width, height)
        stream, fed = pyte.Stream(screen), 0
        while True:
            stream.feed(self.written[fed:])
            fed = len(self.written)
            if words in "\n".join(screen.display):
                return [line.rstrip() for line in screen.display]
            assert self._read(), f"it ended before it showed {words!r}: {screen.display}"

    @property
    def is_clean(self) -> bool:
        """Whether the terminal echoes, waits for whole lines, has a cursor and shows what it showed before."""
        flags = termios.tcgetattr(self._end)[3]
        modes = [re.findall(rf"\x1b\[\?{mode}([hl])", self.written)[-1:] for mode in (25, 1049)]
        return bool(flags & termios.ECHO and flags & termios.ICANON) and modes in ([["h"], ["l"]], [[], []])

    def ended(self) -> int:
        """Read to the end; return the exit status."""
        while self._read():
            pass
        return self._process.wait(PATIENCE_SECONDS)

    @property
    def screen(self) -> list[str]:
        """The lines that a user sees."""
        lines, row, column = [""], 0, 0
        for part in CONTROL.finditer(self.written):
            if text := part["text"]:
                lines[row] = lines[row][:column].ljust(column) + text + lines[row][column + len(text) :]
                column += len(text)
            elif part["move"] == "\r":
                column = 0
            elif part["move"]:
                row += 1
                lines += [""] * (row + 1 - len(lines))
            elif part["letter"] == "A":
                row = max(row - int(part["number"] or 1), 0)
            elif part["letter"] == "K":
                lines[row] = ""
            else:
                assert part["letter"] in "mhl", f"not known to this terminal: {part[0]!r}"
        return lines

    def _read(self) -> bool:
        """Read more; False at the end, where Linux reports an error."""
        ready, _, _ = select.select([self._end], [], [], PATIENCE_SECONDS)
        assert ready, f"nothing was written for {PATIENCE_SECONDS} s after {self.written!r}"
        try:
            more = os.read(self._end, 65536)
        except OSError:
            return False
        self._written += more
        return bool(more)


@contextmanager
def terminal(
    *arguments: str,
    command: Sequence[str] = (),
    width: int = 100,
    height: int = 30,
    piped: bool = False,
    keyboard: bool = False,
    env: Mapping[str, str] | None = None,
) -> Iterator[Terminal]:
    """Run `emulator`, or another command, at a terminal of this size. Its stdout may be `piped` to nowhere.

    With a `keyboard` the terminal is its stdin, too.
    """
    ours, its = pty.openpty()
    _set_size(its, width, height)
    variables = environment(**{"TERM": "xterm", "CI": "", **(env or {})})
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - it is no path
        out = nowhere.fileno() if piped else its
        process: subprocess.Popen[bytes] | Fork
        if command or keyboard:
            process = subprocess.Popen(  # noqa: S603 - Python itself
                [*(command or COMMAND), *arguments],
                env=variables,
                stdin=its if keyboard else subprocess.DEVNULL,
                stdout=out,
                stderr=its,
            )
        else:
            process = Fork(arguments, variables, out, its)
    os.close(its)
    try:
        yield Terminal(process, ours)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(ours)


def _set_size(end: int, width: int, height: int) -> None:
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

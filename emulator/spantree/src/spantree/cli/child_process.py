"""Runs a command as if the user had started it: same terminal, same signals, same status."""

import os
import select
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

__all__ = ["run_command"]

NOT_FOUND, NOT_EXECUTABLE, BY_SIGNAL = 127, 126, 128
"""The statuses of a shell, POSIX.1-2024, Shell Command Language, 2.8.2."""
FORWARDED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
"""Not every system has all of them."""


def run_command(
    words: Sequence[str],
    environment: Mapping[str, str],
    say: Callable[[str], None],
    after: Callable[[Callable[[float], bool]], None],
) -> int:
    """Run a command to its end, call `after`, and return the command's status as a shell would.

    Signals go to the command. `after` gets a function that waits for some seconds, and returns True as soon as there is
    a signal, since no command can take that any more.
    """
    running: list[subprocess.Popen[bytes]] = []
    awake, wake = os.pipe()

    def forward(number: int, _: FrameType | None) -> None:
        if running and not _has_reached_the_command(number):
            running[0].send_signal(number)  # does nothing if the command has ended
        if not running or running[0].returncode is not None:
            os.write(wake, b"!")  # not an Event: the handler may interrupt the thread that holds its lock

    def is_interrupted(seconds: float) -> bool:
        return bool(select.select([awake], [], [], seconds)[0])

    try:
        with _handling(forward):
            try:
                process = subprocess.Popen(words, env=environment)  # noqa: S603 - it is what the user asks for
            except OSError as error:
                say(f"{words[0]} cannot be run: {error.strerror}")
                return NOT_FOUND if isinstance(error, FileNotFoundError | NotADirectoryError) else NOT_EXECUTABLE
            running.append(process)
            if is_interrupted(0):  # between the lines above
                process.terminate()
            status = process.wait()
            after(is_interrupted)
    finally:
        os.close(awake)
        os.close(wake)
    return BY_SIGNAL - status if status < 0 else status


def _has_reached_the_command(number: int) -> bool:
    """Return whether a signal came from a key: a terminal sends it to all processes in its foreground."""
    if number not in {signal.SIGINT, signal.SIGQUIT}:
        return False
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:  # there is none
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


@contextmanager
def _handling(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle signals in the block. Those that are ignored stay ignored, as under nohup."""
    numbers = [getattr(signal, name) for name in FORWARDED if hasattr(signal, name)]
    before = {number: previous for number in numbers if (previous := signal.getsignal(number)) is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous or signal.SIG_DFL)

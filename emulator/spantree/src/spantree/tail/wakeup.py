"""A pipe that ends a wait: receiver threads write to it when spans arrive, and the system when a signal does.

So one thread can wait for the keyboard, spans and signals at once, and no signal interrupts it while it draws.
"""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

__all__ = ["Wakeup", "wakeup"]


class Wakeup:
    """The pipe. Its `fileno` is readable after `notify`, and after one of the signals."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._reader

    def notify(self) -> None:
        """End the wait. Can be called in any thread."""
        with suppress(BlockingIOError):  # a full pipe ends the wait as well
            os.write(self._writer, b"\0")

    def signals(self) -> set[int]:
        """Return the signals that arrived since the last call, and wait again from now on."""
        written = b""
        with suppress(BlockingIOError):
            while more := os.read(self._reader, 65536):
                written += more
        return set(written) - {0}

    @contextmanager
    def _receiving(self, numbers: Sequence[int]) -> Iterator[None]:
        before = {number: signal.signal(number, lambda *_: None) for number in numbers}
        descriptor = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(descriptor)
            for number, handler in before.items():
                signal.signal(number, handler)

    def _close(self) -> None:
        os.close(self._reader)
        os.close(self._writer)


@contextmanager
def wakeup(*numbers: int) -> Iterator[Wakeup]:
    """Make these signals end the wait, in place of what they do otherwise. For the main thread."""
    pipe = Wakeup()
    try:
        with pipe._receiving(numbers):  # noqa: SLF001 - a part of it
            yield pipe
    finally:
        pipe._close()  # noqa: SLF001 - as above

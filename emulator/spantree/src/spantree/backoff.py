"""Pauses between attempts at something that can only be polled: a Jaeger, a service that is starting."""

import time
from collections.abc import Iterator

__all__ = ["pauses"]


def pauses(seconds: float, first: float = 0.1, longest: float = 2.0) -> Iterator[float]:
    """Yield the seconds to pause after each failed attempt, until `seconds` have passed since the first `next()`.

    Each pause is twice the one before, at most `longest`, and none exceeds the deadline. The attempt after the last
    pause is the one at the deadline:

        for pause in pauses(30):
            if attempt():
                return
            time.sleep(pause)  # or: await asyncio.sleep(pause)
        attempt()
    """
    deadline, pause = time.monotonic() + seconds, first
    while (left := deadline - time.monotonic()) > 0:
        yield min(pause, left)
        pause = min(2 * pause, longest)

"""How long the doctor waits: what may heal is tried again until the time is over, and nothing takes longer."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from emulator.doctor.finding import Trouble

__all__ = ["Patience", "within"]

Result = TypeVar("Result")

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0
SHORTEST_TRY, LONGEST_TRY = 2.0, 5.0
"""Seconds that a try has, also when the time is over: whatever is well shows it within them."""

QUIET = 0.5
"""Seconds of waiting of which nothing is said."""
GRACE = 0.5
"""Seconds after which a try that should have ended by itself is given up."""


class Patience:
    """Time that is left. `tell` hears for what it is waited, each once."""

    def __init__(self, seconds: float, tell: Callable[[str], None]) -> None:
        self._until = time.monotonic() + seconds
        self._tell = tell
        self._told: set[str] = set()

    @property
    def left(self) -> float:
        """Seconds until it is over."""
        return max(0.0, self._until - time.monotonic())

    def end(self) -> None:
        """Wait for nothing any more."""
        self._until = time.monotonic()

    def retry(self, check: str, attempt: Callable[[float], Result], longest: float = LONGEST_TRY) -> Result:
        """Return what `attempt` does, within the seconds that it is given. Raises its last Trouble."""
        pause, began = FIRST_PAUSE, time.monotonic()
        while True:
            try:
                return self._once(check, attempt, longest)
            except Trouble as trouble:
                if not trouble.may_heal or self.left <= 0:
                    raise
                if time.monotonic() - began > QUIET:
                    self._say(trouble.finding.said)
            time.sleep(min(pause, self.left))
            pause = min(2 * pause, LONGEST_PAUSE)

    def _once(self, check: str, attempt: Callable[[float], Result], longest: float) -> Result:
        seconds = min(longest, max(SHORTEST_TRY, self.left))
        try:
            return within(seconds + GRACE, lambda: attempt(seconds))
        except TimeoutError as error:
            raise Trouble(check, str(error), "see what keeps it busy", may_heal=True) from error

    def _say(self, what: str) -> None:
        if what not in self._told:
            self._told.add(what)
            self._tell(what)


def within(seconds: float, call: Callable[[], Result]) -> Result:
    """Return what `call` returns. Raises what it raises, and TimeoutError if it takes too long: then it is left alone,
    as there is no way to end a name server's or an exporter's wait.
    """
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001 - it is raised where it belongs
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"no answer within {seconds:.1f} s")
    return results[0]

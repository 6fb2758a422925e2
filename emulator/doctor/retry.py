"""Retries and timeouts: temporary failures are retried until the deadline, and no attempt can hang."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from emulator.doctor.check_result import CheckFailed
from spantree.backoff import pauses

__all__ = ["RetryBudget", "with_timeout"]

Result = TypeVar("Result")

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0
SHORTEST_ATTEMPT, LONGEST_ATTEMPT = 2.0, 5.0
"""Seconds for an attempt, even after the deadline: a server that works answers within them."""

QUIET_SECONDS = 0.5
"""Shorter waits are not reported."""
GRACE_SECONDS = 0.5
"""How long an attempt may exceed its own timeout before it is abandoned."""


class RetryBudget:
    """The time that all retries share. `on_wait` gets each reason for waiting, once."""

    def __init__(self, seconds: float, on_wait: Callable[[str], None]) -> None:
        self._deadline = time.monotonic() + seconds
        self._on_wait = on_wait
        self._reported: set[str] = set()

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return max(0.0, self._deadline - time.monotonic())

    def exhaust(self) -> None:
        """Move the deadline to now: from now on everything is tried only once."""
        self._deadline = time.monotonic()

    def retry(self, check: str, attempt: Callable[[float], Result], longest: float = LONGEST_ATTEMPT) -> Result:
        """Call `attempt` with its timeout in seconds until it succeeds. Returns its result or raises its last error."""
        began = time.monotonic()
        for pause in pauses(self.left, FIRST_PAUSE, LONGEST_PAUSE):
            try:
                return self._once(check, attempt, longest)
            except CheckFailed as error:
                if not error.retryable or self.left <= 0:  # `pauses` does not know how long the attempts take
                    raise
                if time.monotonic() - began > QUIET_SECONDS:
                    self._report(error.result.message)
            time.sleep(min(pause, self.left))
        return self._once(check, attempt, longest)

    def _once(self, check: str, attempt: Callable[[float], Result], longest: float) -> Result:
        seconds = min(longest, max(SHORTEST_ATTEMPT, self.left))
        try:
            return with_timeout(seconds + GRACE_SECONDS, lambda: attempt(seconds))
        except TimeoutError as error:
            raise CheckFailed(check, str(error), "find out what keeps it busy", retryable=True) from error

    def _report(self, reason: str) -> None:
        if reason not in self._reported:
            self._reported.add(reason)
            self._on_wait(reason)


def with_timeout(seconds: float, call: Callable[[], Result]) -> Result:
    """Return what `call` returns. Raises what it raises, and TimeoutError if it takes too long.

    After a timeout the call continues in its daemon thread: a name look-up or an exporter cannot be interrupted.
    """
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001 - raised again by the caller
            errors.append(error)

    # Not concurrent.futures: the interpreter joins its threads on exit, so a call that hangs would hold up the command.
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"no answer within {seconds:.1f} s")
    return results[0]

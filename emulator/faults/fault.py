"""A fault: its name, where and how it acts, and the ground truth that people and tools should find."""

from dataclasses import dataclass
from enum import Enum, auto

__all__ = ["Effect", "Fault"]


class Effect(Enum):
    """How a fault acts. The code of simulated work defines how that work fails."""

    # at simulated work
    FAIL = auto()
    """The work fails, with its own error."""
    SLOW = auto()
    """The work takes longer: by the fault's `seconds`."""
    HANG = auto()
    """The work never ends."""
    REFUSE = auto()
    """The service answers 503."""
    RESET = auto()
    """The connection of the caller is reset."""
    WRONG = auto()
    """A value is wrong."""

    # at a publish span
    MISROUTE = auto()
    """The message gets a routing key that no queue is bound to."""
    REPEAT = auto()
    """The message is published again, as if its confirm had been lost."""
    GARBLE = auto()
    """The body is truncated."""

    # at a process span
    DELAY = auto()
    """The message waits in its queue, for the fault's `seconds`."""
    CRASH = auto()
    """The message is delivered again after its work is done, as if the connection had been lost before the ack."""

    # at any span: mistakes of instrumentation
    LOSE_CONTEXT = auto()
    """The headers of a request or a message have no context."""
    NO_SPAN = auto()
    """The span is missing."""
    SKEW = auto()
    """The clock is behind."""
    WRONG_KIND = auto()
    """The span is of kind internal."""
    UNSAMPLED = auto()
    """The span is not recorded, though its context says that it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault, and the ground truth about it.

    It acts in `service`, `at` a step, or at the work or span of that name (`*`: at all spans of the service). A fault
    with `once` is spent when it has acted: the request stops carrying it.
    """

    name: str
    effect: Effect
    service: str
    at: str
    once: bool = False
    seconds: float | None = None
    """How long it delays the work at `--pace 1`, for SLOW and DELAY."""
    lesson: str
    """What it teaches."""
    culprit: str
    """The span of `service` at which it went wrong, as a line of an expected tree."""
    seen_at: str = ""
    """The span to look at instead if the culprit is not in the trace."""
    happened: str
    """What went wrong, as a sentence without a full stop."""
    look_for: str
    """Where to look in the trace, as the object of "look at"."""
    status: str = "ERROR"
    """The status in which the server ends."""
    symptom: str
    """What the user sees through the API."""
    found_by: str = ""
    """The rule of `emulator check` that finds it; empty if the trace itself is sound."""
    build_seconds: float | None = None
    """The build timeout to use with this fault; None for the usual one."""

    @property
    def evidence(self) -> str:
        """The span that shows the fault, as a line of an expected tree: the culprit with its mark, or `seen_at`."""
        if self.seen_at:
            return self.seen_at
        mark = f"openstack.fault.name={self.name}"
        return f"{self.culprit[:-1]}, {mark}}}" if self.culprit.endswith("}") else f"{self.culprit} {{{mark}}}"

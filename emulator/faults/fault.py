"""What a fault is: a name, where it acts and how, and the truth about it that people and tools are to find out."""

from dataclasses import dataclass
from enum import Enum, auto

__all__ = ["Effect", "Fault"]


class Effect(Enum):
    """How a fault acts at its place; what that means for the work at hand, the code at the place says."""

    # at a step or a piece of pretended work
    FAIL = auto()
    """The work fails, with the error that it names for that."""
    SLOW = auto()
    """The work takes longer: by the fault's `seconds`."""
    HANG = auto()
    """The work never ends."""
    REFUSE = auto()
    """The service answers 503."""
    RESET = auto()
    """The connection of the caller is reset."""
    WRONG = auto()
    """A value is not what it should be."""

    # at a publish span
    MISROUTE = auto()
    """The message goes where no queue is bound."""
    REPEAT = auto()
    """The message is published again, as if its confirmation had been lost."""
    GARBLE = auto()
    """The body is cut off."""

    # at a process span
    DELAY = auto()
    """The message waits in its queue, for the fault's `seconds`."""
    CRASH = auto()
    """The message comes again when its work is done, as if the connection had gone before it was acknowledged."""

    # at any span: what instrumentation gets wrong
    LOSE_CONTEXT = auto()
    """The headers of a request or a message carry no context."""
    NO_SPAN = auto()
    """There is no span."""
    SKEW = auto()
    """The clock is behind."""
    WRONG_KIND = auto()
    """The span is of kind internal."""
    UNSAMPLED = auto()
    """The span is not recorded, though its context says that it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault, and the ground truth about it.

    It acts in `service`, `at` a step, a piece of work or a span of that name (`*` for all of its spans). One that acts
    `once` is spent then: the request carries it no further.
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
    """The span at which it went wrong, as a line of an expected tree; of service `service`."""
    seen_at: str = ""
    """The span to look at where the culprit itself is not in the trace."""
    happened: str
    """What went wrong: a sentence, that `look_for` may end."""
    look_for: str
    """Where to look in the trace: what follows after "look at"."""
    status: str = "ERROR"
    """The status in which the server ends."""
    symptom: str
    """What the user sees through the API."""
    found_by: str = ""
    """The rule of `emulator check` that finds it in the trace; none where the trace itself is sound."""
    build_seconds: float | None = None
    """The deadline for builds to try it with; None for the usual one."""

    @property
    def evidence(self) -> str:
        """The span that shows it, as a line of an expected tree: the culprit with the mark on it, or `seen_at`."""
        if self.seen_at:
            return self.seen_at
        mark = f"openstack.fault.name={self.name}"
        return f"{self.culprit[:-1]}, {mark}}}" if self.culprit.endswith("}") else f"{self.culprit} {{{mark}}}"

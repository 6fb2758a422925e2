"""A sequence diagram as data: participants, and what happens between and on their lifelines, in order of time."""

from dataclasses import dataclass, field

__all__ = ["Activation", "Diagram", "DiagramItem", "Message", "Note", "Participant"]


@dataclass(frozen=True, slots=True)
class Participant:
    """A participant, which has a lifeline.

    `kind` is service, bus, caller (calls a service and left no span) or external (was called and left no span).
    """

    name: str
    kind: str = "service"


@dataclass(frozen=True, slots=True)
class Message:
    """An arrow: a request, its `answer`, or a message to or from a bus (`queued`).

    A `lost` message does not arrive. `times` is the number of equal exchanges that this one stands for. `step` is its
    number in the vocabulary's sequence of steps.
    """

    key: str
    span_id: str
    source: Participant
    target: Participant
    label: str
    detail: str = ""
    step: str = ""
    answer: bool = False
    queued: bool = False
    failed: bool = False
    lost: bool = False
    times: int = 1

    @property
    def count(self) -> str:
        """The text behind the label that says how often the exchange took place; "" for once."""
        return f" \u00d7{self.times}" if self.times > 1 else ""


@dataclass(frozen=True, slots=True)
class Note:
    """A box on a lifeline, or across all of them if `participant` is None. `tone` is work, error, fault or gap.

    `flag` names the injected fault behind it. `left_out` is how many items a gap replaces.
    """

    key: str
    span_id: str
    participant: Participant | None
    label: str
    detail: str = ""
    tone: str = "work"
    flag: str = ""
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Activation:
    """The start or the end of the time in which a service works on a request or message."""

    key: str
    span_id: str
    participant: Participant
    begins: bool


DiagramItem = Message | Note | Activation


@dataclass(frozen=True, slots=True)
class Diagram:
    """A sequence diagram. The `key` of an item stays the same while the trace grows, so that a page can update it."""

    title: str
    about: str
    failed: bool
    participants: tuple[Participant, ...]
    items: tuple[DiagramItem, ...] = field(repr=False)

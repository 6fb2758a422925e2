"""A sequence diagram as data: lifelines, and what happens between them and on them, in the order of time."""

from dataclasses import dataclass, field

__all__ = ["Actor", "Bar", "Diagram", "Item", "Message", "Note"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who has a lifeline. `kind` is service, bus, caller (left no span, and called) or stranger (and was called)."""

    name: str
    kind: str = "service"


@dataclass(frozen=True, slots=True)
class Message:
    """An arrow: a request, its `answer`, or a message to or from a bus (`queued`).

    A `lost` one does not arrive; `times` says for how many equal exchanges it stands; `step` is its number in the
    vocabulary's sequence.
    """

    key: str
    span_id: str
    source: Actor
    target: Actor
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
        """How often it took place, ready to stand behind the label; "" for once."""
        return f" \u00d7{self.times}" if self.times > 1 else ""


@dataclass(frozen=True, slots=True)
class Note:
    """A box on a lifeline, or across all of them where `actor` is None. `tone` is work, error, fault or gap.

    `flag` names the injected fault that is behind it; a gap has `left_out` so many items.
    """

    key: str
    span_id: str
    actor: Actor | None
    label: str
    detail: str = ""
    tone: str = "work"
    flag: str = ""
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Bar:
    """The begin, or the end, of a time in which a service is at work on what it was sent."""

    key: str
    span_id: str
    actor: Actor
    begins: bool


Item = Message | Note | Bar


@dataclass(frozen=True, slots=True)
class Diagram:
    """What a trace looks like to its services. The `key` of an item stays as the trace grows."""

    title: str
    about: str
    failed: bool
    actors: tuple[Actor, ...]
    items: tuple[Item, ...] = field(repr=False)

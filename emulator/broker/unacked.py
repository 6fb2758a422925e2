"""The deliveries of a channel that its client has not settled yet, by delivery tag."""

from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import takewhile

from emulator.broker.errors import PreconditionFailed
from emulator.broker.queues import Consumer, Message, Queue

__all__ = ["UnackedDeliveries"]


@dataclass(slots=True)
class UnackedDeliveries:
    """Unsettled deliveries in the order of their tags. `in_flight` counts those that went to consumers."""

    in_flight: int = 0
    _last_tag: int = 0
    _deliveries: dict[int, tuple[Message, Queue, Consumer | None]] = field(default_factory=dict)

    @property
    def tags(self) -> list[int]:
        """All unsettled delivery tags, ascending."""
        return list(self._deliveries)

    def next_tag(self) -> int:
        """Return a new delivery tag, for a message that its client will not acknowledge (`no_ack`)."""
        self._last_tag += 1
        return self._last_tag

    def add(self, message: Message, queue: Queue, consumer: Consumer | None) -> int:
        """Remember a delivery and return its tag. `consumer` is None for `basic.get`, which no prefetch limits."""
        tag = self.next_tag()
        self._deliveries[tag] = (message, queue, consumer)
        if consumer is not None:
            consumer.unacked += 1
            self.in_flight += 1
        return tag

    def remove(self, tag: int) -> tuple[Message, Queue]:
        """Forget a delivery; return its message and the queue that it came from."""
        message, queue, consumer = self._deliveries.pop(tag)
        if consumer is not None:
            consumer.unacked -= 1
            self.in_flight -= 1
        return message, queue

    def select(self, tag: int, *, multiple: bool) -> Collection[int]:
        """Return the tags that a `basic.ack` covers: `tag`, or with `multiple` all tags up to it, and for 0 all tags.

        Raises PreconditionFailed for an unknown tag.
        """
        if multiple and tag == 0:
            return self.tags
        if tag not in self._deliveries:
            raise PreconditionFailed(f"unknown delivery tag {tag}")
        return list(takewhile(lambda known: known <= tag, self._deliveries)) if multiple else [tag]

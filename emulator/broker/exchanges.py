"""Exchanges: which queues a message is routed to (AMQP 0-9-1, section 3.1.3)."""

from collections.abc import Callable
from dataclasses import dataclass, field

from emulator.broker.queues import Queue

__all__ = ["EXCHANGE_TYPES", "Exchange"]


def _topic_matches(binding: str, routing_key: str) -> bool:
    """Match a topic binding: `*` stands for one word, `#` for zero or more (section 3.1.3.3)."""
    # Tracks all possible positions in the pattern at once, because backtracking takes exponential time for many `#`.
    pattern = _words(binding)

    def with_empty_hashes(places: set[int]) -> set[int]:
        for place, word in enumerate(pattern):
            if word == "#" and place in places:
                places.add(place + 1)
        return places

    places = with_empty_hashes({0})
    for word in _words(routing_key):
        open_places = [place for place in places if place < len(pattern)]
        stay = {place for place in open_places if pattern[place] == "#"}
        move = {place + 1 for place in open_places if pattern[place] in {"*", word}}
        places = with_empty_hashes(stay | move)
    return len(pattern) in places


def _words(key: str) -> list[str]:
    return key.split(".") if key else []  # to RabbitMQ the empty key has no words, not one empty word


EXCHANGE_TYPES: dict[str, Callable[[str, str], bool]] = {
    "direct": lambda binding, routing_key: binding == routing_key,
    "fanout": lambda binding, routing_key: True,  # noqa: ARG005 - a fanout ignores keys
    "topic": _topic_matches,
}
"""How each exchange type compares a binding key with a routing key."""


@dataclass(slots=True)
class Exchange:
    """An exchange and its bindings."""

    name: str
    type: str
    durable: bool
    auto_delete: bool
    internal: bool = False
    bindings: dict[tuple[str, str], Queue] = field(default_factory=dict)
    """The bound queues, by queue name and binding key."""

    def route(self, routing_key: str) -> list[Queue]:
        """Return the queues for a routing key, each only once even if several bindings match (section 3.1.3)."""
        matches = EXCHANGE_TYPES[self.type]
        matching = {queue.name: queue for (_, key), queue in self.bindings.items() if matches(key, routing_key)}
        return list(matching.values())

    def bind(self, queue: Queue, key: str) -> None:
        """Bind a queue. Duplicate bindings are ignored, as `queue.bind` requires."""
        self.bindings[queue.name, key] = queue

    def unbind(self, queue_name: str, key: str | None = None) -> bool:
        """Remove one binding of a queue, or all (`key` None). Return whether an auto-delete exchange lost its last."""
        removed = [binding for binding in self.bindings if binding[0] == queue_name and key in {None, binding[1]}]
        for binding in removed:
            del self.bindings[binding]
        return bool(removed) and self.auto_delete and not self.bindings

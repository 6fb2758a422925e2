"""Exchanges: which queues a message goes to, by its routing key."""

from collections.abc import Callable
from dataclasses import dataclass, field

from emulator.broker.queues import Queue

__all__ = ["KINDS", "Exchange"]

Binding = tuple[str, Queue]
"""A binding key and the queue that it leads to."""


def _topic_matches(binding: str, key: str) -> bool:
    """`*` stands for one word of a routing key, `#` for any number of them, none too.

    Walks all readings of the pattern at once, a word at a time, so that no pattern takes long.
    """
    pattern = _words(binding)

    def with_empty_hashes(places: set[int]) -> set[int]:
        for place, word in enumerate(pattern):
            if word == "#" and place in places:
                places.add(place + 1)
        return places

    places = with_empty_hashes({0})
    for word in _words(key):
        open_places = [place for place in places if place < len(pattern)]
        stay = {place for place in open_places if pattern[place] == "#"}
        move = {place + 1 for place in open_places if pattern[place] in {"*", word}}
        places = with_empty_hashes(stay | move)
    return len(pattern) in places


def _words(key: str) -> list[str]:
    return key.split(".") if key else []  # to RabbitMQ the empty key has no word, not an empty one


KINDS: dict[str, Callable[[str, str], bool]] = {
    "direct": lambda binding, key: binding == key,
    "fanout": lambda binding, key: True,  # noqa: ARG005 - a fanout asks for no key
    "topic": _topic_matches,
}
"""How each kind of exchange compares a binding key with a routing key."""


@dataclass(slots=True)
class Exchange:
    """An exchange and its bindings."""

    name: str
    kind: str
    durable: bool
    auto_delete: bool
    internal: bool = False
    bindings: dict[tuple[str, str], Binding] = field(default_factory=dict)
    """By queue name and binding key."""

    def route(self, routing_key: str) -> list[Queue]:
        """Return the queues that a message with this key goes to, each once."""
        matches = KINDS[self.kind]
        found = {queue.name: queue for key, queue in self.bindings.values() if matches(key, routing_key)}
        return list(found.values())

    def bind(self, queue: Queue, key: str) -> None:
        """Lead messages for `key` to `queue`. A binding that is there already stays one."""
        self.bindings[queue.name, key] = (key, queue)

    def unbind(self, queue_name: str, key: str | None = None) -> bool:
        """Remove a binding, or all of a queue (`key` None); return whether that left an auto-delete exchange bare."""
        gone = [known for known in self.bindings if known[0] == queue_name and key in {None, known[1]}]
        for known in gone:
            del self.bindings[known]
        return bool(gone) and self.auto_delete and not self.bindings

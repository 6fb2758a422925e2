"""Queues: messages in order, handed to the consumers in turn, and taken back when they are not acknowledged."""

from bisect import bisect
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

__all__ = ["DeadLetters", "Depth", "Message", "Queue", "Subscription"]


@dataclass(frozen=True, slots=True)
class Message:
    """A published message. `header` is the payload of its content header frame, passed on as it came."""

    exchange: str
    routing_key: str
    header: bytes
    body: bytes
    number: int = 0
    """Its place in the queue, which a requeued message takes again."""
    redelivered: bool = False


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Where a queue sends what is rejected; without a routing key of their own dead letters keep theirs."""

    exchange: str
    routing_key: str | None = None


@dataclass(eq=False, slots=True)
class Subscription:
    """A consumer of a queue. `deliver` sends a message to it; `ready` says whether it may have one now."""

    tag: str
    deliver: Callable[["Subscription", Message], None]
    ready: Callable[["Subscription"], bool]
    cancelled: Callable[["Subscription"], None]
    """Tells the client that the queue went away."""
    no_ack: bool = False
    exclusive: bool = False
    prefetch: int = 0
    """How many messages it may have unacknowledged; 0 is any number."""
    unacked: int = 0


@dataclass(frozen=True, slots=True)
class Depth:
    """How many messages of a queue wait, and how many were handed out and are not settled; None: nobody told."""

    queue: str
    ready: int
    unacknowledged: int | None
    consumers: int


@dataclass(eq=False, slots=True)
class Queue:
    """A queue. `owner` is the connection that it is exclusive to, if it is."""

    name: str
    durable: bool
    auto_delete: bool
    owner: object | None = None
    dead_letters: DeadLetters | None = None
    ready: deque[Message] = field(default_factory=deque)
    taken: dict[int, Message] = field(default_factory=dict)
    """What was handed out and is not settled, by number."""
    consumers: deque[Subscription] = field(default_factory=deque)
    counter: int = 0

    @property
    def depth(self) -> Depth:
        """How much is in it."""
        return Depth(self.name, len(self.ready), len(self.taken), len(self.consumers))

    def put(self, message: Message) -> None:
        """Append a message, and deliver what can be delivered."""
        self.counter += 1
        self.ready.append(replace(message, number=self.counter))
        self.dispatch()

    def hand_out(self) -> Message:
        """Return the next message; until it is settled or taken back it is remembered."""
        message = self.ready.popleft()
        self.taken[message.number] = message
        return message

    def settle(self, message: Message) -> None:
        """Forget a message that was handed out."""
        self.taken.pop(message.number, None)

    def take_back(self, messages: list[Message]) -> None:
        """Put unacknowledged messages back in their old places, marked as redelivered; deliver what can be."""
        for message in sorted(messages, key=lambda taken: taken.number, reverse=True):
            self.taken.pop(message.number, None)
            place = bisect(self.ready, message.number, key=lambda waiting: waiting.number)
            self.ready.insert(place, replace(message, redelivered=True))
        self.dispatch()

    def dispatch(self) -> None:
        """Deliver as long as there are messages and consumers ready for them; the consumers take turns."""
        while self.ready:
            for _ in range(len(self.consumers)):
                consumer = self.consumers[0]
                self.consumers.rotate(-1)
                if consumer.ready(consumer):
                    consumer.deliver(consumer, self.hand_out())
                    break
            else:
                return

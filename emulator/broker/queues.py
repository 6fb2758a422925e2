"""Queues: messages in order, delivered to consumers in turn, and requeued if they are not acknowledged."""

from bisect import bisect
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

__all__ = ["Consumer", "DeadLetterTarget", "Depth", "Message", "Queue"]


@dataclass(frozen=True, slots=True)
class Message:
    """A published message. `header` is the payload of its content header frame, passed on unchanged."""

    exchange: str
    routing_key: str
    header: bytes
    body: bytes
    position: int = 0
    """Its position in the queue, which it keeps when it is requeued."""
    redelivered: bool = False


@dataclass(frozen=True, slots=True)
class DeadLetterTarget:
    """Where a queue sends rejected messages. Without a routing key each message keeps its own."""

    exchange: str
    routing_key: str | None = None


@dataclass(eq=False, slots=True)
class Consumer:
    """A consumer of a queue: `deliver` sends it a message, `can_receive` says whether it may have another now."""

    tag: str
    deliver: Callable[["Consumer", Message], None]
    can_receive: Callable[["Consumer"], bool]
    on_queue_deleted: Callable[["Consumer"], None]
    no_ack: bool = False
    exclusive: bool = False
    prefetch: int = 0
    """How many unacknowledged messages it may hold; 0 is no limit."""
    unacked: int = 0


@dataclass(frozen=True, slots=True)
class Depth:
    """How many messages of a queue are ready, and how many are delivered but not settled (None if unknown)."""

    queue: str
    ready: int
    unacknowledged: int | None
    consumers: int


@dataclass(eq=False, slots=True)
class Queue:
    """A queue. `owner` is the connection that it is exclusive to, or None."""

    name: str
    durable: bool
    auto_delete: bool
    owner: object | None = None
    dead_letter_target: DeadLetterTarget | None = None
    ready: deque[Message] = field(default_factory=deque)
    unacked: dict[int, Message] = field(default_factory=dict)
    """Messages that were delivered and are not settled, by position."""
    consumers: deque[Consumer] = field(default_factory=deque)
    published: int = 0

    @property
    def depth(self) -> Depth:
        """The current numbers of messages and consumers."""
        return Depth(self.name, len(self.ready), len(self.unacked), len(self.consumers))

    def put(self, message: Message) -> None:
        """Append a message, and deliver as many as possible."""
        self.published += 1
        self.ready.append(replace(message, position=self.published))
        self.dispatch()

    def take(self) -> Message:
        """Take the next ready message. It counts as unacknowledged until it is settled or requeued."""
        message = self.ready.popleft()
        self.unacked[message.position] = message
        return message

    def settle(self, message: Message) -> None:
        """Forget a message that was delivered."""
        self.unacked.pop(message.position, None)

    def requeue(self, messages: list[Message]) -> None:
        """Put unacknowledged messages back at their old positions, marked as redelivered; deliver as many as possible.

        RabbitMQ keeps the original position if possible: https://www.rabbitmq.com/docs/nack.
        """
        for message in sorted(messages, key=lambda unacked: unacked.position, reverse=True):
            self.unacked.pop(message.position, None)
            place = bisect(self.ready, message.position, key=lambda ready: ready.position)
            self.ready.insert(place, replace(message, redelivered=True))
        self.dispatch()

    def dispatch(self) -> None:
        """Deliver ready messages round-robin to the consumers that can receive one (section 3.1.4)."""
        while self.ready:
            for _ in range(len(self.consumers)):
                consumer = self.consumers[0]
                self.consumers.rotate(-1)  # whether or not it can receive, the next message starts at the next one
                if consumer.can_receive(consumer):
                    consumer.deliver(consumer, self.take())
                    break
            else:
                return

"""The exchanges and queues of a broker, and the rules for declaring and deleting them."""

import asyncio
import re
import secrets

from emulator.broker.dead_letters import dead_letter
from emulator.broker.errors import (
    AccessRefused,
    CommandInvalid,
    NotFound,
    PreconditionFailed,
    ResourceLocked,
)
from emulator.broker.exchanges import EXCHANGE_TYPES, Exchange
from emulator.broker.queues import DeadLetterTarget, Message, Queue

__all__ = ["VirtualHost"]

NAME = re.compile(r"[a-zA-Z0-9_.:@#,/+ -]{0,127}")
"""Valid names: the characters of AMQP's domain `exchange-name`, and a few more that pamqp accepts."""


class VirtualHost:
    """Named exchanges and queues. The default exchange, `""`, routes to each queue by its name (section 3.1.3)."""

    def __init__(self) -> None:
        self.queues: dict[str, Queue] = {}
        self.watchers: set[asyncio.Event] = set()
        """Events to set whenever a message has left a queue for good."""
        self.exchanges = {
            f"amq.{type_}": Exchange(f"amq.{type_}", type_, durable=True, auto_delete=False) for type_ in EXCHANGE_TYPES
        }

    def publish(self, message: Message) -> bool:
        """Route a message to its queues. Return whether there was at least one."""
        if message.exchange:
            queues = self.exchange(message.exchange).route(message.routing_key)
        else:
            queues = [queue for queue in (self.queues.get(message.routing_key),) if queue is not None]
        for queue in queues:
            queue.put(message)
        return bool(queues)

    def settle(self, queue: Queue, message: Message, *, rejected: bool) -> None:
        """Forget a delivered message. A rejected one is published to the queue's dead-letter exchange.

        It is dropped if that exchange does not exist or routes to no queue, as in RabbitMQ.
        """
        target = queue.dead_letter_target if rejected else None
        if target is not None and (not target.exchange or target.exchange in self.exchanges):
            # Before the message is forgotten, so that `Broker.settled` does not return in between.
            self.publish(dead_letter(message, queue.name, target))
        queue.settle(message)
        self._notify_watchers()

    def purge(self, queue: Queue) -> int:
        """Drop the ready messages of a queue; return how many there were."""
        purged = len(queue.ready)
        queue.ready.clear()
        self._notify_watchers()
        return purged

    def holds_header(self, part: bytes) -> bool:
        """Whether a ready or unacknowledged message has these bytes in its header, a correlation id for example."""
        return any(
            part in message.header
            for queue in self.queues.values()
            for message in (*queue.ready, *queue.unacked.values())
        )

    def exchange(self, name: str) -> Exchange:
        """Return an exchange; raises NotFound."""
        if name not in self.exchanges:
            raise NotFound(f"no exchange '{name}' in vhost '/'")
        return self.exchanges[name]

    def queue(self, name: str, connection: object) -> Queue:
        """Return a queue that this connection may use; raises NotFound and ResourceLocked."""
        if name not in self.queues:
            raise NotFound(f"no queue '{name}' in vhost '/'")
        queue = self.queues[name]
        if queue.owner not in {None, connection}:
            raise _locked(name)
        return queue

    def declare_exchange(self, exchange: Exchange, *, passive: bool) -> None:
        """Create an exchange, or check that it exists with the same properties."""
        known = self.exchanges.get(exchange.name)
        if not exchange.name:
            raise AccessRefused("operation not permitted on the default exchange")
        if passive:
            self.exchange(exchange.name)
        elif exchange.type not in EXCHANGE_TYPES:
            raise CommandInvalid(f"unknown exchange type '{exchange.type}'")
        elif known is None:
            _check_name("exchange", exchange.name)
            self.exchanges[exchange.name] = exchange
        else:
            for property_ in ("type", "durable", "auto_delete", "internal"):
                _check_same(
                    "exchange", exchange.name, property_, getattr(exchange, property_), getattr(known, property_)
                )

    def delete_exchange(self, name: str, *, if_unused: bool) -> None:
        """Delete an exchange and its bindings. As in RabbitMQ, deleting one that does not exist succeeds."""
        if not name or name.startswith("amq."):
            raise AccessRefused(f"exchange '{name}' in vhost '/' cannot be deleted")
        if if_unused and name in self.exchanges and self.exchanges[name].bindings:
            raise PreconditionFailed(f"exchange '{name}' in vhost '/' in use")
        self.exchanges.pop(name, None)

    def declare_queue(
        self,
        name: str,
        connection: object,
        *,
        passive: bool,
        durable: bool,
        exclusive: bool,
        auto_delete: bool,
        dead_letter_target: DeadLetterTarget | None = None,
    ) -> Queue:
        """Create a queue, or check that it exists with the same properties. Without a name the broker generates one."""
        if passive or name in self.queues:
            known = self.queue(name, connection)
            if not passive:
                if exclusive != (known.owner is not None):
                    raise _locked(name)
                _check_same("queue", name, "durable", durable, known.durable)
                _check_same("queue", name, "auto_delete", auto_delete, known.auto_delete)
                _check_same_dead_letter_target(known, dead_letter_target)
            return known
        if name:
            _check_name("queue", name)
        name = name or f"amq.gen-{secrets.token_urlsafe(16)}"
        owner = connection if exclusive else None
        self.queues[name] = Queue(name, durable, auto_delete, owner=owner, dead_letter_target=dead_letter_target)
        return self.queues[name]

    def delete_queue(self, queue: Queue, *, if_unused: bool = False, if_empty: bool = False) -> int:
        """Delete a queue with its bindings and consumers; return how many ready messages were dropped."""
        if if_unused and queue.consumers:
            raise PreconditionFailed(f"queue '{queue.name}' in vhost '/' in use")
        if if_empty and queue.ready:
            raise PreconditionFailed(f"queue '{queue.name}' in vhost '/' is not empty")
        # Deleting an auto-delete queue removes its last consumer, which deletes the queue again.
        if self.queues.get(queue.name) is queue:
            del self.queues[queue.name]
            self._unbind_everywhere(queue)
        for consumer in list(queue.consumers):
            consumer.on_queue_deleted(consumer)
        queue.consumers.clear()
        return self.purge(queue)

    def unbind(self, queue: Queue, exchange: Exchange, key: str) -> None:
        """Remove a binding. An auto-delete exchange is deleted with its last one."""
        if exchange.unbind(queue.name, key):
            del self.exchanges[exchange.name]

    def delete_exclusive_queues(self, connection: object) -> None:
        """Delete the exclusive queues of a closed connection."""
        for queue in [queue for queue in self.queues.values() if queue.owner is connection]:
            self.delete_queue(queue)

    def _notify_watchers(self) -> None:
        for watcher in self.watchers:
            watcher.set()

    def _unbind_everywhere(self, queue: Queue) -> None:
        for exchange in list(self.exchanges.values()):
            if exchange.unbind(queue.name):
                del self.exchanges[exchange.name]


def _locked(name: str) -> ResourceLocked:
    return ResourceLocked(f"cannot obtain exclusive access to locked queue '{name}' in vhost '/'")


def _check_name(entity: str, name: str) -> None:
    if name.startswith("amq."):
        raise AccessRefused(f"{entity} name '{name}' contains reserved prefix 'amq.*'")
    if not NAME.fullmatch(name):
        raise PreconditionFailed(f"{entity} name '{name}' is too long or has characters that are not allowed")


def _check_same_dead_letter_target(queue: Queue, requested: DeadLetterTarget | None) -> None:
    for field in ("exchange", "routing_key"):
        argument = f"x-dead-letter-{field.replace('_', '-')}"
        current = getattr(queue.dead_letter_target, field, None)
        _check_same("queue", queue.name, argument, getattr(requested, field, None), current)


def _check_same(entity: str, name: str, argument: str, requested: object, current: object) -> None:
    if requested != current:
        difference = f"received '{requested}' but current is '{current}'"
        raise PreconditionFailed(f"inequivalent arg '{argument}' for {entity} '{name}' in vhost '/': {difference}")

"""The exchanges and queues of a broker, and the rules for making and removing them."""

import asyncio
import re
import secrets

from emulator.broker.dead_letters import died
from emulator.broker.errors import (
    AccessRefused,
    CommandInvalid,
    PreconditionFailed,
    ResourceLocked,
    UnknownEntity,
)
from emulator.broker.exchanges import KINDS, Exchange
from emulator.broker.queues import DeadLetters, Message, Queue

__all__ = ["VirtualHost"]

NAME = re.compile(r"[a-zA-Z0-9_.:@#,/+ -]{0,127}")
"""The names that AMQP allows (domain `exchange-name`) and the few characters more that pamqp can carry."""


class VirtualHost:
    """Named exchanges and queues. The default exchange, `""`, leads to every queue by its name."""

    def __init__(self) -> None:
        self.queues: dict[str, Queue] = {}
        self.watchers: set[asyncio.Event] = set()
        """Set whenever a message has left."""
        self.exchanges = {
            f"amq.{kind}": Exchange(f"amq.{kind}", kind, durable=True, auto_delete=False) for kind in KINDS
        }

    def publish(self, message: Message) -> bool:
        """Put a message in every queue that it is for; return whether there was one."""
        if message.exchange:
            queues = self.exchange(message.exchange).route(message.routing_key)
        else:
            queues = [queue for queue in (self.queues.get(message.routing_key),) if queue is not None]
        for queue in queues:
            queue.put(message)
        return bool(queues)

    def settle(self, queue: Queue, message: Message, *, rejected: bool) -> None:
        """Forget a message that was handed out; one that was rejected goes where the queue sends its dead letters.

        It is gone where that exchange is not there, or leads nowhere.
        """
        to = queue.dead_letters if rejected else None
        if to is not None and (not to.exchange or to.exchange in self.exchanges):
            self.publish(died(message, queue.name, to))
        queue.settle(message)
        self._changed()

    def purge(self, queue: Queue) -> int:
        """Throw away what waits in a queue; return how many messages that were."""
        purged = len(queue.ready)
        queue.ready.clear()
        self._changed()
        return purged

    def holds(self, mark: bytes) -> bool:
        """Whether a message with this in its header, a correlation id for one, waits or is not settled."""
        return any(
            mark in message.header
            for queue in self.queues.values()
            for message in (*queue.ready, *queue.taken.values())
        )

    def exchange(self, name: str) -> Exchange:
        """Return an exchange; raises UnknownEntity."""
        if name not in self.exchanges:
            raise UnknownEntity(f"no exchange '{name}' in vhost '/'")
        return self.exchanges[name]

    def queue(self, name: str, connection: object) -> Queue:
        """Return a queue that this connection may use; raises UnknownEntity and ResourceLocked."""
        if name not in self.queues:
            raise UnknownEntity(f"no queue '{name}' in vhost '/'")
        queue = self.queues[name]
        if queue.owner not in {None, connection}:
            raise _locked(name)
        return queue

    def declare_exchange(self, wanted: Exchange, *, passive: bool) -> None:
        """Make an exchange, or make sure that it is there as wanted."""
        known = self.exchanges.get(wanted.name)
        if not wanted.name:
            raise AccessRefused("operation not permitted on the default exchange")
        if passive:
            self.exchange(wanted.name)
        elif wanted.kind not in KINDS:
            raise CommandInvalid(f"unknown exchange type '{wanted.kind}'")
        elif known is None:
            _check_name("exchange", wanted.name)
            self.exchanges[wanted.name] = wanted
        else:
            for aspect in ("kind", "durable", "auto_delete", "internal"):
                _check_same("exchange", wanted.name, aspect, getattr(wanted, aspect), getattr(known, aspect))

    def delete_exchange(self, name: str, *, if_unused: bool) -> None:
        """Remove an exchange and its bindings; one that is not there is gone already."""
        if not name or name.startswith("amq."):
            raise AccessRefused(f"exchange '{name}' in vhost '/' is not to be deleted")
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
        dead_letters: DeadLetters | None = None,
    ) -> Queue:
        """Make a queue, or make sure that it is there as wanted. Without a name the broker finds one."""
        if passive or name in self.queues:
            known = self.queue(name, connection)
            if not passive:
                if exclusive != (known.owner is not None):
                    raise _locked(name)
                _check_same("queue", name, "durable", durable, known.durable)
                _check_same("queue", name, "auto_delete", auto_delete, known.auto_delete)
                for aspect in ("exchange", "routing_key"):
                    wanted, found = getattr(dead_letters, aspect, None), getattr(known.dead_letters, aspect, None)
                    _check_same("queue", name, f"x-dead-letter-{aspect.replace('_', '-')}", wanted, found)
            return known
        if name:
            _check_name("queue", name)
        name = name or f"amq.gen-{secrets.token_urlsafe(16)}"
        owner = connection if exclusive else None
        self.queues[name] = Queue(name, durable, auto_delete, owner=owner, dead_letters=dead_letters)
        return self.queues[name]

    def delete_queue(self, queue: Queue, *, if_unused: bool = False, if_empty: bool = False) -> int:
        """Remove a queue, with its bindings and consumers; return how many messages went with it."""
        if if_unused and queue.consumers:
            raise PreconditionFailed(f"queue '{queue.name}' in vhost '/' in use")
        if if_empty and queue.ready:
            raise PreconditionFailed(f"queue '{queue.name}' in vhost '/' is not empty")
        if self.queues.get(queue.name) is queue:
            del self.queues[queue.name]
            self._unbind_everywhere(queue)
        for consumer in list(queue.consumers):
            consumer.cancelled(consumer)
        queue.consumers.clear()
        return self.purge(queue)

    def unbind(self, queue: Queue, exchange: Exchange, key: str) -> None:
        """Remove a binding, and an auto-delete exchange with its last one."""
        if exchange.unbind(queue.name, key):
            del self.exchanges[exchange.name]

    def drop_exclusive(self, connection: object) -> None:
        """Remove the queues that were exclusive to a connection which is gone."""
        for queue in [queue for queue in self.queues.values() if queue.owner is connection]:
            self.delete_queue(queue)

    def _changed(self) -> None:
        for watcher in self.watchers:
            watcher.set()

    def _unbind_everywhere(self, queue: Queue) -> None:
        for exchange in list(self.exchanges.values()):
            if exchange.unbind(queue.name):
                del self.exchanges[exchange.name]


def _locked(name: str) -> ResourceLocked:
    return ResourceLocked(f"cannot obtain exclusive access to locked queue '{name}' in vhost '/'")


def _check_name(what: str, name: str) -> None:
    if name.startswith("amq."):
        raise AccessRefused(f"{what} name '{name}' contains reserved prefix 'amq.*'")
    if not NAME.fullmatch(name):
        raise PreconditionFailed(f"{what} name '{name}' has characters that are not allowed, or too many")


def _check_same(what: str, name: str, aspect: str, wanted: object, found: object) -> None:
    if wanted != found:
        difference = f"received '{wanted}' but current is '{found}'"
        raise PreconditionFailed(f"inequivalent arg '{aspect}' for {what} '{name}' in vhost '/': {difference}")

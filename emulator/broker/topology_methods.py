"""The methods of the exchange and queue classes: declare, bind, purge, delete of AMQP 0-9-1."""

from collections.abc import Callable
from typing import Any

from pamqp import commands
from pamqp.base import Frame

from emulator.broker.dead_letters import dead_letter_target
from emulator.broker.errors import AccessRefused
from emulator.broker.exchanges import Exchange
from emulator.broker.virtual_host import VirtualHost

__all__ = ["TOPOLOGY_METHODS"]


def declare_exchange(virtual_host: VirtualHost, _: object, method: commands.Exchange.Declare) -> Frame:
    """Create an exchange, or check that it exists with these properties."""
    exchange = Exchange(
        method.exchange or "",
        method.exchange_type or "direct",
        durable=bool(method.durable),
        auto_delete=bool(method.auto_delete),
        internal=bool(method.internal),
    )
    virtual_host.declare_exchange(exchange, passive=bool(method.passive))
    return commands.Exchange.DeclareOk()


def delete_exchange(virtual_host: VirtualHost, _: object, method: commands.Exchange.Delete) -> Frame:
    """Delete an exchange."""
    virtual_host.delete_exchange(method.exchange or "", if_unused=bool(method.if_unused))
    return commands.Exchange.DeleteOk()


def declare_queue(virtual_host: VirtualHost, connection: object, method: commands.Queue.Declare) -> Frame:
    """Create a queue, exclusive to `connection` if the method says so, or check that it exists."""
    name = method.queue or ""
    queue = virtual_host.declare_queue(
        name,
        connection,
        passive=bool(method.passive),
        durable=bool(method.durable),
        exclusive=bool(method.exclusive),
        auto_delete=bool(method.auto_delete),
        dead_letter_target=dead_letter_target(name, method.arguments or {}),
    )
    return commands.Queue.DeclareOk(queue.name, len(queue.ready), len(queue.consumers))


def bind_queue(virtual_host: VirtualHost, connection: object, method: commands.Queue.Bind) -> Frame:
    """Bind a queue to an exchange."""
    exchange = _named_exchange(virtual_host, method.exchange)
    exchange.bind(virtual_host.queue(method.queue or "", connection), method.routing_key or "")
    return commands.Queue.BindOk()


def unbind_queue(virtual_host: VirtualHost, connection: object, method: commands.Queue.Unbind) -> Frame:
    """Remove a binding."""
    exchange = _named_exchange(virtual_host, method.exchange)
    virtual_host.unbind(virtual_host.queue(method.queue or "", connection), exchange, method.routing_key or "")
    return commands.Queue.UnbindOk()


def purge_queue(virtual_host: VirtualHost, connection: object, method: commands.Queue.Purge) -> Frame:
    """Drop the ready messages of a queue."""
    return commands.Queue.PurgeOk(virtual_host.purge(virtual_host.queue(method.queue or "", connection)))


def delete_queue(virtual_host: VirtualHost, connection: object, method: commands.Queue.Delete) -> Frame:
    """Delete a queue. As in RabbitMQ, deleting one that does not exist succeeds."""
    if method.queue not in virtual_host.queues:
        return commands.Queue.DeleteOk(0)
    queue = virtual_host.queue(method.queue or "", connection)
    dropped = virtual_host.delete_queue(queue, if_unused=bool(method.if_unused), if_empty=bool(method.if_empty))
    return commands.Queue.DeleteOk(dropped)


def _named_exchange(virtual_host: VirtualHost, name: str | None) -> Exchange:
    """Return an exchange that can be bound to. The default exchange cannot."""
    if not name:
        raise AccessRefused("operation not permitted on the default exchange")
    return virtual_host.exchange(name)


TOPOLOGY_METHODS: dict[type[Frame], Callable[[VirtualHost, object, Any], Frame]] = {
    commands.Exchange.Declare: declare_exchange,
    commands.Exchange.Delete: delete_exchange,
    commands.Queue.Bind: bind_queue,
    commands.Queue.Declare: declare_queue,
    commands.Queue.Delete: delete_queue,
    commands.Queue.Purge: purge_queue,
    commands.Queue.Unbind: unbind_queue,
}
"""The handler of each method: takes the virtual host, the connection and the method, returns the reply."""

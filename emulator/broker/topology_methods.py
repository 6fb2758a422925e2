"""The methods of exchanges and queues: declare, bind, purge, delete."""

from collections.abc import Callable
from typing import Any

from pamqp import commands
from pamqp.base import Frame

from emulator.broker.dead_letters import dead_letters
from emulator.broker.errors import AccessRefused
from emulator.broker.exchanges import Exchange
from emulator.broker.virtual_host import VirtualHost

__all__ = ["TOPOLOGY"]


def declare_exchange(host: VirtualHost, _: object, method: commands.Exchange.Declare) -> Frame:
    """Make an exchange."""
    wanted = Exchange(
        method.exchange or "",
        method.exchange_type or "direct",
        durable=bool(method.durable),
        auto_delete=bool(method.auto_delete),
        internal=bool(method.internal),
    )
    host.declare_exchange(wanted, passive=bool(method.passive))
    return commands.Exchange.DeclareOk()


def delete_exchange(host: VirtualHost, _: object, method: commands.Exchange.Delete) -> Frame:
    """Remove an exchange."""
    host.delete_exchange(method.exchange or "", if_unused=bool(method.if_unused))
    return commands.Exchange.DeleteOk()


def declare_queue(host: VirtualHost, owner: object, method: commands.Queue.Declare) -> Frame:
    """Make a queue, exclusive to `owner` if it asks for that."""
    name = method.queue or ""
    queue = host.declare_queue(
        name,
        owner,
        passive=bool(method.passive),
        durable=bool(method.durable),
        exclusive=bool(method.exclusive),
        auto_delete=bool(method.auto_delete),
        dead_letters=dead_letters(name, method.arguments or {}),
    )
    return commands.Queue.DeclareOk(queue.name, len(queue.ready), len(queue.consumers))


def bind_queue(host: VirtualHost, owner: object, method: commands.Queue.Bind) -> Frame:
    """Bind a queue to an exchange."""
    _bindable(host, method.exchange).bind(host.queue(method.queue or "", owner), method.routing_key or "")
    return commands.Queue.BindOk()


def unbind_queue(host: VirtualHost, owner: object, method: commands.Queue.Unbind) -> Frame:
    """Remove a binding."""
    exchange = _bindable(host, method.exchange)
    host.unbind(host.queue(method.queue or "", owner), exchange, method.routing_key or "")
    return commands.Queue.UnbindOk()


def purge_queue(host: VirtualHost, owner: object, method: commands.Queue.Purge) -> Frame:
    """Throw away what waits in a queue."""
    return commands.Queue.PurgeOk(host.purge(host.queue(method.queue or "", owner)))


def delete_queue(host: VirtualHost, owner: object, method: commands.Queue.Delete) -> Frame:
    """Remove a queue; one that is not there is gone already."""
    if method.queue not in host.queues:
        return commands.Queue.DeleteOk(0)
    queue = host.queue(method.queue or "", owner)
    lost = host.delete_queue(queue, if_unused=bool(method.if_unused), if_empty=bool(method.if_empty))
    return commands.Queue.DeleteOk(lost)


def _bindable(host: VirtualHost, exchange: str | None) -> Exchange:
    if not exchange:
        raise AccessRefused("operation not permitted on the default exchange")
    return host.exchange(exchange)


TOPOLOGY: dict[type[Frame], Callable[[VirtualHost, object, Any], Frame]] = {
    commands.Exchange.Declare: declare_exchange,
    commands.Exchange.Delete: delete_exchange,
    commands.Queue.Bind: bind_queue,
    commands.Queue.Declare: declare_queue,
    commands.Queue.Delete: delete_queue,
    commands.Queue.Purge: purge_queue,
    commands.Queue.Unbind: unbind_queue,
}
"""What happens on each method; each answers."""

"""A channel: executes the methods of a client in order: declare, publish, consume, settle (AMQP 0-9-1, section 4.3)."""

import secrets
from collections.abc import Callable, Collection, Iterable
from typing import Any, ClassVar, Protocol

from pamqp import commands
from pamqp.base import Frame

from emulator.broker.errors import (
    AccessRefused,
    FeatureNotImplemented,
    NotAllowed,
    UnexpectedFrame,
)
from emulator.broker.incoming_message import IncomingMessage
from emulator.broker.queues import Consumer, Message, Queue
from emulator.broker.topology_methods import TOPOLOGY_METHODS
from emulator.broker.unacked import UnackedDeliveries
from emulator.broker.virtual_host import VirtualHost

__all__ = ["Channel", "ClientConnection"]

NO_ROUTE = 312  # the reply code of basic.return (AMQP 0-9-1, section 1.2)


class ClientConnection(Protocol):
    """The connection as its channels see it."""

    writable: bool
    supports_cancel_notify: bool
    """Whether the client handles a `basic.cancel` from the broker: https://www.rabbitmq.com/docs/consumer-cancel."""

    def send(self, channel: int, method: Frame, content: tuple[bytes, bytes] | None = None) -> None:
        """Send a method, followed by a content (header payload, body) if there is one."""


class Channel:
    """One channel of a connection. Exclusive queues belong to `connection`."""

    def __init__(self, number: int, connection: ClientConnection, virtual_host: VirtualHost) -> None:
        self.number = number
        self.closing = False
        self._connection = connection
        self._virtual_host = virtual_host
        self._incoming: IncomingMessage | None = None
        self._consumers: dict[str, tuple[Consumer, Queue]] = {}
        self._unacked = UnackedDeliveries()
        self._confirming = False
        self._published = 0
        self._consumer_prefetch = 0
        self._channel_prefetch = 0
        self._last_queue = ""
        self._flowing = True

    # Frames from the client

    def on_method(self, method: Frame) -> None:
        """Execute a method and send its reply. Raises AmqpError."""
        if self._incoming is not None:
            raise UnexpectedFrame(f"expected content of a message, got {method.name}")
        if isinstance(method, commands.Basic.Publish):
            self._incoming = IncomingMessage(method)
            return
        if type(method) in self._HANDLERS:
            reply = self._HANDLERS[type(method)](self, method)
        elif type(method) in TOPOLOGY_METHODS:
            reply = self._change_topology(method)
        else:
            raise FeatureNotImplemented(f"{method.name} is not implemented by the embedded broker")
        if reply is not None and not getattr(method, "nowait", False):
            self._send(reply)

    def on_header(self, payload: bytes) -> None:
        """Take the content header of the message being published. Raises AmqpError."""
        if self._incoming is None or self._incoming.header is not None:
            raise UnexpectedFrame("a content header without a basic.publish")
        self._incoming.add_header(payload)
        self._publish_if_complete()

    def on_body(self, payload: bytes) -> None:
        """Take a body frame of the message being published. Raises AmqpError."""
        if self._incoming is None or self._incoming.header is None:
            raise UnexpectedFrame("a content body without a content header")
        self._incoming.add_body(payload)
        self._publish_if_complete()

    def close(self) -> None:
        """Cancel the consumers and requeue unacknowledged messages."""
        self.closing = True
        for tag in list(self._consumers):
            self._remove_consumer(tag)
        self._requeue(self._unacked.tags)

    def resume(self) -> None:
        """Deliver messages that waited until the connection was writable, or until other messages were settled."""
        for queue in {id(queue): queue for _, queue in self._consumers.values()}.values():
            queue.dispatch()

    # Publishing

    def _publish_if_complete(self) -> None:
        incoming = self._incoming
        if incoming is None or not incoming.is_complete:
            return
        self._incoming = None
        method = incoming.method
        if method.immediate:  # RabbitMQ has not supported it since 3.0 either
            raise FeatureNotImplemented("basic.publish with immediate=true")
        exchange, key = method.exchange or "", method.routing_key or ""
        if exchange and self._virtual_host.exchange(exchange).internal:
            raise AccessRefused(f"cannot publish to internal exchange '{exchange}' in vhost '/'")
        message = Message(exchange, key, incoming.header or b"", b"".join(incoming.body_parts))
        routed = self._virtual_host.publish(message)
        # basic.return comes before the confirm: https://www.rabbitmq.com/docs/confirms
        if not routed and method.mandatory:
            returned = commands.Basic.Return(NO_ROUTE, "NO_ROUTE", exchange, key)
            self._connection.send(self.number, returned, (message.header, message.body))
        if self._confirming:
            self._published += 1
            self._send(commands.Basic.Ack(self._published))

    def _confirm_select(self, _: commands.Confirm.Select) -> Frame:
        self._confirming = True
        return commands.Confirm.SelectOk()

    # Consuming

    def _qos(self, method: commands.Basic.Qos) -> Frame:
        """Limit unacknowledged messages: `global` is per channel, else per consumer that starts from now on.

        That is RabbitMQ's meaning of the flag, not the specification's:
        https://www.rabbitmq.com/docs/consumer-prefetch.
        """
        if method.prefetch_size:
            raise FeatureNotImplemented("prefetch_size!=0")
        if method.global_:
            self._channel_prefetch = method.prefetch_count or 0
        else:
            self._consumer_prefetch = method.prefetch_count or 0
        self.resume()
        return commands.Basic.QosOk()

    def _consume(self, method: commands.Basic.Consume) -> None:
        queue = self._queue(method.queue)
        tag = method.consumer_tag or f"amq.ctag-{secrets.token_urlsafe(16)}"
        if tag in self._consumers:
            raise NotAllowed(f"attempt to reuse consumer tag '{tag}'")
        if any(other.exclusive or method.exclusive for other in queue.consumers):
            raise AccessRefused(f"queue '{queue.name}' in vhost '/' in exclusive use")
        consumer = Consumer(
            tag,
            deliver=lambda consumer, message: self._deliver(consumer, queue, message),
            can_receive=self._can_receive,
            on_queue_deleted=self._on_queue_deleted,
            no_ack=bool(method.no_ack),
            exclusive=bool(method.exclusive),
            prefetch=self._consumer_prefetch,
        )
        self._consumers[tag] = (consumer, queue)
        queue.consumers.append(consumer)
        # Sent here, not returned as a reply: the client must know the tag before the first delivery.
        if not method.nowait:
            self._send(commands.Basic.ConsumeOk(tag))
        queue.dispatch()

    def _can_receive(self, consumer: Consumer) -> bool:
        if self.closing or not self._flowing or not self._connection.writable:
            return False
        if consumer.no_ack:
            return True
        if self._channel_prefetch and self._unacked.in_flight >= self._channel_prefetch:
            return False
        return not consumer.prefetch or consumer.unacked < consumer.prefetch

    def _deliver(self, consumer: Consumer, queue: Queue, message: Message) -> None:
        tag = self._delivery_tag(message, queue, consumer, no_ack=consumer.no_ack)
        method = commands.Basic.Deliver(consumer.tag, tag, message.redelivered, message.exchange, message.routing_key)
        self._connection.send(self.number, method, (message.header, message.body))

    def _get(self, method: commands.Basic.Get) -> None:
        queue = self._queue(method.queue)
        if not queue.ready:
            self._send(commands.Basic.GetEmpty())
            return
        message = queue.take()
        tag = self._delivery_tag(message, queue, None, no_ack=bool(method.no_ack))
        reply = commands.Basic.GetOk(tag, message.redelivered, message.exchange, message.routing_key, len(queue.ready))
        self._connection.send(self.number, reply, (message.header, message.body))

    def _delivery_tag(self, message: Message, queue: Queue, consumer: Consumer | None, *, no_ack: bool) -> int:
        if not no_ack:
            return self._unacked.add(message, queue, consumer)
        self._virtual_host.settle(queue, message, rejected=False)
        return self._unacked.next_tag()

    def _cancel(self, method: commands.Basic.Cancel) -> Frame:
        self._remove_consumer(method.consumer_tag or "")
        return commands.Basic.CancelOk(method.consumer_tag or "")

    def _remove_consumer(self, tag: str) -> None:
        consumer, queue = self._consumers.pop(tag, (None, None))
        if consumer is None or queue is None or consumer not in queue.consumers:
            return
        queue.consumers.remove(consumer)
        if queue.auto_delete and not queue.consumers:
            self._virtual_host.delete_queue(queue)

    def _on_queue_deleted(self, consumer: Consumer) -> None:
        self._consumers.pop(consumer.tag, None)
        if self._connection.supports_cancel_notify and not self.closing:
            self._send(commands.Basic.Cancel(consumer.tag, nowait=True))

    # Settling

    def _ack(self, method: commands.Basic.Ack) -> None:
        self._settle(self._unacked.select(method.delivery_tag or 0, multiple=bool(method.multiple)), rejected=False)

    def _nack(self, method: commands.Basic.Nack) -> None:
        """`basic.reject` for several deliveries; a RabbitMQ extension: https://www.rabbitmq.com/docs/nack."""
        tags = self._unacked.select(method.delivery_tag or 0, multiple=bool(method.multiple))
        self._refuse(tags, requeue=bool(method.requeue))

    def _reject(self, method: commands.Basic.Reject) -> None:
        self._refuse(self._unacked.select(method.delivery_tag or 0, multiple=False), requeue=bool(method.requeue))

    def _refuse(self, tags: Collection[int], *, requeue: bool) -> None:
        if requeue:
            self._requeue(tags)
        else:
            self._settle(tags, rejected=True)

    def _recover(self, method: commands.Basic.Recover) -> Frame:
        if not method.requeue:  # RabbitMQ does not support it either
            raise FeatureNotImplemented("basic.recover with requeue=false")
        self._requeue(self._unacked.tags)
        return commands.Basic.RecoverOk()

    def _settle(self, tags: Collection[int], *, rejected: bool) -> None:
        settled = [self._unacked.remove(tag) for tag in tags]
        for message, queue in settled:
            self._virtual_host.settle(queue, message, rejected=rejected)
        self._dispatch(queue for _, queue in settled)

    def _requeue(self, tags: Collection[int]) -> None:
        """Put deliveries back into their queues. Those of one queue go back together, before any is delivered again."""
        by_queue: dict[int, tuple[Queue, list[Message]]] = {}
        for tag in tags:
            message, queue = self._unacked.remove(tag)
            by_queue.setdefault(id(queue), (queue, []))[1].append(message)
        for queue, messages in by_queue.values():
            queue.requeue(messages)
        self._dispatch(())

    def _dispatch(self, queues: Iterable[Queue]) -> None:
        """Deliver the messages that the prefetch limits allow now."""
        for queue in {id(queue): queue for queue in queues}.values():
            queue.dispatch()
        if self._channel_prefetch:
            self.resume()

    # Exchanges, queues, bindings, and the channel itself

    def _change_topology(self, method: Any) -> Frame:  # noqa: ANN401 - any method of exchanges and queues
        """Execute a method of exchanges or queues. An empty queue name means the last one declared on this channel."""
        if not isinstance(method, commands.Queue.Declare) and not getattr(method, "queue", ""):
            method.queue = self._last_queue
        reply = TOPOLOGY_METHODS[type(method)](self._virtual_host, self._connection, method)
        if isinstance(reply, commands.Queue.DeclareOk):
            self._last_queue = reply.queue or ""
        return reply

    def _queue(self, name: str | None) -> Queue:
        return self._virtual_host.queue(name or self._last_queue, self._connection)

    def _flow(self, method: commands.Channel.Flow) -> Frame:
        self._flowing = bool(method.active)
        self.resume()
        return commands.Channel.FlowOk(self._flowing)

    def _send(self, method: Frame) -> None:
        self._connection.send(self.number, method)

    _HANDLERS: ClassVar[dict[type[Frame], Callable[["Channel", Any], Frame | None]]] = {
        commands.Basic.Ack: _ack,
        commands.Basic.Cancel: _cancel,
        commands.Basic.CancelOk: lambda *_: None,  # some clients reply to a basic.cancel although it is nowait
        commands.Basic.Consume: _consume,
        commands.Basic.Get: _get,
        commands.Basic.Nack: _nack,
        commands.Basic.Qos: _qos,
        commands.Basic.Recover: _recover,
        commands.Basic.Reject: _reject,
        commands.Channel.Flow: _flow,
        commands.Confirm.Select: _confirm_select,
    }
    """The handler of each method; a synchronous one returns the reply."""

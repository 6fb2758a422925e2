"""A channel: what a client declares, publishes and consumes, in order."""

import secrets
from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from typing import Any, ClassVar, Protocol

from pamqp import commands
from pamqp.base import Frame

from emulator.broker.errors import (
    AccessRefused,
    NotAllowed,
    NotImplementedHere,
    PreconditionFailed,
    UnexpectedFrame,
)
from emulator.broker.incoming_message import Content
from emulator.broker.queues import Message, Queue, Subscription
from emulator.broker.topology_methods import TOPOLOGY
from emulator.broker.virtual_host import VirtualHost

__all__ = ["Channel", "Wire"]

NO_ROUTE = 312


class Wire(Protocol):
    """The connection as its channels see it."""

    writable: bool
    hears_cancel: bool
    """Whether the client wants to know that a queue went away (a RabbitMQ extension)."""

    def send(self, channel: int, method: Frame, content: tuple[bytes, bytes] | None = None) -> None:
        """Send a method, and behind it a content (header payload, body)."""


class Channel:
    """One channel of a connection. `connection` is also who owns its exclusive queues."""

    def __init__(self, number: int, connection: Wire, host: VirtualHost) -> None:
        self.number = number
        self.closing = False
        self._connection = connection
        self._host = host
        self._incoming: Content | None = None
        self._consumers: dict[str, tuple[Subscription, Queue]] = {}
        self._unacked: dict[int, tuple[Message, Queue, Subscription | None]] = {}
        self._delivered = 0
        self._in_flight = 0
        self._confirming = False
        self._published = 0
        self._consumer_prefetch = 0
        self._channel_prefetch = 0
        self._last_queue = ""
        self._flowing = True

    # What comes in

    def method(self, method: Frame) -> None:
        """Obey a method. Raises Problem."""
        if self._incoming is not None:
            raise UnexpectedFrame(f"expected content of a message, got {method.name}")
        if isinstance(method, commands.Basic.Publish):
            self._incoming = Content(method)
            return
        if type(method) in self._OBEY:
            reply = self._OBEY[type(method)](self, method)
        elif type(method) in TOPOLOGY:
            reply = self._change_topology(method)
        else:
            raise NotImplementedHere(f"{method.name} is not implemented by the embedded broker")
        if reply is not None and not getattr(method, "nowait", False):
            self._send(reply)

    def header(self, payload: bytes) -> None:
        """Take the content header of a message that is being published. Raises Problem."""
        if self._incoming is None or self._incoming.header is not None:
            raise UnexpectedFrame("a content header without a basic.publish")
        self._incoming.begin(payload)
        self._publish_if_whole()

    def body(self, payload: bytes) -> None:
        """Take a part of the body of a message that is being published. Raises Problem."""
        if self._incoming is None or self._incoming.header is None:
            raise UnexpectedFrame("a content body without a content header")
        self._incoming.add(payload)
        self._publish_if_whole()

    def close(self) -> None:
        """Give back what was not acknowledged, and stop consuming."""
        self.closing = True
        for tag in list(self._consumers):
            self._stop_consuming(tag)
        self._put_back(list(self._unacked))

    def resume(self) -> None:
        """Deliver again what had to wait: the connection can be written to, or messages were acknowledged."""
        for queue in {id(queue): queue for _, queue in self._consumers.values()}.values():
            queue.dispatch()

    # Publishing

    def _publish_if_whole(self) -> None:
        content = self._incoming
        if content is None or not content.whole:
            return
        self._incoming = None
        method = content.method
        if method.immediate:
            raise NotImplementedHere("basic.publish with immediate=true")
        exchange, key = method.exchange or "", method.routing_key or ""
        if exchange and self._host.exchange(exchange).internal:
            raise AccessRefused(f"cannot publish to internal exchange '{exchange}' in vhost '/'")
        message = Message(exchange, key, content.header or b"", b"".join(content.parts))
        routed = self._host.publish(message)
        if not routed and method.mandatory:
            returned = commands.Basic.Return(NO_ROUTE, "NO_ROUTE", exchange, key)
            self._connection.send(self.number, returned, (message.header, message.body))
        if self._confirming:
            self._published += 1
            self._send(commands.Basic.Ack(self._published))

    def _confirm(self, _: commands.Confirm.Select) -> Frame:
        self._confirming = True
        return commands.Confirm.SelectOk()

    # Consuming

    def _qos(self, method: commands.Basic.Qos) -> Frame:
        if method.prefetch_size:
            raise NotImplementedHere("prefetch_size!=0")
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
        if any(known.exclusive or method.exclusive for known in queue.consumers):
            raise AccessRefused(f"queue '{queue.name}' in vhost '/' in exclusive use")
        subscription = Subscription(
            tag,
            deliver=lambda consumer, message: self._deliver(consumer, queue, message),
            ready=self._is_ready,
            cancelled=self._on_queue_gone,
            no_ack=bool(method.no_ack),
            exclusive=bool(method.exclusive),
            prefetch=self._consumer_prefetch,
        )
        self._consumers[tag] = (subscription, queue)
        queue.consumers.append(subscription)
        if not method.nowait:
            self._send(commands.Basic.ConsumeOk(tag))
        queue.dispatch()

    def _is_ready(self, consumer: Subscription) -> bool:
        if self.closing or not self._flowing or not self._connection.writable:
            return False
        if consumer.no_ack:
            return True
        if self._channel_prefetch and self._in_flight >= self._channel_prefetch:
            return False
        return not consumer.prefetch or consumer.unacked < consumer.prefetch

    def _deliver(self, consumer: Subscription, queue: Queue, message: Message) -> None:
        tag = self._hand_out(message, queue, None if consumer.no_ack else consumer, no_ack=consumer.no_ack)
        method = commands.Basic.Deliver(consumer.tag, tag, message.redelivered, message.exchange, message.routing_key)
        self._connection.send(self.number, method, (message.header, message.body))

    def _get(self, method: commands.Basic.Get) -> None:
        queue = self._queue(method.queue)
        if not queue.ready:
            self._send(commands.Basic.GetEmpty())
            return
        message = queue.hand_out()
        tag = self._hand_out(message, queue, None, no_ack=bool(method.no_ack))
        answer = commands.Basic.GetOk(tag, message.redelivered, message.exchange, message.routing_key, len(queue.ready))
        self._connection.send(self.number, answer, (message.header, message.body))

    def _hand_out(self, message: Message, queue: Queue, consumer: Subscription | None, *, no_ack: bool) -> int:
        self._delivered += 1
        if no_ack:
            self._host.settle(queue, message, rejected=False)
        else:
            self._unacked[self._delivered] = (message, queue, consumer)
            if consumer is not None:
                consumer.unacked += 1
                self._in_flight += 1
        return self._delivered

    def _cancel(self, method: commands.Basic.Cancel) -> Frame:
        self._stop_consuming(method.consumer_tag or "")
        return commands.Basic.CancelOk(method.consumer_tag or "")

    def _stop_consuming(self, tag: str) -> None:
        subscription, queue = self._consumers.pop(tag, (None, None))
        if subscription is None or queue is None or subscription not in queue.consumers:
            return
        queue.consumers.remove(subscription)
        if queue.auto_delete and not queue.consumers:
            self._host.delete_queue(queue)

    def _on_queue_gone(self, consumer: Subscription) -> None:
        self._consumers.pop(consumer.tag, None)
        if self._connection.hears_cancel and not self.closing:
            self._send(commands.Basic.Cancel(consumer.tag, nowait=True))

    # Settling

    def _ack(self, method: commands.Basic.Ack) -> None:
        self._settle(self._settled(method.delivery_tag or 0, multiple=bool(method.multiple)), rejected=False)

    def _nack(self, method: commands.Basic.Nack) -> None:
        tags = self._settled(method.delivery_tag or 0, multiple=bool(method.multiple))
        self._refuse(tags, requeue=bool(method.requeue))

    def _reject(self, method: commands.Basic.Reject) -> None:
        self._refuse(self._settled(method.delivery_tag or 0, multiple=False), requeue=bool(method.requeue))

    def _refuse(self, tags: Sequence[int], *, requeue: bool) -> None:
        if requeue:
            self._put_back(tags)
        else:
            self._settle(tags, rejected=True)

    def _recover(self, method: commands.Basic.Recover) -> Frame:
        if not method.requeue:
            raise NotImplementedHere("basic.recover with requeue=false")
        self._put_back(list(self._unacked))
        return commands.Basic.RecoverOk()

    def _settled(self, tag: int, *, multiple: bool) -> list[int]:
        if multiple and tag == 0:
            return list(self._unacked)
        if tag not in self._unacked:
            raise PreconditionFailed(f"unknown delivery tag {tag}")
        return list(takewhile(lambda known: known <= tag, self._unacked)) if multiple else [tag]

    def _settle(self, tags: Sequence[int], *, rejected: bool) -> None:
        """Forget deliveries; then there is room for others."""
        settled = [self._release(tag) for tag in tags]
        for message, queue in settled:
            self._host.settle(queue, message, rejected=rejected)
        self._go_on(queue for _, queue in settled)

    def _put_back(self, tags: Sequence[int]) -> None:
        """Put deliveries back into their queues."""
        back: dict[int, tuple[Queue, list[Message]]] = {}
        for tag in tags:
            message, queue = self._release(tag)
            back.setdefault(id(queue), (queue, []))[1].append(message)
        for queue, messages in back.values():
            queue.take_back(messages)
        self._go_on(())

    def _release(self, tag: int) -> tuple[Message, Queue]:
        message, queue, consumer = self._unacked.pop(tag)
        if consumer is not None:
            consumer.unacked -= 1
            self._in_flight -= 1
        return message, queue

    def _go_on(self, queues: Iterable[Queue]) -> None:
        """Deliver what there is room for now."""
        for queue in {id(queue): queue for queue in queues}.values():
            queue.dispatch()
        if self._channel_prefetch:
            self.resume()

    # Exchanges, queues, bindings, and the channel itself

    def _change_topology(self, method: Any) -> Frame:  # noqa: ANN401 - any method of exchanges and queues
        """Without a name, a queue is the one that was declared last on this channel."""
        if not isinstance(method, commands.Queue.Declare) and not getattr(method, "queue", ""):
            method.queue = self._last_queue
        reply = TOPOLOGY[type(method)](self._host, self._connection, method)
        if isinstance(reply, commands.Queue.DeclareOk):
            self._last_queue = reply.queue or ""
        return reply

    def _queue(self, name: str | None) -> Queue:
        return self._host.queue(name or self._last_queue, self._connection)

    def _flow(self, method: commands.Channel.Flow) -> Frame:
        self._flowing = bool(method.active)
        self.resume()
        return commands.Channel.FlowOk(self._flowing)

    def _send(self, method: Frame) -> None:
        self._connection.send(self.number, method)

    _OBEY: ClassVar[dict[type[Frame], Callable[["Channel", Any], Frame | None]]] = {
        commands.Basic.Ack: _ack,
        commands.Basic.Cancel: _cancel,
        commands.Basic.CancelOk: lambda *_: None,  # some clients answer the cancel of a queue that went away
        commands.Basic.Consume: _consume,
        commands.Basic.Get: _get,
        commands.Basic.Nack: _nack,
        commands.Basic.Qos: _qos,
        commands.Basic.Recover: _recover,
        commands.Basic.Reject: _reject,
        commands.Channel.Flow: _flow,
        commands.Confirm.Select: _confirm,
    }
    """What a channel does on each method; a method that answers returns the answer."""

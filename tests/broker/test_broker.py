"""The broker as its clients see it. RabbitMQ, if it is available, must pass the same tests."""

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator
from typing import Any

import aio_pika
import pytest
from aio_pika import ExchangeType, Message
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import AMQPConnectionError, ChannelClosed, DeliveryError

from emulator.broker import Broker


@pytest.fixture
async def connection(amqp_url: str) -> AsyncIterator[AbstractConnection]:
    """A connection."""
    async with await aio_pika.connect(amqp_url) as client:
        yield client


@pytest.fixture
async def channel(connection: AbstractConnection) -> AbstractChannel:
    """A channel with publisher confirms, so that a publish returns when the message is in its queues."""
    return await connection.channel(on_return_raises=True)


@pytest.fixture
async def queue(channel: AbstractChannel) -> AbstractQueue:
    """An exclusive queue, deleted with its connection."""
    return await channel.declare_queue(exclusive=True)


def unique(what: str) -> str:
    """Return a unique name."""
    return f"test.{what}.{secrets.token_hex(4)}"


async def publish(channel: AbstractChannel, queue: AbstractQueue, *bodies: bytes) -> None:
    """Publish messages to a queue."""
    for body in bodies:
        await channel.default_exchange.publish(Message(body), queue.name)


async def bodies(queue: AbstractQueue) -> list[bytes]:
    """Take all messages from a queue."""
    found = []
    while (message := await queue.get(no_ack=True, fail=False)) is not None:
        found.append(message.body)
    return found


class Consumer:
    """Consumes a queue, and leaves settling to the test."""

    def __init__(self) -> None:
        self.arrived: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()

    async def next(self) -> AbstractIncomingMessage:
        """Wait for a delivery."""
        async with asyncio.timeout(5):
            return await self.arrived.get()

    async def of(self, queue: AbstractQueue, *, no_ack: bool = False) -> "Consumer":
        """Start to consume."""
        self.tag = await queue.consume(self.arrived.put, no_ack=no_ack)
        return self


@pytest.mark.parametrize(
    ("kind", "binding", "key", "arrives"),
    [
        (ExchangeType.DIRECT, "a.b", "a.b", True),
        (ExchangeType.DIRECT, "a.*", "a.b", False),
        (ExchangeType.FANOUT, "a", "anything", True),
        (ExchangeType.TOPIC, "a.*", "a.b", True),
        (ExchangeType.TOPIC, "a.*", "a", False),
        (ExchangeType.TOPIC, "a.*", "a.b.c", False),
        (ExchangeType.TOPIC, "a.#", "a", True),
        (ExchangeType.TOPIC, "a.#", "a.b.c", True),
        (ExchangeType.TOPIC, "#.c", "a.b.c", True),
        (ExchangeType.TOPIC, "#.b.#.#", "b", True),
        (ExchangeType.TOPIC, "*.#", "", False),
        (ExchangeType.TOPIC, "#", "", True),
        (ExchangeType.TOPIC, "*", "", False),
        (ExchangeType.TOPIC, "", "", True),
        (ExchangeType.TOPIC, "a.*", "a.", True),
    ],
)
async def test_an_exchange_routes_by_its_type(
    channel: AbstractChannel, queue: AbstractQueue, kind: ExchangeType, binding: str, key: str, *, arrives: bool
) -> None:
    exchange = await channel.declare_exchange(unique("exchange"), kind, auto_delete=True)
    await queue.bind(exchange, binding)
    await exchange.publish(Message(b"hello"), key, mandatory=False)
    assert await bodies(queue) == ([b"hello"] if arrives else [])
    await queue.unbind(exchange, binding)


async def test_several_matching_bindings_deliver_once_and_removed_ones_never(
    channel: AbstractChannel, queue: AbstractQueue
) -> None:
    exchange = await channel.declare_exchange(unique("exchange"), ExchangeType.TOPIC)
    for binding in ("a.*", "*.b"):
        await queue.bind(exchange, binding)
    await exchange.publish(Message(b"once"), "a.b")
    for binding in ("a.*", "*.b"):
        await queue.unbind(exchange, binding)
    await exchange.publish(Message(b"never"), "a.b", mandatory=False)
    assert await bodies(queue) == [b"once"]
    await exchange.delete()


async def test_a_message_arrives_as_it_was_sent(channel: AbstractChannel, queue: AbstractQueue) -> None:
    body = secrets.token_bytes(1_000_000)
    sent = Message(body, headers={"traceparent": "00-1", "deep": {"er": [1, "x"]}}, correlation_id="c", type="boot")
    await channel.default_exchange.publish(sent, queue.name)
    got = await queue.get(no_ack=True)
    assert (got.body, got.headers, got.correlation_id, got.type) == (body, sent.headers, "c", "boot")
    assert (got.exchange, got.routing_key, got.redelivered) == ("", queue.name, False)


@pytest.mark.parametrize(
    ("how", "comes_back"), [("ack", False), ("nack", True), ("reject", True), ("drop", False), ("close", True)]
)
async def test_an_unacknowledged_message_is_requeued_in_its_old_position(
    connection: AbstractConnection, channel: AbstractChannel, queue: AbstractQueue, how: str, *, comes_back: bool
) -> None:
    await publish(channel, queue, b"1", b"2", b"3")
    other = await connection.channel()
    message = await (await other.get_queue(queue.name)).get()
    match how:
        case "ack":
            await message.ack()
        case "nack":
            await message.nack(requeue=True)
        case "reject" | "drop":
            await message.reject(requeue=how == "reject")
    await other.close()
    again = await queue.get()
    assert (again.body, again.redelivered) == ((b"1", True) if comes_back else (b"2", False))


async def test_ack_with_multiple_settles_all_earlier_deliveries(channel: AbstractChannel, queue: AbstractQueue) -> None:
    consumer = await Consumer().of(queue)
    await publish(channel, queue, b"1", b"2", b"3")
    _, second, third = [await consumer.next() for _ in range(3)]
    await second.ack(multiple=True)
    await queue.cancel(consumer.tag)
    await third.nack(requeue=True)
    assert await bodies(queue) == [b"3"]


async def test_a_consumer_gets_no_more_than_its_prefetch(channel: AbstractChannel, queue: AbstractQueue) -> None:
    await channel.set_qos(prefetch_count=2)
    consumer = await Consumer().of(queue)
    await publish(channel, queue, b"1", b"2", b"3")
    first = await consumer.next()
    await consumer.next()
    assert (await channel.declare_queue(queue.name, passive=True)).declaration_result.message_count == 1
    await first.ack()
    assert (await consumer.next()).body == b"3"


async def test_basic_get_does_not_count_for_the_channels_prefetch(
    channel: AbstractChannel, queue: AbstractQueue
) -> None:
    await channel.set_qos(prefetch_count=1, global_=True)
    await publish(channel, queue, b"fetched", b"delivered")
    await queue.get()
    assert (await (await Consumer().of(queue)).next()).body == b"delivered"


async def test_consumers_receive_in_turn(connection: AbstractConnection, channel: AbstractChannel) -> None:
    queue = await channel.declare_queue(exclusive=True)
    other = await (await connection.channel()).get_queue(queue.name)
    consumers = [await Consumer().of(queue), await Consumer().of(other)]
    await publish(channel, queue, b"1", b"2", b"3", b"4")
    for consumer in consumers:
        assert int((await consumer.next()).body) + 2 == int((await consumer.next()).body)


async def test_generated_consumer_tags_are_unique(channel: AbstractChannel, queue: AbstractQueue) -> None:
    tags = []
    for _ in range(20):
        kept, gone = [(await Consumer().of(queue)).tag for _ in range(2)]
        await queue.cancel(gone)
        tags += [kept, gone]
    assert len(set(tags)) == 40


async def test_an_unroutable_mandatory_message_is_returned(channel: AbstractChannel) -> None:
    with pytest.raises(DeliveryError, match="NO_ROUTE"):
        await channel.default_exchange.publish(Message(b"?"), unique("nowhere"), mandatory=True)
    await channel.default_exchange.publish(Message(b"?"), unique("nowhere"), mandatory=False)


async def test_an_exclusive_queue_is_private_and_deleted_with_its_connection(
    amqp_url: str, channel: AbstractChannel
) -> None:
    name = unique("exclusive")
    async with await aio_pika.connect(amqp_url) as owner:
        await (await owner.channel()).declare_queue(name, exclusive=True)
        with pytest.raises(ChannelClosed, match="RESOURCE_LOCKED"):
            await channel.get_queue(name)
    await channel.reopen()
    with pytest.raises(ChannelClosed, match="NOT_FOUND"):
        await channel.get_queue(name)


async def test_auto_delete_queues_and_exchanges_go_with_their_last_user(
    connection: AbstractConnection, channel: AbstractChannel
) -> None:
    queue = await channel.declare_queue(unique("queue"), auto_delete=True)
    exchange = await channel.declare_exchange(unique("exchange"), auto_delete=True)
    await queue.bind(exchange, "key")
    await queue.cancel((await Consumer().of(queue)).tag)
    for look in (channel.get_queue, channel.get_exchange):
        with pytest.raises(ChannelClosed, match=r"no (queue|exchange)"):
            await look(queue.name if look == channel.get_queue else exchange.name)
        await channel.reopen()


QUEUE: dict[str, Any] = {"durable": False, "exclusive": False, "auto_delete": True}
EXCHANGE: dict[str, Any] = {"type": "direct", "durable": False, "auto_delete": True}


@pytest.mark.parametrize(
    ("difference", "error"),
    [
        ({"durable": True}, "PRECONDITION_FAILED"),
        ({"auto_delete": False}, "PRECONDITION_FAILED"),
        ({"exclusive": True}, "RESOURCE_LOCKED"),
    ],
)
async def test_redeclaring_a_queue_with_other_properties_fails(
    channel: AbstractChannel, difference: dict[str, bool], error: str
) -> None:
    name = unique("queue")
    await channel.declare_queue(name, **QUEUE)
    with pytest.raises(ChannelClosed, match=error):
        await channel.declare_queue(name, **{**QUEUE, **difference})
    await channel.reopen()
    await channel.queue_delete(name)


@pytest.mark.parametrize("difference", [{"type": "fanout"}, {"durable": True}, {"auto_delete": False}])
async def test_redeclaring_an_exchange_with_other_properties_fails(
    channel: AbstractChannel, difference: dict[str, bool]
) -> None:
    name = unique("exchange")
    await channel.declare_exchange(name, **EXCHANGE)
    with pytest.raises(ChannelClosed, match="PRECONDITION_FAILED"):
        await channel.declare_exchange(name, **{**EXCHANGE, **difference})
    await channel.reopen()
    await channel.exchange_delete(name)


async def _publish_to_nowhere(channel: AbstractChannel) -> None:
    await (await channel.get_exchange(unique("nowhere"), ensure=False)).publish(Message(b"?"), "")


async def _acknowledge_an_unknown_delivery(channel: AbstractChannel) -> None:
    underlay = await channel.get_underlay_channel()
    await underlay.basic_ack(7)
    await channel.declare_queue(exclusive=True)  # the answer to the ack, if any, comes first


async def _consume_beside_an_exclusive_consumer(channel: AbstractChannel) -> None:
    queue = await channel.declare_queue(exclusive=True)
    consumer = Consumer()
    await queue.consume(consumer.arrived.put, exclusive=True)
    await consumer.of(queue)


EXCEPTIONS = {
    "a queue that is not there": ("NOT_FOUND", lambda channel: channel.get_queue(unique("nowhere"))),
    "an exchange that is not there": ("NOT_FOUND", lambda channel: channel.get_exchange(unique("nowhere"))),
    "publishing to an exchange that is not there": ("NOT_FOUND", _publish_to_nowhere),
    "a reserved queue name": ("ACCESS_REFUSED", lambda channel: channel.declare_queue("amq.mine")),
    "a reserved exchange name": ("ACCESS_REFUSED", lambda channel: channel.declare_exchange("amq.mine")),
    "deleting a built-in exchange": ("ACCESS_REFUSED", lambda channel: channel.exchange_delete("amq.topic")),
    "an unknown delivery tag": ("PRECONDITION_FAILED", _acknowledge_an_unknown_delivery),
    "a second consumer beside an exclusive one": ("ACCESS_REFUSED", _consume_beside_an_exclusive_consumer),
}


@pytest.mark.parametrize(("error", "cause"), EXCEPTIONS.values(), ids=EXCEPTIONS)
async def test_a_channel_exception_closes_only_its_channel(
    connection: AbstractConnection, channel: AbstractChannel, error: str, cause: object
) -> None:
    assert callable(cause)
    with pytest.raises(ChannelClosed, match=error):
        await cause(channel)
    await (await connection.channel()).declare_queue(exclusive=True)


async def test_deleting_a_queue_cancels_its_consumers(amqp_url: str, channel: AbstractChannel) -> None:
    queue = await channel.declare_queue(unique("queue"), auto_delete=True)
    cancelled: asyncio.Queue[str | None] = asyncio.Queue()
    underlay = await channel.get_underlay_channel()
    underlay.on_consumer_cancel_callbacks.add(lambda cancel: cancelled.put_nowait(cancel.consumer_tag))
    consumer = await Consumer().of(queue)
    async with await aio_pika.connect(amqp_url) as other:
        await (await other.channel()).queue_delete(queue.name)
    async with asyncio.timeout(5):
        assert await cancelled.get() == consumer.tag


async def test_many_messages_requeued_one_by_one_keep_their_order(
    channel: AbstractChannel, queue: AbstractQueue
) -> None:
    consumer = await Consumer().of(queue)
    sent = [b"%d" % number for number in range(300)]
    await asyncio.gather(*(channel.default_exchange.publish(Message(body), queue.name) for body in sent))
    taken = [await consumer.next() for _ in sent]
    await queue.cancel(consumer.tag)
    for message in taken:
        await message.nack(requeue=True)
    assert [(await queue.get()).body for _ in sent] == sent


async def test_a_rejected_message_is_dead_lettered_with_its_history(
    channel: AbstractChannel,
) -> None:
    exchange = await channel.declare_exchange(unique("exchange"), ExchangeType.TOPIC, auto_delete=True)
    dead_letters = await channel.declare_queue(exclusive=True)
    await dead_letters.bind(exchange, "dead")
    arguments: Any = {"x-dead-letter-exchange": exchange.name, "x-dead-letter-routing-key": "dead"}
    queue = await channel.declare_queue(exclusive=True, arguments=arguments)
    await queue.bind(exchange, "alive")
    await exchange.publish(Message(b"bad", headers={"traceparent": "00-1"}, correlation_id="req-1"), "alive")
    await (await queue.get()).reject(requeue=False)
    dead = await (await Consumer().of(dead_letters)).next()
    assert (dead.body, dead.routing_key, dead.correlation_id) == (b"bad", "dead", "req-1")
    assert not dead.redelivered
    assert dead.headers["traceparent"] == "00-1"
    assert dead.headers["x-first-death-queue"] == queue.name
    assert dead.headers["x-first-death-reason"] == "rejected"
    deaths: Any = dead.headers["x-death"]
    assert [(death["queue"], death["count"], death["routing-keys"]) for death in deaths] == [(queue.name, 1, ["alive"])]


async def test_dead_letters_keep_their_routing_key_and_count_deaths(
    channel: AbstractChannel,
) -> None:
    exchange = await channel.declare_exchange(unique("exchange"), ExchangeType.FANOUT, auto_delete=True)
    queue = await channel.declare_queue(exclusive=True, arguments={"x-dead-letter-exchange": exchange.name})
    await queue.bind(exchange)
    await exchange.publish(Message(b"bad"), "key")
    consumer = await Consumer().of(queue)
    for count in (0, 1, 2):
        message = await consumer.next()
        assert message.routing_key == "key"
        deaths: Any = message.headers.get("x-death", [])
        assert [death["count"] for death in deaths] == ([count] if count else [])
        await message.nack(requeue=False)


async def test_only_rejected_messages_with_an_exchange_are_dead_lettered(
    channel: AbstractChannel,
) -> None:
    dead_letters = await channel.declare_queue(exclusive=True)
    arguments: Any = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead_letters.name}
    fine = await channel.declare_queue(exclusive=True, arguments=arguments)
    lost = await channel.declare_queue(exclusive=True, arguments={"x-dead-letter-exchange": unique("nowhere")})
    await publish(channel, fine, b"acknowledged", b"rejected")
    await publish(channel, lost, b"lost")
    await (await fine.get()).ack()
    await (await lost.get()).reject(requeue=False)
    await (await fine.get()).reject(requeue=False)
    dead = await (await Consumer().of(dead_letters)).next()
    assert dead.body == b"rejected"
    assert await bodies(dead_letters) == []


@pytest.mark.parametrize(
    "arguments",
    [{"x-dead-letter-exchange": 7}, {"x-dead-letter-routing-key": "key"}, {"x-dead-letter-exchange": "other"}],
    ids=["not a string", "a key without an exchange", "another exchange than before"],
)
async def test_invalid_dead_letter_arguments_are_refused(channel: AbstractChannel, arguments: dict[str, Any]) -> None:
    name = unique("queue")
    if arguments == {"x-dead-letter-exchange": "other"}:
        await channel.declare_queue(name, exclusive=True, arguments={"x-dead-letter-exchange": "one"})
    with pytest.raises(ChannelClosed, match=r"PRECONDITION_FAILED - .*'x-dead-letter-"):
        await channel.declare_queue(name, exclusive=True, arguments=arguments)


async def test_a_stopped_broker_closes_its_connections_and_its_port() -> None:
    async with Broker(socket.create_server(("127.0.0.1", 0))) as broker:
        url = broker.url
        client = await aio_pika.connect(url)
    with pytest.raises((AMQPConnectionError, RuntimeError)):
        await client.channel()
    with pytest.raises(AMQPConnectionError):
        await aio_pika.connect(url)
    await client.close()

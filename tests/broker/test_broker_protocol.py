"""The broker frame by frame: logins, malformed and unexpected frames, heartbeats. RabbitMQ behaves the same."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pamqp import commands, constants, encode, frame
from pamqp.base import Frame
from pamqp.body import ContentBody
from pamqp.common import FieldTable
from pamqp.header import ContentHeader, ProtocolHeader
from pamqp.heartbeat import Heartbeat
from yarl import URL

PROTOCOL = ProtocolHeader().marshal()
PLAIN = "\0guest\0guest"
AMQPLAIN = encode.field_table({"LOGIN": "guest", "PASSWORD": "guest"})[4:].decode()
CAPABILITIES: FieldTable = {"capabilities": {"authentication_failure_close": True}}


class Wire:
    """A client that sends exactly the bytes that a test specifies."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, *frames: frame.FrameTypes | bytes, channel: int = 0) -> None:
        """Send frames, or raw bytes."""
        for each in frames:
            self.writer.write(each if isinstance(each, bytes) else frame.marshal(each, channel))

    async def receive(self) -> frame.FrameTypes:
        """Return the next frame that is not a heartbeat."""
        async with asyncio.timeout(10):
            while True:
                head = await self.reader.readexactly(constants.FRAME_HEADER_SIZE)
                size = struct.unpack(">BHI", head)[2]
                received = frame.unmarshal(head + await self.reader.readexactly(size + 1))[2]
                if not isinstance(received, Heartbeat):
                    return received

    async def expect(self, kind: type[Frame]) -> Frame:
        """Return the next frame, which is of this kind."""
        received = await self.receive()
        assert isinstance(received, kind), (
            f"expected {kind.__name__}, got {received.name} {dict(received) if isinstance(received, Frame) else ''}"
        )
        return received

    async def ended(self) -> None:
        """Wait until the broker closes the connection."""
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionError):
                await self.reader.read()

    async def log_in(self, mechanism: str = "PLAIN", response: str = PLAIN) -> None:
        """Send the protocol header and `start-ok`."""
        self.send(PROTOCOL)
        await self.expect(commands.Connection.Start)
        self.send(commands.Connection.StartOk(CAPABILITIES, mechanism, response, "en_US"))

    async def open(self, *, frame_max: int = 131072, heartbeat: int = 0) -> None:
        """Log in, open the virtual host and channel 1."""
        await self.log_in()
        await self.expect(commands.Connection.Tune)
        self.send(commands.Connection.TuneOk(2047, frame_max, heartbeat), commands.Connection.Open())
        await self.expect(commands.Connection.OpenOk)
        self.send(commands.Channel.Open(), channel=1)
        await self.expect(commands.Channel.OpenOk)


@asynccontextmanager
async def wired(url: str) -> AsyncIterator[Wire]:
    """A TCP connection to the broker."""
    where = URL(url)
    reader, writer = await asyncio.open_connection(where.host, where.port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@pytest.fixture
async def wire(amqp_url: str) -> AsyncIterator[Wire]:
    """A connected client that has sent nothing yet."""
    async with wired(amqp_url) as client:
        yield client


async def works(url: str) -> None:
    """Check that a well-behaved client is served."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await channel.default_exchange.publish(aio_pika.Message(b"still here"), queue.name)
        assert (await queue.get()).body == b"still here"


def pack(kind: int, channel: int, payload: bytes, end: bytes = constants.FRAME_END_CHAR) -> bytes:
    """Return a frame, valid or not."""
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + end


def method(index: int, arguments: bytes = b"") -> bytes:
    """Return a method frame for channel 1."""
    return pack(constants.FRAME_METHOD, 1, struct.pack(">I", index) + arguments)


@pytest.mark.parametrize(("mechanism", "response"), [("PLAIN", PLAIN), ("AMQPLAIN", AMQPLAIN)])
async def test_both_mechanisms_log_in(wire: Wire, mechanism: str, response: str) -> None:
    await wire.log_in(mechanism, response)
    await wire.expect(commands.Connection.Tune)


@pytest.mark.parametrize(
    ("mechanism", "response", "code"),
    [
        ("PLAIN", "\0guest\0wrong", 403),
        ("PLAIN", "\0nobody\0guest", 403),
        ("AMQPLAIN", encode.field_table({"LOGIN": "guest", "PASSWORD": "wrong"})[4:].decode(), 403),
    ],
)
async def test_a_wrong_login_is_refused(wire: Wire, mechanism: str, response: str, code: int) -> None:
    await wire.log_in(mechanism, response)
    close = await wire.expect(commands.Connection.Close)
    assert close["reply_code"] == code
    wire.send(commands.Connection.CloseOk())
    await wire.ended()


async def test_an_unknown_virtual_host_is_refused(wire: Wire) -> None:
    await wire.log_in()
    await wire.expect(commands.Connection.Tune)
    wire.send(commands.Connection.TuneOk(2047, 131072, 0), commands.Connection.Open("nowhere"))
    assert (await wire.expect(commands.Connection.Close))["reply_code"] == 530


@pytest.mark.parametrize("amqp_url", ["embedded"], indirect=True)  # RabbitMQ closes after 3 s without an answer
@pytest.mark.parametrize(
    ("mechanism", "frame_max", "code"), [("GSSAPI", 0, 503), ("PLAIN", 4095, 530), ("PLAIN", 131073, 530)]
)
async def test_unsupported_mechanisms_and_frame_sizes_are_refused(
    wire: Wire, mechanism: str, frame_max: int, code: int
) -> None:
    await wire.log_in(mechanism)
    if code == 530:
        await wire.expect(commands.Connection.Tune)
        wire.send(commands.Connection.TuneOk(2047, frame_max, 0))
    assert (await wire.expect(commands.Connection.Close))["reply_code"] == code


@pytest.mark.parametrize("header", [b"AMQP\0\0\x09\0", b"AMQP\3\1\0\0", b"GET / HTTP/1.1\r\n\r\n"])
async def test_another_protocol_header_is_answered_with_ours(wire: Wire, header: bytes) -> None:
    wire.send(header)
    assert await wire.reader.readexactly(len(PROTOCOL)) == PROTOCOL
    await wire.ended()


PUBLISH = frame.marshal(commands.Basic.Publish(0, "", "nowhere"), 1)
WRONG: dict[str, tuple[int, bytes]] = {
    "a method on a channel that is not open": (504, frame.marshal(commands.Basic.Qos(), 7)),
    "a channel opened twice": (504, frame.marshal(commands.Channel.Open(), 1)),
    "a second channel's content header": (505, frame.marshal(ContentHeader(body_size=1), 1)),
    "a body without a publish": (505, frame.marshal(ContentBody(b"?"), 1)),
    "a method where content is due": (505, PUBLISH + PUBLISH),
    "a body where a header is due": (505, PUBLISH + frame.marshal(ContentBody(b"?"), 1)),
    "content of another class": (505, PUBLISH + pack(constants.FRAME_HEADER, 1, struct.pack(">HHQH", 10, 0, 1, 0))),
    "a frame that ends wrong": (501, pack(constants.FRAME_HEARTBEAT, 0, b"", end=b"\0")),
    "a frame that is too long": (501, struct.pack(">BHI", constants.FRAME_BODY, 1, 1 << 30)),
    "a frame of no known type": (501, pack(9, 1, b"?")),
    "an immediate publish": (
        540,
        frame.marshal(commands.Basic.Publish(0, "", "", immediate=True), 1) + frame.marshal(ContentHeader(), 1),
    ),
    "a prefetch in bytes": (540, frame.marshal(commands.Basic.Qos(prefetch_size=1), 1)),
    "a handshake's method when it is over": (504, frame.marshal(commands.Connection.StartOk({}, "PLAIN", PLAIN), 0)),
}
WRONG_HERE: dict[str, tuple[int, bytes]] = {
    "a transaction": (540, frame.marshal(commands.Tx.Select(), 1)),
    "an unknown method": (501, method(0x00FF00FF)),
    "a method cut short": (501, method(commands.Queue.Declare.index, b"\0\0\x09abc")),
    "tables in tables without end": (
        501,
        method(commands.Queue.Declare.index, b"\0\0\1q\0" + b"".join(b"\0\0\xff\0\1kF" for _ in range(9000))),
    ),
    "more property flags than there are": (501, PUBLISH + pack(2, 1, struct.pack(">HHQ", 60, 0, 1) + b"\xff" * 999)),
}
"""RabbitMQ has transactions, and answers what it cannot decode with an internal error."""


async def closes_with(url: str, code: int, wrong: bytes) -> None:
    """Send something wrong: the connection is closed with that code, and others still work."""
    async with wired(url) as wire:
        await wire.open()
        wire.send(wrong)
        close = await wire.expect(commands.Connection.Close)
        assert (close["reply_code"], str(close["reply_text"]).isascii()) == (code, True)
    await works(url)


@pytest.mark.parametrize(("code", "wrong"), WRONG.values(), ids=WRONG)
async def test_a_protocol_error_closes_the_connection(amqp_url: str, code: int, wrong: bytes) -> None:
    await closes_with(amqp_url, code, wrong)


@pytest.mark.parametrize("amqp_url", ["embedded"], indirect=True)
@pytest.mark.parametrize(("code", "wrong"), WRONG_HERE.values(), ids=WRONG_HERE)
async def test_the_embedded_broker_closes_on_undecodable_frames(amqp_url: str, code: int, wrong: bytes) -> None:
    await closes_with(amqp_url, code, wrong)


async def test_frames_may_arrive_byte_by_byte(wire: Wire) -> None:
    await wire.open()
    declare = frame.marshal(commands.Queue.Declare(queue="", exclusive=True), 1)
    for byte in declare:
        wire.send(bytes([byte]))
        await wire.writer.drain()
    await wire.expect(commands.Queue.DeclareOk)


async def test_a_large_body_is_sent_in_frames_of_the_negotiated_size(wire: Wire) -> None:
    await wire.open(frame_max=4096)
    wire.send(commands.Queue.Declare(queue="", exclusive=True), channel=1)
    queue = str((await wire.expect(commands.Queue.DeclareOk))["queue"])
    parts = [b"x" * 4088, b"y" * 4088, b"z"]
    wire.send(commands.Basic.Publish(0, "", queue), ContentHeader(body_size=sum(map(len, parts))), channel=1)
    wire.send(*map(ContentBody, parts), commands.Basic.Get(queue=queue, no_ack=True), channel=1)
    await wire.expect(commands.Basic.GetOk)
    assert isinstance(await wire.receive(), ContentHeader)
    bodies = [await wire.receive() for _ in parts]
    assert [body.value for body in bodies if isinstance(body, ContentBody)] == parts


@pytest.mark.parametrize(
    "amqp_url", ["embedded"], indirect=True
)  # RabbitMQ buffers elsewhere what a consumer does not read
async def test_a_slow_consumer_leaves_messages_in_the_queue(amqp_url: str, wire: Wire) -> None:
    await wire.open()
    wire.send(commands.Queue.Declare(queue="slow"), commands.Basic.Consume(queue="slow", no_ack=True), channel=1)
    await wire.expect(commands.Queue.DeclareOk)
    await wire.expect(commands.Basic.ConsumeOk)
    parts = [bytes([number]) * 1_000_000 for number in range(32)]
    async with await aio_pika.connect(amqp_url) as client:
        channel = await client.channel()
        for part in parts:
            await channel.default_exchange.publish(aio_pika.Message(part), "slow")
        waiting = (await channel.declare_queue("slow", passive=True)).declaration_result.message_count
        assert waiting
    for part in parts:
        await wire.expect(commands.Basic.Deliver)
        assert isinstance(await wire.receive(), ContentHeader)
        body = bytearray()
        while len(body) < len(part):
            piece = await wire.receive()
            assert isinstance(piece, ContentBody)
            body += piece.value
        assert body == part


async def test_a_silent_client_gets_heartbeats_and_is_then_dropped(wire: Wire) -> None:
    await wire.open(heartbeat=1)
    received = bytearray()
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionError):
            while part := await wire.reader.read(4096):
                received += part
    assert received.count(Heartbeat().marshal()) >= 1


async def test_a_channel_can_be_reopened_after_an_exception(wire: Wire) -> None:
    await wire.open()
    wire.send(commands.Queue.Declare(queue="not-there", passive=True), channel=1)
    assert (await wire.expect(commands.Channel.Close))["reply_code"] == 404
    wire.send(commands.Basic.Qos(), commands.Channel.CloseOk(), commands.Channel.Open(), channel=1)
    await wire.expect(commands.Channel.OpenOk)


@pytest.mark.parametrize("amqp_url", ["embedded"], indirect=True)  # RabbitMQ does not handle such a client
async def test_an_unexpected_channel_close_ok_stops_deliveries(wire: Wire) -> None:
    await wire.open()
    wire.send(commands.Queue.Declare(queue="", exclusive=True), channel=1)
    queue = str((await wire.expect(commands.Queue.DeclareOk))["queue"])
    wire.send(commands.Basic.Consume(queue=queue, consumer_tag="me", no_ack=True), channel=1)
    await wire.expect(commands.Basic.ConsumeOk)
    wire.send(commands.Channel.CloseOk(), commands.Channel.Open(), channel=1)
    await wire.expect(commands.Channel.OpenOk)
    wire.send(commands.Basic.Publish(0, "", queue), ContentHeader(), commands.Basic.Get(queue=queue), channel=1)
    await wire.expect(commands.Basic.GetOk)


def _frames_of(kind: type[Frame], arguments: bytes) -> bytes:
    return method(kind.index, arguments)


KINDS = [kind for kind in commands.INDEX_MAPPING.values() if kind is not commands.Basic.RecoverAsync]  # pamqp warns

garbage = st.one_of(
    st.binary(min_size=8, max_size=200),
    st.builds(pack, st.integers(0, 9), st.integers(0, 2), st.binary(max_size=60)),
    st.builds(_frames_of, st.sampled_from(KINDS), st.binary(max_size=60)),
)


@pytest.mark.parametrize("amqp_url", ["embedded"], indirect=True)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.lists(garbage, min_size=1, max_size=4), opened=st.booleans())
async def test_garbage_does_not_affect_other_clients(
    amqp_url: str, caplog: pytest.LogCaptureFixture, noise: list[bytes], *, opened: bool
) -> None:
    async with wired(amqp_url) as wire:
        if opened:
            await wire.open()
        wire.send(*noise)
        if wire.writer.can_write_eof():
            wire.writer.write_eof()
        await wire.ended()
    await works(amqp_url)
    assert not [record for record in caplog.records if record.name.startswith("emulator")]

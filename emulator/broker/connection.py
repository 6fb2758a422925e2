"""A client's connection: frames, handshake, heartbeats, closing (AMQP 0-9-1, section 2.2.4)."""

import asyncio
import logging
import platform
import socket
from typing import Any

from pamqp import commands, constants, frame
from pamqp.base import Frame
from pamqp.header import ProtocolHeader
from pamqp.heartbeat import Heartbeat

from emulator.broker.authentication import MECHANISMS, authenticate
from emulator.broker.channel import Channel
from emulator.broker.errors import (
    AmqpError,
    ChannelError,
    ChannelException,
    ConnectionException,
    ConnectionForced,
    FrameError,
    NotAllowed,
)
from emulator.broker.frames import OVERHEAD, pack, read_method, take_frame
from emulator.broker.virtual_host import VirtualHost

__all__ = ["Connection"]

PROTOCOL_HEADER = ProtocolHeader().marshal()
# RabbitMQ's defaults: https://www.rabbitmq.com/docs/configure.
CHANNEL_MAX = 2047
FRAME_MAX = 131_072
HEARTBEAT_SECONDS = 60
HANDSHAKE_SECONDS = 10
CAPABILITIES = ("authentication_failure_close", "basic.nack", "consumer_cancel_notify", "publisher_confirms")
SILENT_HALF_INTERVALS = 4  # a peer silent for two heartbeat intervals is gone (section 4.2.7)

log = logging.getLogger(__name__)


class Connection(asyncio.Protocol):
    """Speaks AMQP 0-9-1 with one client. `users` maps user names to passwords."""

    def __init__(self, virtual_host: VirtualHost, users: dict[str, str], open_connections: set["Connection"]) -> None:
        self.writable = True
        self.supports_cancel_notify = False
        self.closed = asyncio.Event()
        self._virtual_host = virtual_host
        self._users = users
        self._open_connections = open_connections
        self._transport: asyncio.Transport
        # Limits the handshake at first, then times the heartbeats, and at the end limits closing.
        self._timer: asyncio.TimerHandle
        self._buffer = bytearray()
        self._channels: dict[int, Channel] = {}
        self._expected: tuple[type[Frame], ...] = ()
        """The next method of the handshake."""
        self._header_received = False
        self._opened = False
        self._closing = False
        self._frame_max = FRAME_MAX
        self._received_since_beat = self._sent_since_beat = False

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        # asyncio disables Nagle's algorithm only if the socket has IPPROTO_TCP, which on some systems those accepted
        # from a listener do not have: https://github.com/python/cpython/issues/148783.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open_connections.add(self)
        self._timer = asyncio.get_running_loop().call_later(HANDSHAKE_SECONDS, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._closing = True
        self._timer.cancel()
        self._open_connections.discard(self)
        self._close_channels()
        self._virtual_host.delete_exclusive_queues(self)
        self.closed.set()

    def pause_writing(self) -> None:
        self.writable = False

    def resume_writing(self) -> None:
        self.writable = True
        for channel in list(self._channels.values()):
            channel.resume()

    def data_received(self, data: bytes) -> None:
        self._received_since_beat = True
        self._buffer += data
        try:
            if self._header_received or self._receive_protocol_header():
                self._receive_frames()
        except ConnectionException as error:
            self._close(error)
        except Exception:
            log.exception("the embedded broker failed on a frame")
            self._close(ConnectionException("the broker failed on this frame"))

    # Frames

    def _receive_protocol_header(self) -> bool:
        """Check the protocol header and start the handshake; return whether the header was complete and supported."""
        if len(self._buffer) < len(PROTOCOL_HEADER):
            return False
        header, self._buffer = bytes(self._buffer[: len(PROTOCOL_HEADER)]), self._buffer[len(PROTOCOL_HEADER) :]
        if header != PROTOCOL_HEADER:
            self._transport.write(PROTOCOL_HEADER)  # the version that we support, then close (section 4.2.2)
            self._transport.close()
            return False
        self._header_received = True
        properties: dict[str, Any] = {
            "product": "emulator",
            "platform": f"Python {platform.python_version()}",
            "capabilities": dict.fromkeys(CAPABILITIES, True),
        }
        self._expected = (commands.Connection.StartOk,)
        self.send(0, commands.Connection.Start(server_properties=properties, mechanisms=MECHANISMS))
        return True

    def _receive_frames(self) -> None:
        while not self._transport.is_closing():
            found = take_frame(self._buffer, self._frame_max)
            if found is None:
                return
            frame_type, number, payload = found
            try:
                self._on_frame(frame_type, number, payload)
            except ChannelException as error:
                self._close_channel(number, error)

    def _on_frame(self, frame_type: int, number: int, payload: bytes) -> None:
        if frame_type == constants.FRAME_HEARTBEAT:
            return
        if frame_type == constants.FRAME_METHOD:
            self._on_method(number, read_method(payload))
            return
        if frame_type not in {constants.FRAME_HEADER, constants.FRAME_BODY}:
            raise FrameError(f"unknown frame type {frame_type}")
        channel = self._channels.get(number)
        if self._closing or (channel is not None and channel.closing):
            return
        if channel is None:
            raise ChannelError(f"content for channel {number}, which is not open")
        (channel.on_header if frame_type == constants.FRAME_HEADER else channel.on_body)(payload)

    def _on_method(self, number: int, method: Frame) -> None:
        # After connection.close everything else is discarded, as the definition of that method requires: the client
        # may have sent it before it saw the close.
        if self._closing and not isinstance(method, commands.Connection.Close | commands.Connection.CloseOk):
            return
        if number == 0:
            self._on_connection_method(method)
        elif not self._opened:
            raise ChannelError(f"{method.name} before the connection is open")
        elif isinstance(method, commands.Channel.Open):
            self._open_channel(number)
        elif number not in self._channels:
            if not isinstance(method, commands.Channel.CloseOk):
                raise ChannelError(f"{method.name} on channel {number}, which is not open")
        elif isinstance(method, commands.Channel.Close):
            self._channels.pop(number).close()
            self.send(number, commands.Channel.CloseOk())
        elif isinstance(method, commands.Channel.CloseOk):
            self._channels.pop(number).close()
        elif not self._channels[number].closing:
            self._channels[number].on_method(method)

    def send(self, channel: int, method: Frame, content: tuple[bytes, bytes] | None = None) -> None:
        """Send a method, followed by a content (header payload, body) in frames of the negotiated size."""
        if self._transport.is_closing():
            return
        self._sent_since_beat = True
        out = [frame.marshal(method, channel)]
        if content is not None:
            header, body = content
            out.append(pack(constants.FRAME_HEADER, channel, header))
            size = self._frame_max - OVERHEAD
            out += [pack(constants.FRAME_BODY, channel, body[at : at + size]) for at in range(0, len(body), size)]
        self._transport.write(b"".join(out))

    # The connection class of methods

    def _on_connection_method(self, method: Frame) -> None:
        if isinstance(method, commands.Connection.Close):
            self._close_channels()
            self._virtual_host.delete_exclusive_queues(self)
            self.send(0, commands.Connection.CloseOk())
            self._disconnect()
        elif isinstance(method, commands.Connection.CloseOk):
            self._disconnect()
        elif not isinstance(method, self._expected):
            raise ChannelError(f"{method.name} is not expected now")
        elif isinstance(method, commands.Connection.StartOk):
            self._start_ok(method)
        elif isinstance(method, commands.Connection.TuneOk):
            self._tune_ok(method)
        elif isinstance(method, commands.Connection.Open):
            if method.virtual_host != "/":
                raise NotAllowed(f"vhost {method.virtual_host} not found")
            self._expected, self._opened = (), True
            self.send(0, commands.Connection.OpenOk())

    def _start_ok(self, method: commands.Connection.StartOk) -> None:
        authenticate(self._users, method)
        capabilities = (method.client_properties or {}).get("capabilities")
        self.supports_cancel_notify = isinstance(capabilities, dict) and bool(
            capabilities.get("consumer_cancel_notify")
        )
        self._expected = (commands.Connection.TuneOk,)
        self.send(0, commands.Connection.Tune(CHANNEL_MAX, FRAME_MAX, HEARTBEAT_SECONDS))

    def _tune_ok(self, method: commands.Connection.TuneOk) -> None:
        frame_max = method.frame_max or FRAME_MAX
        if not constants.FRAME_MIN_SIZE <= frame_max <= FRAME_MAX:
            raise NotAllowed(f"frame_max {frame_max} is not between {constants.FRAME_MIN_SIZE} and {FRAME_MAX}")
        self._frame_max = frame_max
        self._expected = (commands.Connection.Open,)
        self._timer.cancel()
        if method.heartbeat:
            self._beat(method.heartbeat / 2, silent=0)

    def _beat(self, pause: float, silent: int) -> None:
        """Send a heartbeat if nothing else was sent, and drop a silent client. Called at each half interval."""
        silent = 0 if self._received_since_beat else silent + 1
        if silent == SILENT_HALF_INTERVALS:
            self._transport.abort()
            return
        if not self._sent_since_beat and not self._transport.is_closing():
            self._transport.write(Heartbeat().marshal())
        self._received_since_beat = self._sent_since_beat = False
        self._timer = asyncio.get_running_loop().call_later(pause, self._beat, pause, silent)

    # Opening and closing

    def _open_channel(self, number: int) -> None:
        if number in self._channels:
            raise ChannelError(f"channel {number} is already open")
        if number > CHANNEL_MAX:
            raise NotAllowed(f"channel {number}, the negotiated maximum is {CHANNEL_MAX}")
        self._channels[number] = Channel(number, self, self._virtual_host)
        self.send(number, commands.Channel.OpenOk())

    def _close_channel(self, number: int, error: AmqpError) -> None:
        """Close a channel because of its client's error. Its number stays in use until the client confirms."""
        self._channels[number].close()
        self.send(number, commands.Channel.Close(error.code, error.reply_text, 0, 0))

    def _close(self, error: AmqpError) -> None:
        """Close the connection because of its client's error, or because the broker stops."""
        if self._closing:
            self._transport.close()
            return
        self._closing = True
        self._close_channels()
        self.send(0, commands.Connection.Close(error.code, error.reply_text, 0, 0))
        self._abort_later()

    def stop(self) -> None:
        """Close the connection because the broker stops."""
        self._close(ConnectionForced("the broker stops"))
        self._transport.close()

    def abort(self) -> None:
        """Drop a client that does not read."""
        self._transport.abort()

    def _close_channels(self) -> None:
        """Requeue unacknowledged messages of all channels, without delivering them on this connection again."""
        self.writable = False
        for channel in self._channels.values():
            channel.close()

    def _disconnect(self) -> None:
        self._transport.close()
        self._abort_later()

    def _abort_later(self) -> None:
        """Abort if the client neither reads nor replies: `close` waits until everything is written."""
        self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(HANDSHAKE_SECONDS, self._transport.abort)

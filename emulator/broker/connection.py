"""A client's connection: frames in and out, the handshake, heartbeats, and what happens when something is wrong."""

import asyncio
import logging
import platform
import socket
from typing import Any

from pamqp import commands, constants, frame
from pamqp.base import Frame
from pamqp.header import ProtocolHeader
from pamqp.heartbeat import Heartbeat

from emulator.broker.authentication import MECHANISMS, check_login
from emulator.broker.channel import Channel
from emulator.broker.errors import (
    ChannelProblem,
    ConnectionProblem,
    FrameProblem,
    NotAllowed,
    Problem,
    Stopping,
    UnknownChannel,
)
from emulator.broker.frames import OVERHEAD, pack, read_method, take_frame
from emulator.broker.virtual_host import VirtualHost

__all__ = ["Connection"]

CHANNEL_MAX = 2047
FRAME_MAX = 131_072
HEARTBEAT_SECONDS = 60
HANDSHAKE_SECONDS = 10
CAPABILITIES = ("authentication_failure_close", "basic.nack", "consumer_cancel_notify", "publisher_confirms")
SILENT_HALVES = 4  # two heartbeat intervals, as AMQP has it (section 4.2.7)

log = logging.getLogger(__name__)


class Connection(asyncio.Protocol):
    """Speaks AMQP 0-9-1 with one client. `users` maps logins to passwords."""

    def __init__(self, host: VirtualHost, users: dict[str, str], open_connections: set["Connection"]) -> None:
        self.writable = True
        self.hears_cancel = False
        self.gone = asyncio.Event()
        self._host = host
        self._users = users
        self._open_connections = open_connections
        self._transport: asyncio.Transport
        self._timer: asyncio.TimerHandle
        self._buffer = bytearray()
        self._channels: dict[int, Channel] = {}
        self._expected: tuple[type[Frame], ...] = ()
        self._greeted = False
        self._opened = False
        self._closing = False
        self._frame_max = FRAME_MAX
        self._heard = self._spoke = False

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        # asyncio switches Nagle's algorithm off only where the listener was made with an explicit IPPROTO_TCP
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open_connections.add(self)
        self._timer = asyncio.get_running_loop().call_later(HANDSHAKE_SECONDS, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._closing = True
        self._timer.cancel()
        self._open_connections.discard(self)
        self._give_back()
        self._host.drop_exclusive(self)
        self.gone.set()

    def pause_writing(self) -> None:
        self.writable = False

    def resume_writing(self) -> None:
        self.writable = True
        for channel in list(self._channels.values()):
            channel.resume()

    def data_received(self, data: bytes) -> None:
        self._heard = True
        self._buffer += data
        try:
            if self._greeted or self._greet():
                self._take_frames()
        except ConnectionProblem as problem:
            self._close(problem)
        except Exception:
            log.exception("the embedded broker failed on a frame")
            self._close(ConnectionProblem("the broker failed on this frame"))

    def _take_frames(self) -> None:
        while not self._transport.is_closing():
            found = take_frame(self._buffer, self._frame_max)
            if found is None:
                return
            kind, number, payload = found
            try:
                self._take(kind, number, payload)
            except ChannelProblem as problem:
                self._close_channel(number, problem)

    # Frames

    def _greet(self) -> bool:
        """Answer the protocol header; return whether there was a whole one."""
        if len(self._buffer) < len(ProtocolHeader().marshal()):
            return False
        header, self._buffer = bytes(self._buffer[:8]), self._buffer[8:]
        if header != ProtocolHeader().marshal():
            self._transport.write(ProtocolHeader().marshal())  # the versions that we do speak, then good-bye
            self._transport.close()
            return False
        self._greeted = True
        properties: dict[str, Any] = {
            "product": "emulator",
            "platform": f"Python {platform.python_version()}",
            "capabilities": dict.fromkeys(CAPABILITIES, True),
        }
        self._expected = (commands.Connection.StartOk,)
        self.send(0, commands.Connection.Start(server_properties=properties, mechanisms=MECHANISMS))
        return True

    def _take(self, kind: int, number: int, payload: bytes) -> None:
        if kind == constants.FRAME_HEARTBEAT:
            return
        if kind == constants.FRAME_METHOD:
            self._take_method(number, read_method(payload))
            return
        if kind not in {constants.FRAME_HEADER, constants.FRAME_BODY}:
            raise FrameProblem(f"unknown frame type {kind}")
        channel = self._channels.get(number)
        if self._closing or (channel is not None and channel.closing):
            return
        if channel is None:
            raise UnknownChannel(f"content for channel {number}, which is not open")
        (channel.header if kind == constants.FRAME_HEADER else channel.body)(payload)

    def _take_method(self, number: int, method: Frame) -> None:
        if self._closing and not isinstance(method, commands.Connection.Close | commands.Connection.CloseOk):
            return
        if number == 0:
            self._connection_method(method)
        elif not self._opened:
            raise UnknownChannel(f"{method.name} before the connection is open")
        elif isinstance(method, commands.Channel.Open):
            self._open_channel(number)
        elif number not in self._channels:
            if not isinstance(method, commands.Channel.CloseOk):
                raise UnknownChannel(f"{method.name} on channel {number}, which is not open")
        elif isinstance(method, commands.Channel.Close):
            self._channels.pop(number).close()
            self.send(number, commands.Channel.CloseOk())
        elif isinstance(method, commands.Channel.CloseOk):
            self._channels.pop(number).close()
        elif not self._channels[number].closing:
            self._channels[number].method(method)

    def send(self, channel: int, method: Frame, content: tuple[bytes, bytes] | None = None) -> None:
        """Send a method, and behind it a content (header payload, body) in frames of the agreed size."""
        if self._transport.is_closing():
            return
        self._spoke = True
        out = [frame.marshal(method, channel)]
        if content is not None:
            header, body = content
            out.append(pack(constants.FRAME_HEADER, channel, header))
            size = self._frame_max - OVERHEAD
            out += [pack(constants.FRAME_BODY, channel, body[at : at + size]) for at in range(0, len(body), size)]
        self._transport.write(b"".join(out))

    # The connection's own methods

    def _connection_method(self, method: Frame) -> None:
        if isinstance(method, commands.Connection.Close):
            self._give_back()
            self._host.drop_exclusive(self)
            self.send(0, commands.Connection.CloseOk())
            self._hang_up()
        elif isinstance(method, commands.Connection.CloseOk):
            self._hang_up()
        elif not isinstance(method, self._expected):
            raise UnknownChannel(f"{method.name} has no place here")
        elif isinstance(method, commands.Connection.StartOk):
            self._log_in(method)
        elif isinstance(method, commands.Connection.TuneOk):
            self._tune(method)
        elif isinstance(method, commands.Connection.Open):
            if method.virtual_host != "/":
                raise NotAllowed(f"vhost {method.virtual_host} not found")
            self._expected, self._opened = (), True
            self.send(0, commands.Connection.OpenOk())

    def _log_in(self, method: commands.Connection.StartOk) -> None:
        check_login(self._users, method)
        capabilities = (method.client_properties or {}).get("capabilities")
        self.hears_cancel = isinstance(capabilities, dict) and bool(capabilities.get("consumer_cancel_notify"))
        self._expected = (commands.Connection.TuneOk,)
        self.send(0, commands.Connection.Tune(CHANNEL_MAX, FRAME_MAX, HEARTBEAT_SECONDS))

    def _tune(self, method: commands.Connection.TuneOk) -> None:
        wanted = method.frame_max or FRAME_MAX
        if not constants.FRAME_MIN_SIZE <= wanted <= FRAME_MAX:
            raise NotAllowed(f"frame_max {wanted} is not within {constants.FRAME_MIN_SIZE} and {FRAME_MAX}")
        self._frame_max = wanted
        self._expected = (commands.Connection.Open,)
        self._timer.cancel()
        if method.heartbeat:
            self._beat(method.heartbeat / 2, silences=0)

    def _beat(self, pause: float, silences: int) -> None:
        """Every half interval: speak if we did not, and leave a client that was silent for two intervals."""
        silences = 0 if self._heard else silences + 1
        if silences == SILENT_HALVES:
            self._transport.abort()
            return
        if not self._spoke and not self._transport.is_closing():
            self._transport.write(Heartbeat().marshal())
        self._heard = self._spoke = False
        self._timer = asyncio.get_running_loop().call_later(pause, self._beat, pause, silences)

    # Opening and closing

    def _open_channel(self, number: int) -> None:
        if number in self._channels:
            raise UnknownChannel(f"channel {number} is open already")
        if number > CHANNEL_MAX:
            raise NotAllowed(f"channel {number}, at most {CHANNEL_MAX} were agreed")
        self._channels[number] = Channel(number, self, self._host)
        self.send(number, commands.Channel.OpenOk())

    def _close_channel(self, number: int, problem: Problem) -> None:
        """Close a channel that did wrong; it stays until the client says that it knows."""
        self._channels[number].close()
        self.send(number, commands.Channel.Close(problem.code, problem.text, 0, 0))

    def _close(self, problem: Problem) -> None:
        """Close the connection because its client did wrong, or the broker stops."""
        if self._closing:
            self._transport.close()
            return
        self._closing = True
        self._give_back()
        self.send(0, commands.Connection.Close(problem.code, problem.text, 0, 0))
        self._abort_later()

    def stop(self) -> None:
        """Tell the client that the broker stops."""
        self._close(Stopping("the broker stops"))
        self._transport.close()

    def abort(self) -> None:
        """Leave a client that does not read what it is told."""
        self._transport.abort()

    def _give_back(self) -> None:
        """Give back what was not acknowledged, on all channels; none of them takes it from another."""
        self.writable = False
        for channel in self._channels.values():
            channel.close()

    def _hang_up(self) -> None:
        self._transport.close()
        self._abort_later()

    def _abort_later(self) -> None:
        """Do not wait for ever for a client to read, or to answer."""
        self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(HANDSHAKE_SECONDS, self._transport.abort)

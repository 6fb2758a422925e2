"""A client's connection: frames in and out, the handshake, heartbeats, and what happens when something is wrong."""

import asyncio
import hmac
import logging
import platform
import socket
import struct
from typing import Any

from pamqp import commands, constants, decode, frame
from pamqp.base import Frame
from pamqp.exceptions import UnmarshalingException
from pamqp.header import ProtocolHeader
from pamqp.heartbeat import Heartbeat

from emulator.broker.channel import Channel
from emulator.broker.problems import (
    ChannelProblem,
    CommandInvalid,
    ConnectionProblem,
    FrameProblem,
    LoginRefused,
    NotAllowed,
    Problem,
    Stopping,
    UnexpectedFrame,
    UnknownChannel,
)
from emulator.broker.virtual_host import VirtualHost

__all__ = ["Connection"]

CHANNEL_MAX = 2047
FRAME_MAX = 131_072
HEARTBEAT_SECONDS = 60
HANDSHAKE_SECONDS = 10
CAPABILITIES = ("authentication_failure_close", "basic.nack", "consumer_cancel_notify", "publisher_confirms")
OVERHEAD = constants.FRAME_HEADER_SIZE + 1
FRAME_HEAD = struct.Struct(">BHI")

log = logging.getLogger(__name__)


class Connection(asyncio.Protocol):
    """Speaks AMQP 0-9-1 with one client. `users` maps logins to passwords."""

    def __init__(self, host: VirtualHost, users: dict[str, str], open_connections: set["Connection"]) -> None:
        self.writable = True
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
        for channel in self._channels.values():
            channel.close()
        self._host.drop_exclusive(self)

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
        while (found := self._next_frame()) is not None:
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
        self.send(0, commands.Connection.Start(server_properties=properties, mechanisms="AMQPLAIN PLAIN"))
        return True

    def _next_frame(self) -> tuple[int, int, bytes] | None:
        if len(self._buffer) < constants.FRAME_HEADER_SIZE or self._transport.is_closing():
            return None
        kind, channel, size = FRAME_HEAD.unpack_from(self._buffer)
        if size > self._frame_max - OVERHEAD:
            raise FrameProblem(f"frame of {size} bytes, at most {self._frame_max - OVERHEAD} were agreed")
        end = constants.FRAME_HEADER_SIZE + size
        if len(self._buffer) <= end:
            return None
        if self._buffer[end] != constants.FRAME_END:
            raise FrameProblem(f"frame ends with {self._buffer[end]}, not with {constants.FRAME_END}")
        payload = bytes(self._buffer[constants.FRAME_HEADER_SIZE : end])
        del self._buffer[: end + 1]
        return kind, channel, payload

    def _take(self, kind: int, number: int, payload: bytes) -> None:
        if kind == constants.FRAME_HEARTBEAT:
            return
        if kind == constants.FRAME_METHOD:
            self._take_method(number, _decode(number, payload))
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
            raise CommandInvalid(f"{method.name} before the connection is open")
        elif isinstance(method, commands.Channel.Open):
            self._open_channel(number)
        elif number not in self._channels:
            if not isinstance(method, commands.Channel.CloseOk):
                raise UnknownChannel(f"{method.name} on channel {number}, which is not open")
        elif isinstance(method, commands.Channel.Close):
            self._channels.pop(number).close()
            self.send(number, commands.Channel.CloseOk())
        elif isinstance(method, commands.Channel.CloseOk):
            del self._channels[number]
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
            out.append(_frame(constants.FRAME_HEADER, channel, header))
            size = self._frame_max - OVERHEAD
            out += [_frame(constants.FRAME_BODY, channel, body[at : at + size]) for at in range(0, len(body), size)]
        self._transport.write(b"".join(out))

    # The connection's own methods

    def _connection_method(self, method: Frame) -> None:
        if isinstance(method, commands.Connection.Close):
            self.send(0, commands.Connection.CloseOk())
            self._transport.close()
        elif isinstance(method, commands.Connection.CloseOk):
            self._transport.close()
        elif not isinstance(method, self._expected):
            raise CommandInvalid(f"{method.name} has no place here")
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
        login, password = _credentials(method)
        known = self._users.get(login)
        if known is None or not hmac.compare_digest(known.encode(), password.encode()):
            raise LoginRefused(f"login was refused for user '{login}' using {method.mechanism}")
        self._expected = (commands.Connection.TuneOk,)
        self.send(0, commands.Connection.Tune(CHANNEL_MAX, FRAME_MAX, HEARTBEAT_SECONDS))

    def _tune(self, method: commands.Connection.TuneOk) -> None:
        wanted = method.frame_max or FRAME_MAX
        if wanted < constants.FRAME_MIN_SIZE:
            raise NotAllowed(f"frame_max {wanted} is below the minimum of {constants.FRAME_MIN_SIZE}")
        self._frame_max = min(wanted, FRAME_MAX)
        self._expected = (commands.Connection.Open,)
        self._timer.cancel()
        if method.heartbeat:
            self._beat(method.heartbeat / 2, silences=0)

    def _beat(self, pause: float, silences: int) -> None:
        """Every half interval: speak if we did not, and leave a client that was silent for two intervals."""
        silences = 0 if self._heard else silences + 1
        if silences > 4:  # noqa: PLR2004 - four halves
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
        for channel in self._channels.values():
            channel.close()
        self.send(0, commands.Connection.Close(problem.code, problem.text, 0, 0))
        self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(HANDSHAKE_SECONDS, self._transport.abort)

    def stop(self) -> None:
        """Tell the client that the broker stops."""
        self._close(Stopping("the broker stops"))
        self._transport.close()


def _frame(kind: int, channel: int, payload: bytes) -> bytes:
    return FRAME_HEAD.pack(kind, channel, len(payload)) + payload + constants.FRAME_END_CHAR


def _decode(channel: int, payload: bytes) -> Frame:
    try:
        _, _, method = frame.unmarshal(_frame(constants.FRAME_METHOD, channel, payload))
    except (UnmarshalingException, ValueError, struct.error, IndexError) as error:
        raise FrameProblem(str(error)) from error
    if not isinstance(method, Frame):
        raise UnexpectedFrame("a method frame that holds no method")
    return method


def _credentials(method: commands.Connection.StartOk) -> tuple[str, str]:
    """Read login and password as PLAIN (RFC 4616) or AMQPLAIN (a table without its length) sends them."""
    response: str | bytes = method.response or ""
    raw = response.encode() if isinstance(response, str) else response
    try:
        if method.mechanism == "PLAIN":
            _, login, password = raw.decode().split("\0")
            return login, password
        if method.mechanism == "AMQPLAIN":
            _, table = decode.field_table(struct.pack(">I", len(raw)) + raw)
            return str(table["LOGIN"]), str(table["PASSWORD"])
    except (ValueError, KeyError, struct.error):
        return "", ""
    raise CommandInvalid(f"unknown mechanism {method.mechanism!r}, there are PLAIN and AMQPLAIN")

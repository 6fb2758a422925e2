"""Frames: type, channel, size, payload and an end byte (AMQP 0-9-1, section 4.2.3), around what pamqp codes."""

import struct

from pamqp import constants, frame
from pamqp.base import Frame
from pamqp.exceptions import UnmarshalingException

from emulator.broker.errors import FrameProblem, UnexpectedFrame

__all__ = ["OVERHEAD", "UNREADABLE", "pack", "read_method", "take_frame"]

HEAD = struct.Struct(">BHI")
OVERHEAD = HEAD.size + 1

UNREADABLE = (UnmarshalingException, ValueError, struct.error, IndexError, OverflowError, RecursionError)
"""What pamqp raises on bytes that are not what they should be; the last two for dates and tables gone wild."""


def pack(kind: int, channel: int, payload: bytes) -> bytes:
    """Return a frame."""
    return HEAD.pack(kind, channel, len(payload)) + payload + constants.FRAME_END_CHAR


def take_frame(buffer: bytearray, frame_max: int) -> tuple[int, int, bytes] | None:
    """Take type, channel and payload of the first frame off the buffer, None while it is not whole.

    Raises FrameProblem where the frame is longer than `frame_max` or has another end than frames have.
    """
    if len(buffer) < HEAD.size:
        return None
    kind, channel, size = HEAD.unpack_from(buffer)
    if size > frame_max - OVERHEAD:
        raise FrameProblem(f"frame of {size} bytes, at most {frame_max - OVERHEAD} were agreed")
    end = HEAD.size + size
    if len(buffer) <= end:
        return None
    if buffer[end] != constants.FRAME_END:
        raise FrameProblem(f"frame ends with {buffer[end]}, not with {constants.FRAME_END}")
    payload = bytes(buffer[HEAD.size : end])
    del buffer[: end + 1]
    return kind, channel, payload


def read_method(payload: bytes) -> Frame:
    """Return the method of a method frame. Raises FrameProblem, UnexpectedFrame."""
    try:
        _, _, method = frame.unmarshal(pack(constants.FRAME_METHOD, 0, payload))
    except UNREADABLE as error:
        raise FrameProblem(str(error)) from error
    if not isinstance(method, Frame):
        raise UnexpectedFrame("a method frame that holds no method")
    return method

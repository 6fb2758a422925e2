"""Frames: type, channel, size, payload and an end byte (AMQP 0-9-1, section 4.2.3). pamqp decodes the payloads."""

import struct

from pamqp import constants, frame
from pamqp.base import Frame
from pamqp.exceptions import UnmarshalingException

from emulator.broker.errors import FrameError, UnexpectedFrame

__all__ = ["DECODE_ERRORS", "OVERHEAD", "pack", "read_method", "take_frame"]

HEAD = struct.Struct(">BHI")
OVERHEAD = HEAD.size + 1

DECODE_ERRORS = (UnmarshalingException, ValueError, struct.error, IndexError, OverflowError, RecursionError)
"""What pamqp raises on malformed bytes; the last two for impossible dates and for tables nested too deeply."""


def pack(kind: int, channel: int, payload: bytes) -> bytes:
    """Return a frame."""
    return HEAD.pack(kind, channel, len(payload)) + payload + constants.FRAME_END_CHAR


def take_frame(buffer: bytearray, frame_max: int) -> tuple[int, int, bytes] | None:
    """Remove the first frame from the buffer and return its type, channel and payload; None if it is incomplete.

    Raises FrameError if it is longer than `frame_max` or does not end with the end byte.
    """
    if len(buffer) < HEAD.size:
        return None
    kind, channel, size = HEAD.unpack_from(buffer)
    if size > frame_max - OVERHEAD:
        raise FrameError(f"frame of {size} bytes, the negotiated maximum is {frame_max - OVERHEAD}")
    end = HEAD.size + size
    if len(buffer) <= end:
        return None
    if buffer[end] != constants.FRAME_END:
        raise FrameError(f"frame ends with byte {buffer[end]} instead of {constants.FRAME_END}")
    payload = bytes(buffer[HEAD.size : end])
    del buffer[: end + 1]
    return kind, channel, payload


def read_method(payload: bytes) -> Frame:
    """Return the method of a method frame. Raises FrameError, UnexpectedFrame."""
    try:
        _, _, method = frame.unmarshal(pack(constants.FRAME_METHOD, 0, payload))
    except DECODE_ERRORS as error:
        raise FrameError(str(error)) from error
    if not isinstance(method, Frame):
        raise UnexpectedFrame("a method frame without a method")
    return method

"""A message being published: `basic.publish`, a content header, then body frames (AMQP 0-9-1, section 4.2.6)."""

from typing import Any

from pamqp import commands
from pamqp.header import ContentHeader

from emulator.broker.errors import FrameError, PreconditionFailed, UnexpectedFrame
from emulator.broker.frames import DECODE_ERRORS

__all__ = ["IncomingMessage"]

BODY_LIMIT_BYTES = 16 * 1024 * 1024  # RabbitMQ 4's default of max_message_size
FLAGS_END = 14
"""End of the property flags. The last bit announces more flags (section 4.2.6.1); no class of AMQP 0-9-1 has any."""


class IncomingMessage:
    """A `basic.publish` and the part of its content that has arrived."""

    __slots__ = ("body_parts", "header", "method", "missing_bytes")

    def __init__(self, method: commands.Basic.Publish) -> None:
        self.method = method
        self.header: bytes | None = None
        self.missing_bytes = 0
        self.body_parts: list[bytes] = []

    def add_header(self, payload: bytes) -> None:
        """Read the content header. Raises AmqpError if it is malformed, of another class, or announces too much."""
        if len(payload) >= FLAGS_END and payload[FLAGS_END - 1] & 1:
            raise FrameError("content header with more properties than AMQP has")
        decoded: Any = ContentHeader()
        try:
            decoded.unmarshal(payload)
        except DECODE_ERRORS as error:
            raise FrameError(f"content header: {error}") from error
        if decoded.class_id != commands.Basic.frame_id:
            raise UnexpectedFrame(f"content header of class {decoded.class_id}, expected class 60 (basic)")
        if decoded.body_size > BODY_LIMIT_BYTES:
            raise PreconditionFailed(f"message size {decoded.body_size} is larger than {BODY_LIMIT_BYTES} bytes")
        self.header, self.missing_bytes = payload, decoded.body_size

    def add_body(self, payload: bytes) -> None:
        """Append a body frame. Raises FrameError if the body is longer than its header announced."""
        self.missing_bytes -= len(payload)
        if self.missing_bytes < 0:
            raise FrameError(f"the body is {-self.missing_bytes} bytes longer than its header announced")
        self.body_parts.append(payload)

    @property
    def is_complete(self) -> bool:
        """Whether the header and the whole body have arrived."""
        return self.header is not None and self.missing_bytes == 0

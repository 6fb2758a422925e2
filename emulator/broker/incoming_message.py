"""A message on its way in: the method, then a header, then as many parts as make up the size it announced."""

from typing import Any

from pamqp import commands
from pamqp.header import ContentHeader

from emulator.broker.errors import FrameProblem, PreconditionFailed, UnexpectedFrame
from emulator.broker.frames import UNREADABLE

__all__ = ["Content"]

BODY_LIMIT_BYTES = 16 * 1024 * 1024  # RabbitMQ 4's default
FLAGS_END = 14  # the last bit of the property flags says that there are more, which AMQP 0-9-1 never has


class Content:
    """The content that follows `method`. Raises Problem where it does not fit together."""

    __slots__ = ("header", "method", "missing", "parts")

    def __init__(self, method: commands.Basic.Publish) -> None:
        self.method = method
        self.header: bytes | None = None
        self.missing = 0
        self.parts: list[bytes] = []

    def begin(self, payload: bytes) -> None:
        """Take the header."""
        if len(payload) >= FLAGS_END and payload[FLAGS_END - 1] & 1:
            raise FrameProblem("content header with more properties than AMQP has")
        decoded: Any = ContentHeader()
        try:
            decoded.unmarshal(payload)
        except UNREADABLE as error:
            raise FrameProblem(f"content header: {error}") from error
        if decoded.class_id != commands.Basic.frame_id:
            raise UnexpectedFrame(f"content header of class {decoded.class_id}, a message is of class 60")
        if decoded.body_size > BODY_LIMIT_BYTES:
            raise PreconditionFailed(f"message size {decoded.body_size} is larger than {BODY_LIMIT_BYTES} bytes")
        self.header, self.missing = payload, decoded.body_size

    def add(self, payload: bytes) -> None:
        """Take a part of the body."""
        self.missing -= len(payload)
        if self.missing < 0:
            raise FrameProblem(f"{-self.missing} bytes of content more than the header announced")
        self.parts.append(payload)

    @property
    def whole(self) -> bool:
        """Whether nothing is missing."""
        return self.header is not None and self.missing == 0

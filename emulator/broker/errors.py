"""Clients' errors, each with its reply code (AMQP 0-9-1, section 1.2, constants of class soft-error and hard-error).

The broker answers them with `channel.close` or `connection.close`; it never raises them to its caller.
"""

__all__ = [
    "AccessRefused",
    "AmqpError",
    "AuthenticationFailed",
    "ChannelError",
    "ChannelException",
    "CommandInvalid",
    "ConnectionException",
    "ConnectionForced",
    "FeatureNotImplemented",
    "FrameError",
    "NotAllowed",
    "NotFound",
    "PreconditionFailed",
    "ResourceLocked",
    "UnexpectedFrame",
]

REPLY_TEXT_BYTES = 255  # a short string has one byte for its length (section 4.2.5.3)


class AmqpError(Exception):
    """Closes a channel or a connection with `code` and a text that begins with `name`."""

    code = 541
    name = "INTERNAL_ERROR"

    @property
    def reply_text(self) -> str:
        """The reply text, cut to what a short string holds."""
        return f"{self.name} - {self}".encode()[:REPLY_TEXT_BYTES].decode(errors="ignore")


class ChannelException(AmqpError):
    """A soft error: closes the channel; the connection stays open."""


class ConnectionException(AmqpError):
    """A hard error: closes the connection."""


class AccessRefused(ChannelException):
    """The client may not use or change this queue or exchange."""

    code, name = 403, "ACCESS_REFUSED"


class NotFound(ChannelException):
    """There is no such queue, exchange or binding."""

    code, name = 404, "NOT_FOUND"


class ResourceLocked(ChannelException):
    """The queue is exclusive to another connection."""

    code, name = 405, "RESOURCE_LOCKED"


class PreconditionFailed(ChannelException):
    """The queue or exchange exists with other properties, or the delivery tag is unknown."""

    code, name = 406, "PRECONDITION_FAILED"


class ConnectionForced(ConnectionException):
    """The broker is stopping."""

    code, name = 320, "CONNECTION_FORCED"


class AuthenticationFailed(ConnectionException):
    """User or password is wrong."""

    code, name = 403, "ACCESS_REFUSED"


class FrameError(ConnectionException):
    """The frame cannot be decoded."""

    code, name = 501, "FRAME_ERROR"


class CommandInvalid(ConnectionException):
    """The method or one of its arguments is not valid."""

    code, name = 503, "COMMAND_INVALID"


class ChannelError(ConnectionException):
    """The channel is not open, or already open; or the method is not expected at this stage of the connection."""

    code, name = 504, "CHANNEL_ERROR"


class UnexpectedFrame(ConnectionException):
    """A content frame arrived where a method was expected, or the reverse."""

    code, name = 505, "UNEXPECTED_FRAME"


class NotAllowed(ConnectionException):
    """The client may not do this: the virtual host is unknown, or the consumer tag is in use, for example."""

    code, name = 530, "NOT_ALLOWED"


class FeatureNotImplemented(ConnectionException):
    """The method or argument exists in AMQP, but not in this broker."""

    code, name = 540, "NOT_IMPLEMENTED"

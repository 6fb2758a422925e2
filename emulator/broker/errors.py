"""What a client can do wrong, with the reply codes of AMQP 0-9-1 (section 1.2 of its definitions)."""

__all__ = [
    "AccessRefused",
    "ChannelProblem",
    "CommandInvalid",
    "ConnectionProblem",
    "FrameProblem",
    "LoginRefused",
    "NotAllowed",
    "NotImplementedHere",
    "PreconditionFailed",
    "Problem",
    "ResourceLocked",
    "Stopping",
    "UnexpectedFrame",
    "UnknownChannel",
    "UnknownEntity",
]


class Problem(Exception):
    """Closes a channel or a connection with `code`, and a text that begins with `name`."""

    code = 541
    name = "INTERNAL_ERROR"

    @property
    def text(self) -> str:
        """The reply text; a short string, so it is cut at 255 bytes."""
        return f"{self.name} - {self}".encode()[:255].decode(errors="ignore")


class ChannelProblem(Problem):
    """Closes the channel; the connection lives on."""


class ConnectionProblem(Problem):
    """Closes the connection."""


class AccessRefused(ChannelProblem):
    """The entity is not the client's to touch."""

    code, name = 403, "ACCESS_REFUSED"


class UnknownEntity(ChannelProblem):
    """There is no such queue, exchange or binding."""

    code, name = 404, "NOT_FOUND"


class ResourceLocked(ChannelProblem):
    """The queue is exclusive to another connection."""

    code, name = 405, "RESOURCE_LOCKED"


class PreconditionFailed(ChannelProblem):
    """The entity is there, and otherwise than the client wants it; or a delivery tag is not known."""

    code, name = 406, "PRECONDITION_FAILED"


class Stopping(ConnectionProblem):
    """The broker stops."""

    code, name = 320, "CONNECTION_FORCED"


class LoginRefused(ConnectionProblem):
    """Login or password are wrong."""

    code, name = 403, "ACCESS_REFUSED"


class FrameProblem(ConnectionProblem):
    """A frame that cannot be decoded."""

    code, name = 501, "FRAME_ERROR"


class CommandInvalid(ConnectionProblem):
    """A command that has no place here."""

    code, name = 503, "COMMAND_INVALID"


class UnknownChannel(ConnectionProblem):
    """The channel is not open, or open already; or the method has no place at this point of the connection."""

    code, name = 504, "CHANNEL_ERROR"


class UnexpectedFrame(ConnectionProblem):
    """A content frame where a method was due, or the other way round."""

    code, name = 505, "UNEXPECTED_FRAME"


class NotAllowed(ConnectionProblem):
    """The client may not do this, or not there: the virtual host is unknown, a consumer tag is taken."""

    code, name = 530, "NOT_ALLOWED"


class NotImplementedHere(ConnectionProblem):
    """The method exists in AMQP, but not in this broker."""

    code, name = 540, "NOT_IMPLEMENTED"

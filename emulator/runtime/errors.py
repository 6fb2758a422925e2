"""Errors that a service answers with: a status and a message, in the service's own shape.

Each has an `error_type`, the value of `error.type` on spans. It is a stable name, so that moving a file does not change
a trace.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

__all__ = ["ApiError", "BadRequest", "Conflict", "ErrorShape", "Forbidden", "NotFound", "Unauthorized"]


class ApiError(Exception):
    """An error that a service answers with `status`, and with its text as the message."""

    error_type = "emulator.ApiError"
    status = HTTPStatus.INTERNAL_SERVER_ERROR


class BadRequest(ApiError):
    """The API cannot accept what the caller sent. The message names the field."""

    error_type = "emulator.BadRequest"
    status = HTTPStatus.BAD_REQUEST


class Forbidden(ApiError):
    """The caller is known, but may not do this."""

    error_type = "emulator.Forbidden"
    status = HTTPStatus.FORBIDDEN


class Conflict(ApiError):
    """The request conflicts with the current state."""

    error_type = "emulator.Conflict"
    status = HTTPStatus.CONFLICT


class NotFound(ApiError):
    """There is no such resource."""

    error_type = "emulator.NotFound"
    status = HTTPStatus.NOT_FOUND


class Unauthorized(ApiError):
    """The request has no valid token."""

    error_type = "emulator.Unauthorized"
    status = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__("The request you have made requires authentication.")


ErrorShape = Callable[[ApiError], dict[str, Any]]
"""Makes the JSON body of an error answer, in a service's own shape."""

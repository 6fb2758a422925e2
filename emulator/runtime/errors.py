"""Errors that callers are told of: by a status and a message, in the shape that a service words them."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

__all__ = ["ApiError", "BadRequest", "Conflict", "ErrorShape", "Forbidden", "NotFound", "Unauthorized"]


class ApiError(Exception):
    """An error that is answered to the caller as `status`, with its text as the message."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR


class BadRequest(ApiError):
    """The caller sent what the API cannot take. The message names the field."""

    status = HTTPStatus.BAD_REQUEST


class Forbidden(ApiError):
    """The caller is known, but may not do this."""

    status = HTTPStatus.FORBIDDEN


class Conflict(ApiError):
    """What the caller wants does not go together with the state that things are in."""

    status = HTTPStatus.CONFLICT


class NotFound(ApiError):
    """What the caller asked for is not there."""

    status = HTTPStatus.NOT_FOUND


class Unauthorized(ApiError):
    """The request carries no token that holds."""

    status = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__("The request you have made requires authentication.")


ErrorShape = Callable[[ApiError], dict[str, Any]]
"""How a service words an error: the JSON body for it."""

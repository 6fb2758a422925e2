"""Policy checks, as oslo.policy makes them: most requests are open to all users of a project, some only to admins."""

from collections.abc import Callable
from functools import wraps

from aiohttp import web
from aiohttp.typedefs import Handler

from emulator.runtime.errors import Forbidden
from emulator.runtime.http_server import IDENTITY

__all__ = ["PolicyNotAuthorized", "admins_only"]


class PolicyNotAuthorized(Forbidden):
    """The caller lacks the role for this action."""

    error_type = "oslo_policy.PolicyNotAuthorized"


def admins_only(message: str) -> Callable[[Handler], Handler]:
    """Return a decorator for handlers that only admins may call. Other users get a 403 with this message."""

    def guard(handler: Handler) -> Handler:
        @wraps(handler)
        async def guarded(request: web.Request) -> web.StreamResponse:
            if not request[IDENTITY].is_admin:
                raise PolicyNotAuthorized(message)
            return await handler(request)

        return guarded

    return guard

"""Who may do what: most calls are for anybody of the project, some for admins alone."""

from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler

from emulator.runtime.errors import Forbidden
from emulator.runtime.http_server import IDENTITY

__all__ = ["PolicyNotAuthorized", "admins_only"]


class PolicyNotAuthorized(Forbidden):
    """The caller has not the role for this."""

    error_type = "oslo_policy.PolicyNotAuthorized"


def admins_only(words: str) -> Callable[[Handler], Handler]:
    """Let only admins through to a handler. Others get a 403 with these `words`, in which a service names its rule."""

    def guard(handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            if not request[IDENTITY].is_admin:
                raise PolicyNotAuthorized(words)
            return await handler(request)

        guarded.__doc__ = handler.__doc__
        return guarded

    return guard

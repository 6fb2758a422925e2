"""A service's health, for orchestrators and load balancers that start, watch and stop it.

Health checks are not traced: they are so frequent that boots would be hard to find.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from emulator.runtime.amqp_connection import Link
from emulator.runtime.errors import ApiError
from emulator.runtime.http_server import json_response

__all__ = ["PATHS", "Health", "NotReady", "admitting", "health_routes"]

READY, LIVE = "/healthcheck", "/healthcheck/live"
PATHS = frozenset({READY, LIVE})


class NotReady(ApiError):
    """The service is starting: it does not have everything yet that it needs to answer."""

    error_type = "emulator.NotReady"
    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, service: str) -> None:
        super().__init__(f"{service} is starting. Try again later.")


class Health:
    """The state of a service: starting, ok, waiting for the bus that it needs, or stopping."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.link: Link | None = None
        self._stage = "starting"

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Be ready while the block lasts, and stopping after it."""
        self._stage = "ok"
        try:
            yield
        finally:
            self._stage = "stopping"

    @property
    def starting(self) -> bool:
        """Whether it has not been ready yet."""
        return self._stage == "starting"

    @property
    def status(self) -> str:
        """The state as text; only `ok` is healthy."""
        away = self.link is not None and not self.link.working
        return "waiting for the bus" if away and self._stage == "ok" else self._stage


def health_routes(health: Health) -> Sequence[web.RouteDef]:
    """Return the routes: `/healthcheck` answers 200 if the service is ready, else 503; `/healthcheck/live` 200."""

    async def show_readiness(_: web.Request) -> web.Response:
        status = HTTPStatus.OK if health.status == "ok" else HTTPStatus.SERVICE_UNAVAILABLE
        return json_response({"service": health.service, "status": health.status}, status)

    async def show_life(_: web.Request) -> web.Response:
        return json_response({"service": health.service, "status": "alive"})

    return [web.get(READY, show_readiness), web.get(LIVE, show_life)]


def admitting(health: Health) -> Middleware:
    """Answer 503 to all but health checks until the service is ready."""

    @web.middleware
    async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
        if health.starting and request.path not in PATHS:
            raise NotReady(health.service)
        return await handler(request)

    return admit

"""A service is data: its routes, its consumers, how its errors are worded. `running` gives it all the rest, once.

That is spans, authentication, error answers, the health check, the bus, and an orderly start and stop.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware

from emulator.runtime.amqp_bus import Bus, Consumer
from emulator.runtime.amqp_connection import BusSettings, Link
from emulator.runtime.errors import ErrorShape
from emulator.runtime.fault_injection.connections import resetting_connections
from emulator.runtime.healthcheck import PATHS, Health, admitting, health_routes
from emulator.runtime.http_client import HttpClient
from emulator.runtime.http_server import answering, authenticating, on_prepare, tracing
from emulator.runtime.request_context import ServiceContext, request_scope
from emulator.runtime.tasks import SharedTimeout, Tasks, task_group

__all__ = ["BUS", "HTTP", "SERVICE_CONTEXT", "TASKS", "Service", "running", "serving"]

SERVICE_CONTEXT = web.AppKey("actor", ServiceContext)
BUS = web.AppKey("bus", Bus)
HTTP = web.AppKey("http", HttpClient)
TASKS = web.AppKey("tasks", Tasks)

BODY_LIMIT_BYTES = 1024 * 1024
FIELD_LIMIT_BYTES = 32 * 1024  # baggage may have 8 KiB; what is longer is ignored, and that is told on the span
LEAVE_SECONDS = 1.0
STOP_SECONDS = 5.0

UNHEARD = logging.getLogger(f"{__name__}.aiohttp")
UNHEARD.disabled = True  # it logs what a caller sent that is not HTTP; what fails in a handler `answering` logs

Background = Callable[[web.Application], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Service:
    """What makes one service differ from another.

    `routes` want a token that `identify` knows, `public` ones do not. `middlewares` see every request and every answer,
    errors included. `consumers` are made for the running application.
    `start` runs once, before the service is healthy, and `leave` when it is about to stop, if the bus is there;
    `background` runs in between. What keeps its state in memory names a `lock`, which it holds on the bus: there is one
    of it.
    """

    name: str
    public: Sequence[web.RouteDef] = ()
    routes: Sequence[web.RouteDef] = ()
    middlewares: Sequence[Middleware] = ()
    identify: Callable[[str], Any] | None = None
    error_shape: ErrorShape = lambda error: {"message": str(error)}
    state: dict[web.AppKey[Any], Any] = field(default_factory=dict)
    consumers: Callable[[web.Application], Sequence[Consumer]] | None = None
    lock: str | None = None
    start: Background | None = None
    background: Background | None = None
    leave: Background | None = None
    resource: dict[str, str] = field(default_factory=dict)


@asynccontextmanager
async def running(
    service: Service,
    service_context: ServiceContext,
    listener: socket.socket,
    bus: BusSettings,
    stopping: SharedTimeout,
) -> AsyncIterator[web.Application]:
    """Run a service on `listener` (bound already) until the block ends; then finish what it has begun and stop.

    It has `stopping` to finish what came over the bus. Raises BusUnavailable if it needs the bus, and the bus does not
    come; AlreadyRunning if its lock is not free.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(request_scope(service_context))
        health = Health(service.name)
        app = _application(service, service_context, health)
        app[HTTP] = await stack.enter_async_context(HttpClient(service.name, service_context.pace))
        consumers: Sequence[Consumer] = ()
        if service.consumers is not None or service.lock is not None:
            health.link = Link(bus, service.name, () if service.lock is None else (service.lock,))
            app[BUS] = Bus(service_context, health.link, stopping)
        if service.consumers is not None:
            consumers = service.consumers(app)
        within = await stack.enter_async_context(AsyncExitStack())
        tasks = app[TASKS] = await within.enter_async_context(_beside())
        app.freeze()
        await within.enter_async_context(serving(app, listener))
        if health.link is not None:
            await stack.enter_async_context(health.link.open())
            stack.push_async_exit(within.pop_all())  # what is within when it stops still needs the bus
        if consumers:
            await stack.enter_async_context(app[BUS].consuming(*consumers))
        if service.start is not None:
            await service.start(app)
        if service.background is not None:
            tasks.start(service.background(app))
        with health.ready():
            yield app
        if service.leave is not None and health.link is not None and health.link.working:
            with suppress(TimeoutError):  # the bus has gone in this very moment
                async with asyncio.timeout(LEAVE_SECONDS):
                    await service.leave(app)


def _application(service: Service, service_context: ServiceContext, health: Health) -> web.Application:
    public = [*health_routes(health), *service.public]
    middlewares = [
        resetting_connections,
        tracing(service_context, untraced=PATHS),
        *service.middlewares,
        answering(service.error_shape),
        admitting(health),
    ]
    if service.identify is not None:
        open_to_all = frozenset((route.method, route.path) for route in public)
        middlewares.append(authenticating(service.identify, open_to_all))
    app = web.Application(middlewares=middlewares, client_max_size=BODY_LIMIT_BYTES)
    app.add_routes([*public, *service.routes])
    app.on_response_prepare.append(on_prepare)
    app[SERVICE_CONTEXT] = service_context
    for key, value in service.state.items():
        app[key] = value
    return app


@asynccontextmanager
async def _beside() -> AsyncIterator[Tasks]:
    """Hold what runs beside the requests; at the end it is cancelled."""
    async with task_group() as tasks:
        yield tasks
        await tasks.finish(0)


@asynccontextmanager
async def serving(app: web.Application, listener: socket.socket) -> AsyncIterator[None]:
    """Serve an application on `listener` (bound already) while the block lasts, and finish what has come in."""
    runner = web.AppRunner(
        app, access_log=None, logger=UNHEARD, shutdown_timeout=STOP_SECONDS, max_field_size=FIELD_LIMIT_BYTES
    )
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        yield
    finally:
        await runner.cleanup()

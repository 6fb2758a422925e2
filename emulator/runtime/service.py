"""A service as data: its routes, its consumers, its shape of errors.

`running` adds what all services share: spans, authentication, error answers, the health check, the bus, and an orderly
start and stop.
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
from emulator.runtime.amqp_topology import Destination
from emulator.runtime.errors import ErrorShape
from emulator.runtime.fault_injection.connections import resetting_connections
from emulator.runtime.healthcheck import PATHS, Health, admitting, health_routes
from emulator.runtime.http_client import HttpClient
from emulator.runtime.http_server import answering, authenticating, on_prepare, tracing
from emulator.runtime.request_context import ServiceContext, request_scope
from emulator.runtime.tasks import SharedTimeout, Tasks, task_group

__all__ = ["BUS", "HTTP", "SERVICE_CONTEXT", "TASKS", "Service", "running", "serving"]

SERVICE_CONTEXT = web.AppKey("service context", ServiceContext)
BUS = web.AppKey("bus", Bus)
HTTP = web.AppKey("http", HttpClient)
TASKS = web.AppKey("tasks", Tasks)

BODY_LIMIT_BYTES = 1024 * 1024
FIELD_LIMIT_BYTES = 32 * 1024
"""Above the 8 KiB of baggage that are read: longer baggage should be reported on the span, not refused by aiohttp."""
LEAVE_SECONDS = 1.0
STOP_SECONDS = 5.0

AIOHTTP_LOG = logging.getLogger(f"{__name__}.aiohttp")
AIOHTTP_LOG.disabled = True  # it logs clients that do not speak HTTP; failing handlers are logged by `answering`

Background = Callable[[web.Application], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Service:
    """What distinguishes one service from another.

    `routes` require a token that `identify` accepts, `public` ones do not. `middlewares` see every request and every
    answer, including errors. `consumers` are made for the running application; `queues` are the durable ones that they
    consume. `start` runs once, before the service is healthy; `background` runs after that; `leave` runs when the
    service is about to stop, if it has the bus. `cloud_ready` runs when all services of a cloud have started, and waits
    until this one knows what it must know of the others. A service that keeps its state in memory holds a `lock` on the
    bus, so that only one instance runs.
    """

    name: str
    public: Sequence[web.RouteDef] = ()
    routes: Sequence[web.RouteDef] = ()
    middlewares: Sequence[Middleware] = ()
    identify: Callable[[str], Any] | None = None
    error_shape: ErrorShape = lambda error: {"message": str(error)}
    state: dict[web.AppKey[Any], Any] = field(default_factory=dict)
    consumers: Callable[[web.Application], Sequence[Consumer]] | None = None
    queues: Sequence[Destination] = ()
    lock: str | None = None
    start: Background | None = None
    background: Background | None = None
    leave: Background | None = None
    cloud_ready: Background | None = None
    resource: dict[str, str] = field(default_factory=dict)


@asynccontextmanager
async def running(
    service: Service,
    service_context: ServiceContext,
    listener: socket.socket,
    bus: BusSettings,
    stopping: SharedTimeout,
) -> AsyncIterator[web.Application]:
    """Run a service on `listener` (already bound) until the block ends; then finish its work in progress, and stop.

    `stopping` limits how long it handles the remaining messages. Raises BusUnavailable if it needs the bus and cannot
    reach it, and AlreadyRunning if its lock is not free.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(request_scope(service_context))
        health = Health(service.name)
        app = _application(service, service_context, health)
        host = service.resource.get("host.name")
        app[HTTP] = await stack.enter_async_context(HttpClient(service.name, service_context.pace, host))
        consumers: Sequence[Consumer] = ()
        if service.consumers is not None or service.lock is not None:
            health.link = Link(bus, service.name, () if service.lock is None else (service.lock,))
            app[BUS] = Bus(service_context, health.link, stopping)
        if service.consumers is not None:
            consumers = service.consumers(app)
        inner = await stack.enter_async_context(AsyncExitStack())
        tasks = app[TASKS] = await inner.enter_async_context(_background_tasks())
        app.freeze()
        await inner.enter_async_context(serving(app, listener))
        if health.link is not None:
            await stack.enter_async_context(health.link.open())
            stack.push_async_exit(inner.pop_all())  # requests and tasks need the bus, so they must end before it closes
        if consumers:
            await stack.enter_async_context(app[BUS].consuming(*consumers))
        if service.start is not None:
            await service.start(app)
        if service.background is not None:
            tasks.start(service.background(app))
        with health.ready():
            yield app
        if service.leave is not None and health.link is not None and health.link.working:
            with suppress(TimeoutError):  # the bus may have gone at this moment
                async with asyncio.timeout(LEAVE_SECONDS):
                    await service.leave(app)


def _application(service: Service, service_context: ServiceContext, health: Health) -> web.Application:
    public = [*health_routes(health), *service.public]
    # From the outside in: the span must include the answer that an error becomes, and a fault resets the connection
    # after the span has ended.
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
async def _background_tasks() -> AsyncIterator[Tasks]:
    """Run tasks in the background while the block lasts; at its end they are cancelled."""
    async with task_group() as tasks:
        yield tasks
        await tasks.finish(0)


@asynccontextmanager
async def serving(app: web.Application, listener: socket.socket) -> AsyncIterator[None]:
    """Serve an application on `listener` (already bound) while the block lasts, then finish requests in progress."""
    runner = web.AppRunner(
        app, access_log=None, logger=AIOHTTP_LOG, shutdown_timeout=STOP_SECONDS, max_field_size=FIELD_LIMIT_BYTES
    )
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        yield
    finally:
        await runner.cleanup()

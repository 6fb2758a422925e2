"""A cloud in the background: on an event loop in a thread of its own, for callers that have another loop, or none."""

import asyncio
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from emulator import client
from emulator.broker import Broker
from emulator.client import BootRequest, Credentials
from emulator.cloud.composition import run_cloud
from emulator.cloud.settings import COMPUTES, Settings
from emulator.faults import find_fault
from emulator.runtime.export import Export, otlp_exporter
from emulator.runtime.http_client import HttpClient
from emulator.runtime.request_context import ServiceContext
from spantree import Pending, SpanTree, spans_from_sdk, trees

__all__ = ["BackgroundCloud", "background_cloud"]

BOOT_SECONDS = 120.0


class _Stories(SpanProcessor):
    """Keeps the spans of each request, of all its traces, and counts those that are open. On the cloud's event loop."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()
        self._ended: defaultdict[str, list[ReadableSpan]] = defaultdict(list)
        self._waiting: dict[str, asyncio.Event] = {}

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the SDK's signature
        self._open[_request_id(span)] += 1

    def on_end(self, span: ReadableSpan) -> None:
        request_id = _request_id(span)
        self._ended[request_id].append(span)
        self._open[request_id] -= 1
        if not self._open[request_id]:
            del self._open[request_id]
            if request_id in self._waiting:
                self._waiting.pop(request_id).set()

    async def whole(self, request_id: str, broker: Broker) -> list[ReadableSpan]:
        """Return the spans of a request once none is open, and no message of it is on its way to begin another."""
        while True:
            await broker.settled(request_id)
            if request_id not in self._open:
                return self._ended.pop(request_id, [])
            await self._waiting.setdefault(request_id, asyncio.Event()).wait()


def _request_id(span: ReadableSpan) -> str:
    return str((span.attributes or {}).get("openstack.request.id"))


@dataclass(frozen=True, slots=True)
class BackgroundCloud:
    """A cloud that is up in the background, and gives the trace of each boot.

    Spans are taken as the SDK ends them; where `OTEL_EXPORTER_OTLP_ENDPOINT` says so they are sent there, too.
    """

    endpoints: Mapping[str, str]
    """The base URL of each API, by the name of its service."""
    amqp_url: str
    """The URL of the broker."""
    _actor: ServiceContext
    _http: HttpClient
    _broker: Broker
    _stories: _Stories
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    _end: asyncio.Event = field(default_factory=asyncio.Event)

    def boot(
        self,
        name: str = "demo",
        image: str = "cirros",
        flavor: str = "m1.tiny",
        network: str = "private",
        fault: str | None = None,
    ) -> Pending[SpanTree]:
        """Boot a server as `emulator boot` does. `await` its trace, or `.wait()` for it, also where the boot fails.

        `fault` is one that `emulator faults` lists; raises LookupError for another. The trace is whole when it comes:
        not before the last span of the boot has ended. It knows the other traces of the boot where there are some.
        """
        order = BootRequest(name, image, flavor, network, None if fault is None else find_fault(fault))
        story = asyncio.run_coroutine_threadsafe(self._boot(order), self._loop)

        def too_late() -> SpanTree:
            raise TimeoutError(f"the boot of {name} did not end within {BOOT_SECONDS:g} s")

        return Pending(story, BOOT_SECONDS, too_late)

    async def _boot(self, order: BootRequest) -> SpanTree:
        credentials = Credentials(self.endpoints["keystone"])
        booted = await client.boot(self._actor, self._http, credentials, order)
        spans = spans_from_sdk(await self._stories.whole(booted.request_id, self._broker))
        for trace in trees(spans):
            if trace.trace_id == booted.trace_id:
                return trace
        raise LookupError(f"the boot of {order.name} left no spans: do OTEL_* switch the SDK or its sampler off?")

    def end(self) -> None:
        """Let the cloud finish what it has begun, and end."""
        self._loop.call_soon_threadsafe(self._end.set)

    async def until_ended(self) -> None:
        """Wait until `end` was called. On the cloud's event loop."""
        await self._end.wait()


@contextmanager
def background_cloud(settings: Settings, *, computes: int = COMPUTES) -> Iterator[BackgroundCloud]:
    """Run a cloud while the block lasts. Raises what `run_cloud` raises."""
    started: Future[BackgroundCloud] = Future()

    async def story() -> None:
        stories = _Stories()
        export = Export(otlp_exporter(), seed=settings.seed, watching=stories)
        try:
            async with (
                run_cloud(settings, export, computes=computes) as up,
                HttpClient(client.SERVICE, settings.pace) as http,
            ):
                service_context = client.new_context(export, settings.seed, settings.pace)
                assert up.broker is not None
                running = BackgroundCloud(up.endpoints, up.amqp_url, service_context, http, up.broker, stories)
                started.set_result(running)
                await running.until_ended()
        finally:
            await asyncio.to_thread(export.close)

    def run() -> None:
        try:
            asyncio.run(story())
        except Exception as error:
            if started.done():
                raise
            started.set_exception(error)

    thread = threading.Thread(target=run, name="emulator", daemon=True)
    thread.start()
    try:
        running = started.result()
        try:
            yield running
        finally:
            running.end()
    finally:
        thread.join()

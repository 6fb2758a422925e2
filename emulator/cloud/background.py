"""A cloud in a background thread with its own event loop, for tests with a different loop or none."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME
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


class _RequestSpans(SpanProcessor):
    """Collects the ended spans of each request of our client, and counts the open ones. Runs on the cloud's event loop.

    Requests of other clients are ignored, as nobody would fetch their spans.
    """

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()
        self._ended: dict[str, list[ReadableSpan]] = {}
        self._waiting: dict[str, asyncio.Event] = {}

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the SDK's signature
        request_id = _request_id(span)
        if span.resource.attributes[SERVICE_NAME] == client.SERVICE:  # the first span of a request is the client's
            self._ended.setdefault(request_id, [])
        if request_id in self._ended:
            self._open[request_id] += 1

    def on_end(self, span: ReadableSpan) -> None:
        request_id = _request_id(span)
        if request_id not in self._ended:
            return
        self._ended[request_id].append(span)
        self._open[request_id] -= 1
        if not self._open[request_id]:
            del self._open[request_id]
            if request_id in self._waiting:
                self._waiting.pop(request_id).set()

    async def complete(self, request_id: str, broker: Broker) -> list[ReadableSpan]:
        """Return the spans of a request, once none is open and no message is left that could start another one."""
        while True:
            await broker.settled(request_id)
            if request_id not in self._open:
                return self._ended.pop(request_id, [])
            # A span that was still open may have published another message, so look at the broker again.
            await self._waiting.setdefault(request_id, asyncio.Event()).wait()


def _request_id(span: ReadableSpan) -> str:
    return str((span.attributes or {}).get("openstack.request.id"))


@dataclass(frozen=True, slots=True)
class BackgroundCloud:
    """A cloud that runs in the background and returns the trace of each boot.

    Spans are collected as they end. With `OTEL_EXPORTER_OTLP_ENDPOINT` set they are exported as well.
    """

    endpoints: Mapping[str, str]
    """The base URL of each API, by the name of its service."""
    amqp_url: str
    """The URL of the broker."""
    _service_context: ServiceContext
    _http: HttpClient
    _broker: Broker
    _request_spans: _RequestSpans
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def boot(
        self,
        name: str = "demo",
        image: str = "cirros",
        flavor: str = "m1.tiny",
        network: str = "private",
        fault: str | None = None,
    ) -> Pending[SpanTree]:
        """Boot a server as `emulator boot` does; `await` the trace, or call `.wait()`. A failed boot has a trace too.

        `fault` is a name from `emulator faults`; an unknown one raises LookupError. The trace is returned when the
        boot's last span has ended. If the boot made several traces, the returned one knows the others.
        """
        boot_request = BootRequest(name, image, flavor, network, None if fault is None else find_fault(fault))
        trace = asyncio.run_coroutine_threadsafe(self._boot(boot_request), self._loop)

        def too_late() -> SpanTree:
            raise TimeoutError(f"the boot of {name} did not end within {BOOT_SECONDS:g} s")

        return Pending(trace, BOOT_SECONDS, too_late)

    async def _boot(self, boot_request: BootRequest) -> SpanTree:
        credentials = Credentials(self.endpoints["keystone"])
        booted = await client.boot(self._service_context, self._http, credentials, boot_request)
        spans = spans_from_sdk(await self._request_spans.complete(booted.request_id, self._broker))
        for trace in trees(spans):
            if trace.trace_id == booted.trace_id:
                return trace
        raise LookupError(
            f"the boot of {boot_request.name} made no spans: do OTEL_* variables disable the SDK or its sampler?"
        )

    def stop(self) -> None:
        """Let the cloud finish its work in progress and stop. Returns without waiting for that."""
        self._loop.call_soon_threadsafe(self._stopping.set)

    async def until_stopped(self) -> None:
        """Wait until `stop` is called. Runs on the cloud's event loop."""
        await self._stopping.wait()


@contextmanager
def background_cloud(settings: Settings, *, computes: int = COMPUTES) -> Iterator[BackgroundCloud]:
    """Run a cloud while the block lasts. Raises what `run_cloud` raises."""
    started: Future[BackgroundCloud] = Future()

    async def run() -> None:
        request_spans = _RequestSpans()
        export = Export(otlp_exporter(), seed=settings.seed, watching=request_spans)
        try:
            async with (
                run_cloud(settings, export, computes=computes) as up,
                HttpClient(client.SERVICE, settings.pace) as http,
            ):
                service_context = client.new_context(export, settings.seed, settings.pace)
                assert up.broker is not None
                running = BackgroundCloud(up.endpoints, up.amqp_url, service_context, http, up.broker, request_spans)
                started.set_result(running)
                await running.until_stopped()
        finally:
            await asyncio.to_thread(export.close)  # it blocks until the collector has answered

    def target() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:  # a CancelledError too: otherwise `started` would never have a result
            if started.done():  # nobody waits for the future any more, so threading.excepthook reports the error
                raise
            started.set_exception(error)

    thread = threading.Thread(target=target, name="emulator", daemon=True)
    thread.start()
    try:
        running = started.result()
        try:
            yield running
        finally:
            running.stop()
    finally:
        thread.join()

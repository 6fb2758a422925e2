"""OTLP collectors on loopback ports: what the emulator exports, as it crossed the wire."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager

import grpc
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)

from emulator.traces import Span, SpanTree, spans_from_protobuf, trees


class Collector:
    """Keeps every span that was sent to `url`."""

    def __init__(self) -> None:
        self.url = ""
        self.spans: list[Span] = []
        self._arrived = asyncio.Condition()

    async def receive(self, request: web.Request) -> web.Response:
        self.spans += spans_from_protobuf(await request.read())
        async with self._arrived:
            self._arrived.notify_all()
        return web.Response(content_type="application/x-protobuf")

    def trace(self, trace_id: str) -> SpanTree:
        return next(tree for tree in trees(self.spans) if tree.trace_id == trace_id)

    async def span(self, service: str, name: str) -> Span:
        """Wait for a span."""
        async with asyncio.timeout(20), self._arrived:
            while not (found := [span for span in self.spans if (span.service, span.name) == (service, name)]):
                await self._arrived.wait()
        return found[0]


class OverGrpc(TraceServiceServicer):
    """Keeps every span that was sent over OTLP/gRPC."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def Export(self, request: ExportTraceServiceRequest, _: object) -> ExportTraceServiceResponse:  # noqa: N802
        self.spans += spans_from_protobuf(request.SerializeToString())
        return ExportTraceServiceResponse()


@contextmanager
def collecting_over_grpc() -> Iterator[tuple[str, OverGrpc]]:
    """A collector on a loopback port; gives its URL, and what it keeps."""
    server, collector = grpc.server(ThreadPoolExecutor(2)), OverGrpc()
    add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call] # generated without types
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"http://127.0.0.1:{port}", collector
    finally:
        server.stop(None).wait()


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    collector = Collector()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.add_routes([web.post("/v1/traces", collector.receive)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        collector.url = f"http://{host}:{port}"
        yield collector
    finally:
        await runner.cleanup()

"""An OTLP/HTTP collector on a loopback port: what the emulator exports, as it crossed the wire."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

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

"""Services of a few lines, run as the emulator runs its own."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from emulator.runtime.amqp_connection import BusSettings
from emulator.runtime.export import Export
from emulator.runtime.request_context import ServiceContext
from emulator.runtime.seeded_random import SeededRandom
from emulator.runtime.service import Service, running
from emulator.runtime.tasks import SharedTimeout
from spantree import SpanTree, spans_from_sdk, trees

SECONDS_TO_STOP = 5.0


@dataclass
class Services:
    """Runs services, and has the spans that they made."""

    export: Export = field(default_factory=lambda: Export(None, keep=True))

    @asynccontextmanager
    async def run(
        self, service: Service, amqp_url: str = "", stopping: float = SECONDS_TO_STOP
    ) -> AsyncIterator[tuple[web.Application, str]]:
        """Run a service; yield its application and its URL."""
        rng = SeededRandom()
        service_context = ServiceContext(service.name, self.export.tracer(service.name, rng), rng)
        listener = socket.create_server(("127.0.0.1", 0))
        async with running(service, service_context, listener, BusSettings(amqp_url), SharedTimeout(stopping)) as app:
            yield app, f"http://127.0.0.1:{listener.getsockname()[1]}"

    def traces(self) -> list[SpanTree]:
        """All traces so far."""
        return trees(spans_from_sdk(self.export.kept))


@pytest.fixture
def services() -> Services:
    """Run services of a few lines."""
    return Services()

"""One cloud for all tests that leave nothing behind: starting one takes longer than most of these tests."""

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from emulator.cloud import BackgroundCloud, Cloud, Settings, background_cloud
from emulator.runtime.export import Export
from tests.conftest import World


@pytest.fixture(scope="session")
def shared_cloud() -> Iterator[BackgroundCloud]:
    """A cloud for the whole session of this worker."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
        with background_cloud(Settings(pace=0), computes=1) as cloud:
            yield cloud


@pytest.fixture
async def shared_world(shared_cloud: BackgroundCloud) -> AsyncIterator[World]:
    """The shared cloud, for requests that change nothing, or undo it. Its spans are not to be had."""
    async with aiohttp.ClientSession() as session:
        yield World(Cloud(shared_cloud.endpoints, shared_cloud.amqp_url), Export(), session)

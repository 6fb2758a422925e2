"""A cloud that is shared by all tests that leave nothing behind: starting one takes longer than most of them."""

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from emulator.cloud import Cloud, Settings
from emulator.cloud.background import BackgroundCloud, background_cloud
from emulator.runtime.export import Export
from tests.conftest import RunningCloud


@pytest.fixture(scope="session")
def session_cloud() -> Iterator[BackgroundCloud]:
    """A cloud for the whole session of this worker."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
        with background_cloud(Settings(pace=0), computes=1) as cloud:
            yield cloud


@pytest.fixture
async def shared_cloud(session_cloud: BackgroundCloud) -> AsyncIterator[RunningCloud]:
    """The shared cloud, for requests that change nothing, or undo it. Its spans are not collected."""
    async with aiohttp.ClientSession() as session:
        yield RunningCloud(Cloud(session_cloud.endpoints, session_cloud.amqp_url), Export(), session)

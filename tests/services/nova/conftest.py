"""Fixtures of nova's tests."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.conftest import RunningCloud, start_cloud


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_cloud() -> AsyncIterator[RunningCloud]:
    """A cloud for those tests of a module that leave no trace: long tables of requests that are refused."""
    async with start_cloud() as running_cloud:
        yield running_cloud

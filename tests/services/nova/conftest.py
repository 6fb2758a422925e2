"""Fixtures of nova's tests."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.conftest import World, a_world


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_world() -> AsyncIterator[World]:
    """A cloud for the tests of a module that leave it as they find it: long tables of requests that are refused."""
    async with a_world() as world:
        yield world

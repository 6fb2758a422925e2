"""A cloud in the background: its start fails visibly, and its memory does not grow with the requests of others."""

import asyncio
import gc

import aiohttp
import pytest
from aiohttp import web
from opentelemetry.sdk.trace import ReadableSpan

from emulator.cloud import Settings
from emulator.cloud.background import background_cloud
from emulator.runtime.service import Service
from emulator.services.config import ServiceConfig
from emulator.services.registry import SERVICES, ServiceRow
from tests.conftest import REFERENCE, eventually


def cancelled(_: ServiceConfig) -> Service:
    """A service whose start is cancelled."""

    async def cancel(_: web.Application) -> None:
        raise asyncio.CancelledError

    return Service("cancelled", start=cancel)


def test_a_cancelled_start_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SERVICES, "cancelled", ServiceRow("cancelled", 1, f"{__name__}:cancelled", "#000"))
    with pytest.raises(asyncio.CancelledError), background_cloud(Settings(pace=0), computes=1):
        pass


async def test_spans_are_kept_for_boots_only() -> None:
    with background_cloud(Settings(pace=0), computes=1) as cloud:
        async with aiohttp.ClientSession() as session:
            ids = set()
            for _ in range(3):
                async with session.get(cloud.endpoints["keystone"]) as response:
                    ids.add(response.headers["X-OpenStack-Request-ID"])

        async def kept() -> int:
            gc.collect()
            found = [each for each in gc.get_objects() if isinstance(each, ReadableSpan)]
            return sum((each.attributes or {}).get("openstack.request.id") in ids for each in found)

        await eventually(kept, lambda count: not count, pause=0.2)  # looking at all objects takes long
        assert await cloud.boot() == REFERENCE

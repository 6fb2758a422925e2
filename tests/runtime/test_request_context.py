"""What a request carries: ids from outside only if they are well formed, and a fault until it is spent."""

import aiohttp
import pytest
from aiohttp import web

from emulator.faults import FAULTS
from emulator.instrumentation.url_template import TemplatedUrl
from emulator.runtime.http_client import HttpClient
from emulator.runtime.request_context import carrying_fault, request_scope
from emulator.runtime.service import HTTP, SERVICE_CONTEXT, Service
from emulator.runtime.spans import request_tracer
from tests.runtime.conftest import Services

WELL_FORMED = "req-6ba7b810-9dad-11d1-80b4-00c04fd430c8"
MALFORMED = ["6ba7b810-9dad-11d1-80b4-00c04fd430c8", "req-secret", WELL_FORMED + "0123", WELL_FORMED + " x", ""]
OWN, CHOSEN = "X-Emulator-Request-ID", "X-OpenStack-Request-ID"


async def greet(_: web.Request) -> web.Response:
    return web.Response()


GREETER = Service("one", public=[web.get("/", greet)])


async def ids_after(services: Services, headers: dict[str, str]) -> tuple[str, object, object]:
    """The id in the answer to a request with these headers, and the two ids on its span."""
    async with services.run(GREETER) as (_, url), aiohttp.ClientSession() as client:
        async with client.get(url, headers=headers) as response:
            answered = response.headers[CHOSEN]
    [trace] = services.traces()
    attributes = trace.one(kind="server").attributes
    return answered, attributes["openstack.request.id"], attributes.get("openstack.global_request.id")


async def test_well_formed_ids_from_outside_are_used(services: Services) -> None:
    other = WELL_FORMED.replace("6", "7")
    assert await ids_after(services, {OWN: WELL_FORMED, CHOSEN: other}) == (WELL_FORMED, WELL_FORMED, other)


@pytest.mark.parametrize("malformed", MALFORMED)
async def test_malformed_ids_from_outside_are_replaced(services: Services, malformed: str) -> None:
    answered, own, chosen = await ids_after(services, {OWN: malformed, CHOSEN: malformed})
    assert answered == own
    assert malformed not in {own, chosen}
    assert chosen is None
    assert len(str(own)) == len(WELL_FORMED)


@pytest.mark.parametrize("resend", [0, 2])
async def test_a_request_that_is_sent_again_says_how_often(services: Services, resend: int) -> None:
    async with services.run(GREETER) as (app, url):
        with request_scope(app[SERVICE_CONTEXT]):
            http: HttpClient = app[HTTP]
            await http.fetch("GET", TemplatedUrl(url, "/"), resend=resend)
    [trace] = services.traces()
    assert trace.one(kind="client").attributes.get("http.request.resend_count", 0) == resend


async def test_a_spent_fault_stays_spent_when_blocks_that_carry_it_end(services: Services) -> None:
    fault = FAULTS["glance.slow_download"]
    async with services.run(GREETER) as (app, _):
        with request_scope(app[SERVICE_CONTEXT]) as request:
            carried = []
            with carrying_fault(fault):
                with carrying_fault(None):
                    carried.append(request.fault)
                carried.append(request.fault)
                with carrying_fault(fault):
                    request.spend()
                carried.append(request.fault)
            carried.append(request.fault)
    assert carried == [None, fault, None, None]


@pytest.mark.parametrize("name", ["trace.wrong_kind", "trace.clock_skew", "amqp.delay"])
async def test_a_span_with_a_fault_keeps_the_start_that_its_caller_gave(services: Services, name: str) -> None:
    fault = FAULTS[name]
    service = Service(fault.service)
    async with services.run(service) as (app, _):
        with request_scope(app[SERVICE_CONTEXT]), carrying_fault(fault):
            request_tracer().start_span(fault.at, start_time=1).end(2)
    [ended] = services.export.kept
    assert (ended.start_time, ended.end_time) == (1, 2)

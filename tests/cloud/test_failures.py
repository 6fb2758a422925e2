"""When something is missing: the server ends in ERROR with a fault that names the step, and the cloud keeps working."""

import asyncio
import json
import re
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

import aio_pika
import aiohttp
import pytest
from aiohttp import web

from emulator.broker import Broker
from emulator.client import BootRequest
from emulator.cloud import Cloud, Settings, run_service
from emulator.runtime.export import Export
from emulator.services.registry import APIS, SERVICES
from emulator.services.seed_data import resource_id
from spantree import SpanTree, spans_from_sdk
from tests.conftest import DEAD_LETTERS, REFERENCE, RunningCloud, eventually, start_cloud, trace_of
from tests.support.processes import free_port


def all_but(*missing: str) -> tuple[str, ...]:
    """The names of all services but these."""
    return tuple(name for name in SERVICES if name not in missing)


def with_exception(trace: SpanTree) -> list[str]:
    """The spans with an exception event."""
    return [str(span) for span in trace.spans if any(event.name == "exception" for event in span.events)]


def failed(trace: SpanTree) -> list[str]:
    return [re.sub(r"!.*\.", "!", str(span)) for span in trace.all(error=True)]


async def test_a_missing_image_fails_the_server_and_names_glance(amqp_url: str) -> None:
    async with start_cloud(amqp_url=amqp_url) as running_cloud:
        booted = await running_cloud.boot(BootRequest(image="nope"))
        api = await running_cloud.api()
        # the address is released after the server is in ERROR
        await eventually(lambda: api("GET", "neutron-server", "/v2.0/ports"), lambda seen: seen[1] == {"ports": []})
        whole = await running_cloud.boot()
    assert booted.status == "ERROR"
    assert re.fullmatch(
        r"Build of instance \S+ aborted at step \(5\), glance-api: No image found with ID nope \(\S+\) \(HTTP 404\)",
        booted.fault,
    )
    trace = trace_of(running_cloud, booted.trace_id)
    assert failed(trace) == [
        "openstack-client: openstack server create !ServerInError",
        "nova-compute: process nova:compute.{host} (consumer) !BuildAborted",
        "nova-compute: GET (client) !404",
    ]
    assert with_exception(trace) == ["nova-compute: process nova:compute.{host} (consumer) !nova.BuildAborted"]
    settled = [span.name for span in trace.spans if span.attributes.get("messaging.operation.type") == "settle"]
    assert "reject nova:compute.{host}" in settled
    assert trace_of(running_cloud, whole.trace_id) == REFERENCE


async def test_a_missing_network_fails_the_server_and_names_neutron(amqp_url: str) -> None:
    async with start_cloud(amqp_url=amqp_url) as running_cloud:
        booted = await running_cloud.boot(BootRequest(network="nope"))
    assert "aborted at step (3), neutron-server: Network nope (" in booted.fault
    assert "nova-compute: GET (client) !404" in failed(trace_of(running_cloud, booted.trace_id))


async def test_a_flavor_that_fits_nowhere_is_no_valid_host_with_filter_events(amqp_url: str) -> None:
    async with start_cloud(amqp_url=amqp_url, computes=2) as running_cloud:
        booted = await running_cloud.boot(BootRequest(flavor="m1.huge"))
    assert booted.fault.startswith("No valid host was found. There are not enough hosts available: ")
    trace = trace_of(running_cloud, booted.trace_id)
    assert failed(trace) == [
        "openstack-client: openstack server create !ServerInError",
        "nova-scheduler: process nova:scheduler (consumer) !NoValidHost",
        "nova-scheduler: select_destinations !NoValidHost",
    ]
    assert with_exception(trace) == ["nova-scheduler: select_destinations !nova.NoValidHost"]
    choice = next(span for span in trace.spans if span.name == "select_destinations")
    filters = [event for event in choice.events if event.name == "filter"]
    assert [event.attributes["openstack.scheduler.filter"] for event in filters] == [
        "ComputeFilter",
        "RamFilter",
        "CoreFilter",
        "DiskFilter",
    ]
    assert list(filters[1].attributes["openstack.scheduler.hosts.after"]) == []
    assert "nova-scheduler: reject nova:scheduler (client)" in [str(span) for span in trace.spans]


async def test_a_boot_that_takes_too_long_goes_to_error_and_releases_its_port() -> None:
    async with start_cloud(Settings(pace=0.3, build_seconds=0.25)) as running_cloud:
        booted = await running_cloud.boot()
        assert booted.status == "ERROR"
        assert re.search(r"aborted: it was still \w+ after 0\.25 s\.$", booted.fault)
        api = await running_cloud.api()
        path = f"/v2.0/ports?device_id={booted.server_id}"
        # the host releases the address when nova-api tells it to terminate the build
        await eventually(lambda: api("GET", "neutron-server", path), lambda seen: seen[1] == {"ports": []})
    trace = trace_of(running_cloud, booted.trace_id)
    assert "nova-api: deadline !TimeoutError" in failed(trace)
    assert [span.attributes.get("openstack.rpc.method") for span in trace.spans].count("terminate_instance") == 3


async def test_a_server_deleted_while_it_builds_is_gone_and_releases_its_port() -> None:
    async with start_cloud(Settings(pace=0.1)) as running_cloud:
        api = await running_cloud.api()
        request_id = f"req-{uuid.uuid4()}"
        _, body = await api.create(headers={"X-Emulator-Request-ID": request_id})
        server_id = body["server"]["id"]
        await api.gone(server_id)
        assert running_cloud.cloud.broker is not None
        await running_cloud.cloud.broker.settled(request_id)
        assert (await api("GET", "neutron-server", "/v2.0/ports"))[1]["ports"] == []
    spans = [
        s for s in spans_from_sdk(running_cloud.export.kept) if s.attributes.get("openstack.server.id") == server_id
    ]
    assert any(s.error_type.endswith("Interrupted") for s in spans)


@asynccontextmanager
async def in_parts(
    parts: tuple[str, ...] = tuple(SERVICES),
    *,
    build_seconds: float = 60,
    glance: str | None = None,
    amqp_url: str = "",
) -> AsyncIterator[tuple[RunningCloud, Broker]]:
    """A cloud of separate services, as `emulator serve` runs them, optionally with another glance."""
    settings = Settings(pace=0, build_seconds=build_seconds, token_secret="shared", bus_patience=5)
    export = Export(keep=True)
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(Broker(socket.create_server(("127.0.0.1", 0))))
        endpoints = {name: f"http://127.0.0.1:{free_port()}" for name in SERVICES}
        catalog = {name: endpoints[name] for name in APIS}
        if glance is not None:
            catalog["glance-api"] = glance
        session = await stack.enter_async_context(aiohttp.ClientSession())
        for name in parts:
            port = int(endpoints[name].rpartition(":")[2])
            service = run_service(
                name, settings, export, amqp_url=amqp_url or broker.url, endpoints=catalog, host="compute-1", port=port
            )
            await stack.enter_async_context(service)
        yield RunningCloud(Cloud(endpoints, broker.url), export, session), broker
    await asyncio.to_thread(export.close)


@asynccontextmanager
async def part(running_cloud: RunningCloud, amqp_url: str, name: str) -> AsyncIterator[None]:
    """Run one more service of such a cloud."""
    settings = Settings(pace=0, token_secret="shared")
    port = int(running_cloud.cloud.endpoints[name].rpartition(":")[2])
    endpoints = running_cloud.cloud.endpoints
    async with run_service(
        name, settings, running_cloud.export, amqp_url=amqp_url, endpoints=endpoints, host="compute-1", port=port
    ):
        yield


def compute_host(running_cloud: RunningCloud, amqp_url: str) -> AbstractAsyncContextManager[None]:
    return part(running_cloud, amqp_url, "nova-compute")


@asynccontextmanager
async def a_corrupting_glance() -> AsyncIterator[str]:
    """A glance whose bytes do not match its checksum."""

    async def send_other_bytes(_: web.Request) -> web.Response:
        return web.Response(body=b"not the image", headers={"Content-MD5": "0" * 32})

    app = web.Application()
    app.add_routes([web.get("/v2/images/{image_id}/file", send_other_bytes)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_services_run_one_by_one_boot_the_reference_trace() -> None:
    async with in_parts() as (running_cloud, _):
        booted = await running_cloud.boot()
    assert trace_of(running_cloud, booted.trace_id) == REFERENCE


async def test_nova_compute_refuses_an_image_that_does_not_match_its_checksum() -> None:
    async with a_corrupting_glance() as url, in_parts(glance=url) as (running_cloud, _):
        booted = await running_cloud.boot()
    assert booted.status == "ERROR"
    assert "aborted at step (5), glance-api: image " in booted.fault
    assert "has checksum" in booted.fault


@pytest.mark.parametrize(
    ("away", "step"), [("glance-api", "(5)"), ("neutron-server", "(3)")], ids=["glance", "neutron"]
)
async def test_a_service_that_is_down_is_named_in_the_fault(away: str, step: str) -> None:
    async with in_parts(all_but(away)) as (running_cloud, _):
        booted = await running_cloud.boot()
    assert booted.status == "ERROR"
    assert f"aborted at step {step}, {away}: Cannot connect to host" in booted.fault
    trace = trace_of(running_cloud, booted.trace_id)
    refused = next(s for s in trace.spans if s.kind == "client" and s.error_type.endswith("ClientConnectorError"))
    assert [event.name for event in refused.events] == ["exception"]


async def test_without_a_scheduler_nova_api_refuses_and_keeps_no_server() -> None:
    async with in_parts(("keystone", "nova-api")) as (running_cloud, _):
        api = await running_cloud.api()
        status, body = await api.create()
        assert (status, body["serviceUnavailable"]["code"]) == (503, 503)
        assert "no queue takes messages for nova:scheduler" in body["serviceUnavailable"]["message"]
        assert (await api("GET", "nova-api", "/v2.1/servers"))[1]["servers"] == []


async def test_a_server_that_no_scheduler_takes_goes_to_error_at_the_deadline() -> None:
    """The scheduler's queue exists, as after a crash, but has no consumer."""
    async with in_parts(("keystone", "nova-api"), build_seconds=0.2) as (running_cloud, broker):
        async with await aio_pika.connect(broker.url) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue("scheduler", durable=True, arguments=DEAD_LETTERS)
            await queue.bind("nova", "scheduler")
            booted = await running_cloud.boot()
    assert booted.status == "ERROR"
    assert booted.fault.endswith("aborted: it was still scheduling after 0.2 s.")


async def test_nova_api_survives_a_deadline_while_the_bus_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.runtime.amqp_bus.PUBLISH_SECONDS", 0.3)
    async with in_parts(build_seconds=0.3) as (running_cloud, broker):
        booted = await running_cloud.boot()
        api = await running_cloud.api()
        async with await aio_pika.connect(broker.url) as connection:
            channel = await connection.channel()
            update = {"server_id": (await api.create())[1]["server"]["id"], "vm_state": "building", "host": "compute-9"}
            inner = {"method": "instance_update", "args": update, "_unique_id": "building"}
            body = json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(inner)}).encode()
            exchange = await channel.get_exchange("nova")
            await exchange.publish(aio_pika.Message(body), "api")
        await broker.__aexit__(None, None, None)
        assert (await api.until(booted.server_id, "ACTIVE"))["status"] == "ACTIVE"
        await api.until(update["server_id"], "ERROR", "ACTIVE")
        assert (await api("GET", "nova-api", "/v2.1/servers"))[0] == 200


async def test_a_delete_that_no_host_answers_ends_in_error_not_in_deleting() -> None:
    async with in_parts(all_but("nova-compute"), build_seconds=0.3) as (running_cloud, broker):
        async with compute_host(running_cloud, broker.url):
            booted = await running_cloud.boot()
        assert booted.succeeded
        api = await running_cloud.api()
        assert (await api("DELETE", "nova-api", f"/v2.1/servers/{booted.server_id}"))[0] == 204
        server = await api.until(booted.server_id, "ERROR", "GONE")
    assert server["fault"]["message"].endswith("aborted: it was still deleting after 0.3 s.")


async def test_a_delete_that_fails_says_why_and_works_when_tried_again() -> None:
    """Neutron is away when the server is deleted, and back for the second try."""
    async with in_parts(all_but("neutron-server")) as (running_cloud, broker):
        async with part(running_cloud, broker.url, "neutron-server"):
            booted = await running_cloud.boot()
        api = await running_cloud.api()
        path = f"/v2.1/servers/{booted.server_id}"
        assert (await api("DELETE", "nova-api", path))[0] == 204
        server = await api.until(booted.server_id, "ERROR", "GONE")
        assert f"Deletion of instance {booted.server_id} aborted: Cannot connect to" in server["fault"]["message"]
        async with part(running_cloud, broker.url, "neutron-server"):
            assert (await api("DELETE", "nova-api", path))[0] == 204
            await api.until(booted.server_id, "GONE")


async def test_a_scheduler_without_hosts_waits_for_the_first_report() -> None:
    """The compute host starts after the request: the scheduler waits for its first report."""
    async with in_parts(all_but("nova-compute")) as (running_cloud, broker):
        booting = asyncio.create_task(running_cloud.boot())
        async with compute_host(running_cloud, broker.url):
            booted = await booting
    assert booted.succeeded, booted.fault


async def test_a_host_that_shut_down_is_not_chosen_until_it_is_back() -> None:
    async with in_parts(all_but("nova-compute")) as (running_cloud, broker):
        for _ in range(2):
            async with compute_host(running_cloud, broker.url):
                there = await running_cloud.boot()
            gone = await running_cloud.boot()
            assert there.succeeded, there.fault
            assert gone.fault.startswith("No valid host was found. ")


async def test_services_survive_a_broker_that_goes_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.runtime.amqp_bus.PUBLISH_SECONDS", 0.3)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    first = Broker(listener)
    await first.__aenter__()
    async with start_cloud(amqp_url=first.url) as running_cloud:
        assert (await running_cloud.boot()).succeeded
        await first.__aexit__(None, None, None)
        api = await running_cloud.api()
        status, body = await api.create()
        assert (status, list(body)) == (503, ["serviceUnavailable"])
        async with Broker(socket.create_server(("127.0.0.1", port))), asyncio.timeout(30):
            # each service reconnects by itself
            await eventually(api.create, lambda seen: seen[0] == 202)
            booted = await running_cloud.boot()
            assert booted.succeeded, booted.fault


async def test_a_message_whose_consumer_was_cut_off_is_redelivered_and_marked(amqp_url: str) -> None:
    """A consumer takes the message and disconnects; then the scheduler gets it, marked as redelivered."""
    async with in_parts(all_but("nova-scheduler"), amqp_url=amqp_url) as (running_cloud, _):
        async with await aio_pika.connect(amqp_url) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue("scheduler", durable=True, arguments=DEAD_LETTERS)
            await queue.bind("nova", "scheduler")
            taken = asyncio.Event()

            async def take(_: object) -> None:
                taken.set()

            await queue.consume(take)
            booting = asyncio.create_task(running_cloud.boot())
            await taken.wait()
        async with part(running_cloud, amqp_url, "nova-scheduler"):
            booted = await booting
    assert booted.succeeded, booted.fault
    trace = trace_of(running_cloud, booted.trace_id)
    again = next(span for span in trace.spans if span.name == "process nova:scheduler")
    assert again.attributes["openstack.amqp.redelivered"] is True


async def test_no_secret_is_on_a_span_an_event_or_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with start_cloud() as running_cloud:
        await running_cloud.boot()
        await running_cloud.boot(BootRequest(image="nope"))
        api = await running_cloud.api()
        await api("GET", "nova-api", "/v2.1/servers")
        async with running_cloud.session.post(
            running_cloud.cloud.endpoints["keystone"] + "/v3/auth/tokens",
            json={"auth": {"identity": {"password": "secret"}}},
        ) as response:
            assert response.status == 400
    for span in spans_from_sdk(running_cloud.export.kept):
        texts = [span.name, span.message, *span.attributes.values()]
        texts += [value for event in span.events for value in event.attributes.values()]
        for text in map(str, texts):
            assert not re.search(r"secret|gAAAA|X-Auth-Token|password\W+[^/\s]", text), f"{span}: {text}"
    assert not re.search("secret|gAAAA", caplog.text)


def test_ids_of_the_seed_data_are_derived_from_names_and_uuids_stay() -> None:
    known = resource_id("image", "cirros")
    assert resource_id("image", known) == known
    assert resource_id("network", "cirros") != known

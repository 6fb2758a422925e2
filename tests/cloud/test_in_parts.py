"""When a service of a cloud in parts is missing: faults name it, and the others wait for it or go on without it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
import pytest
from aiohttp import web

from tests.cloud.in_parts import all_but, compute_host, in_parts, part
from tests.conftest import DEAD_LETTERS, REFERENCE, trace_of


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


@pytest.mark.long_wait
async def test_nova_api_survives_a_deadline_while_the_bus_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.runtime.amqp_bus.PUBLISH_SECONDS", 0.3)
    async with in_parts(build_seconds=6) as (running_cloud, broker):
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


@pytest.mark.long_wait
async def test_a_delete_that_no_host_answers_ends_in_error_not_in_deleting() -> None:
    async with in_parts(all_but("nova-compute"), build_seconds=6) as (running_cloud, broker):
        async with compute_host(running_cloud, broker.url):
            booted = await running_cloud.boot()
        assert booted.succeeded
        api = await running_cloud.api()
        assert (await api("DELETE", "nova-api", f"/v2.1/servers/{booted.server_id}"))[0] == 204
        server = await api.until(booted.server_id, "ERROR", "GONE")
    assert server["fault"]["message"].endswith("aborted: it was still deleting after 6 s.")


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

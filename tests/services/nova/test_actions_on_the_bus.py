"""Server actions as messages: delivered twice, malformed, late, or to a host that is stopped or gone."""

import json

import aio_pika
import pytest

from spantree import spans_from_sdk
from tests.cloud.in_parts import compute_host, in_parts
from tests.conftest import Api, RunningCloud, start_cloud
from tests.support.nova import CONSOLE, HARD, SOFT, STOP, a_server, act, shown, wait_until_idle


async def boots(api: Api, server_id: str) -> int:
    status, body = await act(api, server_id, {"os-getConsoleOutput": {"length": None}})
    assert status == 200
    return str(body["output"]).count("trace_id=")


async def test_a_message_that_is_delivered_twice_is_handled_once() -> None:
    async with start_cloud() as running_cloud:
        api = await running_cloud.api()
        server_id = await a_server(api)
        crash = {"baggage": "emulator.fault=compute.crash_before_ack"}
        assert (await act(api, server_id, SOFT, headers=crash))[0] == 202
        assert (await wait_until_idle(api, server_id))["status"] == "ACTIVE"
        async with await aio_pika.connect(running_cloud.cloud.amqp_url) as connection:
            exchange = await (await connection.channel()).get_exchange("nova")
            arguments = {"server_id": server_id, "reboot_type": "HARD"}
            inner = {"method": "reboot_instance", "args": arguments, "_unique_id": "twice"}
            body = json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(inner)}).encode()
            for _ in range(2):
                await exchange.publish(aio_pika.Message(body, correlation_id="req-" + "7" * 32), "compute.compute-1")
        assert running_cloud.cloud.broker is not None
        await running_cloud.cloud.broker.settled("req-" + "7" * 32)
        assert await boots(api, server_id) == 3
    twice = [
        span for span in spans_from_sdk(running_cloud.export.kept) if "openstack.amqp.duplicate" in span.attributes
    ]
    assert [span.name for span in twice if span.kind == "consumer"] == ["process nova:compute.{host}"] * 2


@pytest.mark.long_wait
async def test_an_action_on_a_stopped_host_is_aborted_with_a_reason() -> None:
    """The deadline, which the server's build has too, leaves time for the build on a busy machine."""
    everyone_but_compute = ("keystone", "neutron-server", "glance-api", "nova-api", "nova-scheduler")
    async with in_parts(everyone_but_compute, build_seconds=5) as (running_cloud, broker):
        async with compute_host(running_cloud, broker.url):
            api = await running_cloud.api()
            server_id = await a_server(api)
        headers = {"X-Emulator-Request-ID": "req-" + "5" * 32}
        assert (await act(api, server_id, STOP, headers=headers))[0] == 202
        assert (await shown(api, server_id))["OS-EXT-STS:task_state"] == "powering-off"
        server = await wait_until_idle(api, server_id)
        assert (server["status"], "fault" in server) == ("ACTIVE", False)
        path = f"/v2.1/servers/{server_id}/os-instance-actions/{headers['X-Emulator-Request-ID']}"
        version = {"X-OpenStack-Nova-API-Version": "2.84"}
        action = (await api("GET", "nova-api", path, headers=version))[1]["instanceAction"]
        [event] = action["events"]
        assert (action["message"], event["result"]) == ("Error", "Error")
        assert event["details"].endswith("aborted: it was still powering-off after 5 s.")
        status, refusal = await act(api, server_id, CONSOLE)
        assert (status, refusal["serviceUnavailable"]["code"]) == (503, 503)
        assert refusal["serviceUnavailable"]["message"].startswith("nova:compute.compute-1 did not reply to")


async def test_an_action_is_refused_if_the_host_has_no_queue(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api()
    server_id = await a_server(api)
    async with await aio_pika.connect(running_cloud.cloud.amqp_url) as connection:
        await (await connection.channel()).queue_delete("compute.compute-1")
    for body in (STOP, HARD, CONSOLE):
        status, refusal = await act(api, server_id, body)
        assert (status, list(refusal)) == (503, ["serviceUnavailable"])
    assert (await shown(api, server_id))["OS-EXT-STS:task_state"] is None
    listed = (await api("GET", "nova-api", f"/v2.1/servers/{server_id}/os-instance-actions"))[1]["instanceActions"]
    assert [action["action"] for action in listed] == ["create"]
    await api.gone(server_id)


async def test_a_malformed_message_or_an_unknown_instance_fails_only_the_action() -> None:
    everyone_but_compute = ("keystone", "neutron-server", "glance-api", "nova-api", "nova-scheduler")
    async with in_parts(everyone_but_compute) as (running_cloud, broker):
        async with compute_host(running_cloud, broker.url):
            api = await running_cloud.api()
            server_id = await a_server(api)
        assert (await act(api, server_id, STOP))[0] == 202
        await publish_dead_letter(broker.url, server_id)
        assert (await wait_until_idle(api, server_id))["status"] == "ACTIVE"
        async with compute_host(running_cloud, broker.url):
            assert (await act(api, server_id, HARD))[0] == 202
            assert (await wait_until_idle(api, server_id))["status"] == "ACTIVE"
            assert (await act(api, server_id, CONSOLE))[0] == 404
            listed = (await api("GET", "nova-api", f"/v2.1/servers/{server_id}/os-instance-actions"))[1]
            assert [(each["action"], each["message"]) for each in listed["instanceActions"]] == [
                ("reboot", "Error"),
                ("stop", "Error"),
                ("create", None),
            ]
            await api.gone(server_id)


async def test_updates_of_an_action_are_ignored_while_a_server_is_deleted() -> None:
    everyone_but_compute = ("keystone", "neutron-server", "glance-api", "nova-api", "nova-scheduler")
    async with in_parts(everyone_but_compute) as (running_cloud, broker):
        async with compute_host(running_cloud, broker.url):
            api = await running_cloud.api()
            server_id = await a_server(api)
        assert (await api("DELETE", "nova-api", f"/v2.1/servers/{server_id}"))[0] == 204
        update = {"server_id": server_id, "vm_state": "stopped", "action": "stop", "host": "compute-1"}
        inner = {"method": "instance_update", "args": update, "_unique_id": "late"}
        body = json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(inner)}).encode()
        async with await aio_pika.connect(broker.url) as connection:
            exchange = await (await connection.channel()).get_exchange("nova")
            await exchange.publish(aio_pika.Message(body, correlation_id="req-" + "8" * 32), "api")
        await broker.settled("req-" + "8" * 32)
        server = await shown(api, server_id)
        assert (server["status"], server["OS-EXT-STS:task_state"]) == ("ACTIVE", "deleting")


async def publish_dead_letter(amqp_url: str, server_id: str) -> None:
    """Publish a message that cannot be decoded to the dead-letter queue."""
    async with await aio_pika.connect(amqp_url) as connection:
        exchange = await (await connection.channel()).get_exchange("nova")
        await exchange.publish(aio_pika.Message(b"garbled", headers={"openstack-server-id": server_id}), "dead_letters")

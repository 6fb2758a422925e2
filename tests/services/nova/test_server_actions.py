"""Server actions: each action in each state, the task state meanwhile, and the traces."""

import asyncio
import json
from typing import Any

import aio_pika
import pytest

from emulator.cloud import Settings
from spantree import spans_from_sdk, tree, trees
from tests.cloud.test_failures import compute_host, in_parts
from tests.conftest import Api, RunningCloud, start_cloud
from tests.support.nova import (
    ACTIONS_TO,
    CONSOLE,
    HARD,
    PAUSE,
    RESUME,
    SOFT,
    START,
    STOP,
    SUSPEND,
    UNPAUSE,
    Body,
    a_server,
    act,
    shown,
    wait_until_idle,
)

VM_STATES = {"ACTIVE": "active", "SHUTOFF": "stopped", "PAUSED": "paused", "SUSPENDED": "suspended"}
POWER_STATES = {"ACTIVE": 1, "SHUTOFF": 4, "PAUSED": 3, "SUSPENDED": 4}

ALLOWED = [
    (STOP, {"ACTIVE"}, "SHUTOFF"),
    (START, {"SHUTOFF"}, "ACTIVE"),
    (SOFT, {"ACTIVE"}, "ACTIVE"),
    (HARD, {"ACTIVE", "SHUTOFF", "PAUSED", "SUSPENDED"}, "ACTIVE"),
    (PAUSE, {"ACTIVE"}, "PAUSED"),
    (UNPAUSE, {"PAUSED"}, "ACTIVE"),
    (SUSPEND, {"ACTIVE"}, "SUSPENDED"),
    (RESUME, {"SUSPENDED"}, "ACTIVE"),
]
"""Each action, the states that allow it, and the state that it leads to."""


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("status", ACTIONS_TO)
@pytest.mark.parametrize(("body", "allowed", "becomes"), ALLOWED, ids=[str(body) for body, _, _ in ALLOWED])
async def test_an_action_runs_only_in_the_states_that_allow_it(
    shared_cloud: RunningCloud, body: Body, allowed: set[str], becomes: str, status: str
) -> None:
    api = await shared_cloud.api()
    [action] = (name.removeprefix("os-") for name in body)
    server_id = await a_server(api, status)
    code, refusal = await act(api, server_id, body)
    if status in allowed:
        assert (code, refusal) == (202, None)
        server = await wait_until_idle(api, server_id)
        assert server["status"] == becomes
        assert server["OS-EXT-STS:vm_state"] == VM_STATES[becomes]
        assert server["OS-EXT-STS:power_state"] == POWER_STATES[becomes]
    else:
        expected = f"Cannot '{action}' instance {server_id} while it is in vm_state {VM_STATES[status]}"
        assert (code, refusal) == (409, {"conflictingRequest": {"code": 409, "message": expected}})
    await api.gone(server_id)
    assert (await api("GET", "neutron-server", f"/v2.0/ports?device_id={server_id}"))[1]["ports"] == []


async def test_a_server_that_is_not_built_can_only_be_deleted(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api()
    _, body = await api.create(headers={"baggage": "emulator.fault=compute.hang"})
    building = body["server"]["id"]
    _, body = await api.create(flavorRef="m1.huge")
    failed = body["server"]["id"]
    await api.until(failed, "ERROR")
    for action, _, _ in ALLOWED:
        [name] = (name.removeprefix("os-") for name in action)
        status, refusal = await act(api, building, action)
        assert status == 409
        assert refusal["conflictingRequest"]["message"] == (
            f"Cannot '{name}' instance {building} while it is in vm_state building"
        )
        assert (await act(api, failed, action))[0] == 409
    status, refusal = await act(api, failed, STOP)
    assert refusal["conflictingRequest"]["message"] == f"Instance {failed} is in an invalid state for 'stop'"
    await api.gone(building)
    await api.gone(failed)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"resize": {"flavorRef": "m1.small"}}, "There is no such action: resize"),
        ({}, "Malformed request body"),
        ({"os-stop": None, "os-start": None}, "Malformed request body"),
        ({"reboot": None}, "Invalid input for field reboot"),
        ({"reboot": {}}, "Invalid input for field reboot.type"),
        ({"reboot": {"type": "MAYBE"}}, "Invalid input for field reboot.type"),
        ({"lock": {"locked_reason": 7}}, "Invalid input for field lock.locked_reason"),
        ({"os-getConsoleOutput": {"length": -2}}, "Invalid input for field os-getConsoleOutput.length"),
        ({"os-getVNCConsole": {"type": "novnc"}}, "Unavailable console type novnc."),
        ({"os-getVNCConsole": {"type": 5}}, "Invalid input for field os-getVNCConsole.type: Expected `str | null`"),
        ({"os-getSerialConsole": 5}, "Invalid input for field os-getSerialConsole: "),
        ({"os-stop": 5}, "Invalid input for field os-stop: "),
        ({"pause": {"hard": True}}, "Invalid input for field pause.hard: "),
        ([], "Invalid input"),
    ],
)
async def test_an_invalid_action_names_the_field(running_cloud: RunningCloud, body: Any, text: str) -> None:
    api = await running_cloud.api()
    status, refusal = await act(api, (await api.create())[1]["server"]["id"], body)
    assert status == 400
    assert text in refusal["badRequest"]["message"]


async def test_another_projects_server_is_not_found(running_cloud: RunningCloud) -> None:
    demo, other, nobody = (
        await running_cloud.api("demo"),
        await running_cloud.api("alt_demo"),
        Api(running_cloud.session, running_cloud.cloud, ""),
    )
    server_id = await a_server(demo)
    requests = [
        ("POST", "/action", STOP),
        ("POST", "/action", CONSOLE),
        ("POST", "/remote-consoles", {"remote_console": {"protocol": "vnc", "type": "novnc"}}),
        ("PUT", "", {"server": {"name": "mine"}}),
        ("POST", "/metadata", {"metadata": {"a": "b"}}),
        ("PUT", "/metadata/a", {"meta": {"a": "b"}}),
        ("DELETE", "/metadata/a", None),
        *(
            ("GET", path, None)
            for path in ("/metadata", "/ips", "/os-interface", "/os-instance-actions", "/os-security-groups")
        ),
    ]
    for method, path, body in requests:
        status, refusal = await other(method, "nova-api", f"/v2.1/servers/{server_id}{path}", json=body)
        assert (status, list(refusal)) == (404, ["itemNotFound"]), f"{method} {path}"
        assert (await nobody(method, "nova-api", f"/v2.1/servers/{server_id}{path}", json=body))[0] == 401
    assert (await wait_until_idle(demo, server_id))["status"] == "ACTIVE"


async def test_only_admins_change_a_locked_server(running_cloud: RunningCloud) -> None:
    demo = await running_cloud.api("demo")
    server_id = await a_server(demo)
    path = f"/v2.1/servers/{server_id}"
    assert await act(demo, server_id, {"lock": {"locked_reason": "mine"}}) == (202, None)
    for status, refusal in (
        await act(demo, server_id, STOP),
        await demo("DELETE", "nova-api", path),
        await demo("POST", "nova-api", f"{path}/metadata", json={"metadata": {"a": "b"}}),
    ):
        assert (status, refusal["conflictingRequest"]["message"]) == (409, f"Instance {server_id} is locked")
    assert await act(demo, server_id, {"unlock": None}) == (202, None)
    assert await act(demo, server_id, STOP) == (202, None)


async def test_an_owner_neither_removes_nor_replaces_an_admins_lock(running_cloud: RunningCloud) -> None:
    admin, demo, headers = (
        await running_cloud.api(),
        await running_cloud.api("demo"),
        {"X-OpenStack-Nova-API-Version": "2.73"},
    )
    server_id = await a_server(demo)
    path = f"/v2.1/servers/{server_id}"

    async def reason() -> str | None:
        server = (await demo("GET", "nova-api", path, headers=headers))[1]["server"]
        assert server["locked"]
        return str(server["locked_reason"])

    assert await act(demo, server_id, {"lock": {"locked_reason": "mine"}}) == (202, None)
    assert await act(admin, server_id, {"lock": {"locked_reason": "abuse"}}) == (202, None)
    expected = "Policy doesn't allow os_compute_api:os-lock-server:unlock:unlock_override to be performed."
    for _ in range(2):
        status, refusal = await act(demo, server_id, {"unlock": None})
        assert (status, refusal["forbidden"]["message"]) == (403, expected)
        assert await act(demo, server_id, {"lock": {"locked_reason": "mine"}}) == (202, None), "no error, as in nova"
        assert await reason() == "abuse"
    assert (await act(demo, server_id, STOP))[0] == 409
    assert await act(admin, server_id, {"unlock": None}) == (202, None)
    assert await act(demo, server_id, STOP) == (202, None)


async def test_force_delete_deletes(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api()
    server_id = await a_server(api)
    assert await act(api, server_id, {"forceDelete": None}) == (202, None)
    await api.until(server_id, "GONE")


STOPPING = tree("""
nova-api: POST /v2.1/servers/{server_id}/action (server) {http.response.status_code=202}
  nova-api: publish nova:compute.{host} (producer) {openstack.rpc.method=stop_instance}
    nova-compute: process nova:compute.{host} (consumer)
      nova-compute: power off
      nova-compute: publish nova:api (producer) {openstack.rpc.method=instance_update}
        nova-api: process nova:api (consumer)
          nova-api: ack nova:api (client)
      nova-compute: ack nova:compute.{host} (client)
""")

REBOOTING = tree("""
nova-api: POST /v2.1/servers/{server_id}/action (server) {http.response.status_code=202}
  nova-api: publish nova:compute.{host} (producer) {openstack.rpc.method=reboot_instance}
    nova-compute: process nova:compute.{host} (consumer)
      # task_state reboot_started
      nova-compute: publish nova:api (producer) {openstack.rpc.method=instance_update}
        nova-api: process nova:api (consumer)
          nova-api: ack nova:api (client)
      nova-compute: reboot
      nova-compute: publish nova:api (producer) {openstack.rpc.method=instance_update}
        nova-api: process nova:api (consumer)
          nova-api: ack nova:api (client)
      nova-compute: ack nova:compute.{host} (client)
""")


async def test_an_action_and_its_consequences_are_one_valid_trace() -> None:
    async with start_cloud() as running_cloud:
        api = await running_cloud.api()
        server_id = await a_server(api)
        for body in (STOP, HARD):
            await act(api, server_id, body)
            await wait_until_idle(api, server_id)
    acted = [
        trace for trace in trees(spans_from_sdk(running_cloud.export.kept)) if trace.roots[0].name.endswith("/action")
    ]
    stopping, rebooting = sorted(acted, key=lambda trace: trace.roots[0].start)
    assert stopping == STOPPING
    assert rebooting == REBOOTING
    for trace in acted:
        assert trace.check() == []
        assert {span.attributes["openstack.server.id"] for span in trace.spans} == {server_id}
        assert len({span.attributes["openstack.request.id"] for span in trace.spans}) == 1


async def test_the_task_state_shows_the_action_in_progress() -> None:
    """On a slow host the API shows the task state, allows only a hard reboot meanwhile, and then shows the result."""
    tasks = [
        (STOP, "powering-off", "ACTIVE", "stop"),
        (START, "powering-on", "SHUTOFF", "start"),
        (SOFT, "reboot_started", "REBOOT", "reboot"),
        (HARD, "reboot_started_hard", "HARD_REBOOT", "reboot"),
    ]
    async with start_cloud(Settings(pace=0.2)) as running_cloud:
        api = await running_cloud.api()
        server_id = await a_server(api)
        for body, task_state, status, action in tasks:
            assert (await act(api, server_id, body))[0] == 202
            while (server := await shown(api, server_id))["OS-EXT-STS:task_state"] != task_state:
                assert server["OS-EXT-STS:task_state"] is not None, f"{body} was over before it was {task_state}"
            assert server["status"] == status
            code, refusal = await act(api, server_id, START if status == "SHUTOFF" else SOFT)
            name = "start" if status == "SHUTOFF" else "reboot"
            expected = f"Cannot '{name}' instance {server_id} while it is in task_state {task_state}"
            assert (code, refusal["conflictingRequest"]["message"]) == (409, expected), action
            await wait_until_idle(api, server_id)
        for body in (SOFT, HARD, HARD):
            assert (await act(api, server_id, body))[0] == 202
        assert (await wait_until_idle(api, server_id))["status"] == "ACTIVE"
        assert (await act(api, server_id, STOP))[0] == 202
        await api.gone(server_id)


async def test_a_server_can_be_deleted_during_any_action() -> None:
    async with start_cloud(Settings(pace=0.05)) as running_cloud:
        api = await running_cloud.api()

        async def live(*bodies: dict[str, Any]) -> None:
            server_id = await a_server(api)
            for body in bodies:
                assert (await act(api, server_id, body))[0] == 202
            await api.gone(server_id)
            path = f"/v2.1/servers/{server_id}/os-instance-actions"
            newest = {"X-OpenStack-Nova-API-Version": "2.96"}
            actions = (await api("GET", "nova-api", path, headers=newest))[1]["instanceActions"]
            assert len(actions) == 2 + len(bodies)
            for action in actions:
                events = (await api("GET", "nova-api", f"{path}/{action['request_id']}", headers=newest))[1]
                assert all(event["finish_time"] for event in events["instanceAction"]["events"]), action

        await asyncio.gather(live(STOP), live(SOFT), live(HARD), live(PAUSE), live(SUSPEND), live())
        assert (await api("GET", "neutron-server", "/v2.0/ports"))[1]["ports"] == []


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


async def test_an_action_on_a_stopped_host_is_aborted_with_a_reason() -> None:
    everyone_but_compute = ("keystone", "neutron-server", "glance-api", "nova-api", "nova-scheduler")
    async with in_parts(everyone_but_compute, build_seconds=1) as (running_cloud, broker):
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
        assert event["details"].endswith("aborted: it was still powering-off after 1 s.")
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


async def test_concurrent_actions_on_many_servers_all_end(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api()
    servers = await asyncio.gather(*(a_server(api) for _ in range(8)))

    async def live(server_id: str) -> None:
        for body, status in ((STOP, "SHUTOFF"), (START, "ACTIVE"), (HARD, "ACTIVE")):
            assert (await act(api, server_id, body))[0] == 202
            assert (await wait_until_idle(api, server_id))["status"] == status
        await api.gone(server_id)

    await asyncio.gather(*(live(server_id) for server_id in servers))
    assert (await api("GET", "neutron-server", "/v2.0/ports"))[1]["ports"] == []

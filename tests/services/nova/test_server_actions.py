"""Server actions: each action in each state, the task state meanwhile, and the traces."""

import asyncio
from typing import Any

import pytest

from emulator.cloud import Settings
from spantree import spans_from_sdk, tree, trees
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
    message,
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


async def test_an_admin_resets_the_state_of_a_server(running_cloud: RunningCloud) -> None:
    admin, demo = await running_cloud.api(), await running_cloud.api("demo")
    server_id = await a_server(demo)
    status, body = await act(demo, server_id, {"os-resetState": {"state": "error"}})
    assert (status, "os-admin-actions:reset_state" in message(body)) == (403, True)
    for state, expected in (("error", "ERROR"), ("active", "ACTIVE")):
        assert await act(admin, server_id, {"os-resetState": {"state": state}}) == (202, None)
        server = await shown(demo, server_id)
        assert (server["status"], server["OS-EXT-STS:task_state"], "fault" in server) == (expected, None, False)
    status, body = await act(admin, server_id, {"os-resetState": {"state": "stopped"}})
    assert (status, "field os-resetState.state" in message(body)) == (400, True)
    assert await act(admin, server_id, {"os-resetState": {"state": "error"}}) == (202, None)
    await demo.gone(server_id)

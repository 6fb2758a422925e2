"""Instance actions: found by their request id, even after the server was deleted."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio

from emulator.cloud import Settings
from emulator.runtime.export import Export
from emulator.runtime.request_context import ServiceContext, request_scope
from emulator.runtime.seeded_random import SeededRandom
from emulator.services.nova.objects.instance_action import InstanceActions
from tests.conftest import Api, RunningCloud, eventually, start_cloud
from tests.support.nova import HARD, START, STOP, a_server, act, wait_until_idle

NEWEST = {"X-OpenStack-Nova-API-Version": "2.96"}
NOBODY = "req-00000000-0000-4000-8000-000000000000"
ALWAYS = {"action", "instance_uuid", "request_id", "user_id", "project_id", "start_time", "message"}
EVENT = {"event", "start_time", "finish_time", "result"}


def in_version(version: str) -> dict[str, str]:
    return {"X-OpenStack-Nova-API-Version": version}


async def listed(api: Api, server_id: str, headers: dict[str, str] | None = None, query: str = "") -> Any:
    path = f"/v2.1/servers/{server_id}/os-instance-actions{query}"
    return await api("GET", "nova-api", path, headers=NEWEST if headers is None else headers)


async def shown(api: Api, server_id: str, request_id: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    status, body = await listed(api, server_id, headers, f"/{request_id}")
    assert status == 200
    action: dict[str, Any] = body["instanceAction"]
    return action


async def finished(api: Api, server_id: str, request_id: str) -> list[tuple[str, str, str | None]]:
    """Wait until all events of an action have finished. Returns name, result and host of each."""
    action = await eventually(
        lambda: shown(api, server_id, request_id),
        lambda seen: bool(seen["events"]) and all(event["finish_time"] for event in seen["events"]),
    )
    return [(event["event"], event["result"], event["host"]) for event in action["events"]]


async def test_every_action_is_found_by_the_request_id_that_the_api_answered(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api()
    server_id = await a_server(api)
    path = f"{running_cloud.cloud.endpoints['nova-api']}/v2.1/servers/{server_id}"
    answered = []
    for body in (STOP, START, HARD, {"lock": None}, {"unlock": None}):
        async with running_cloud.session.post(
            f"{path}/action", json=body, headers={"X-Auth-Token": api.token}
        ) as response:
            answered.append(response.headers["X-OpenStack-Request-ID"])
        await wait_until_idle(api, server_id)
    async with running_cloud.session.delete(path, headers={"X-Auth-Token": api.token}) as response:
        answered.append(response.headers["X-OpenStack-Request-ID"])
    await api.until(server_id, "GONE")
    actions = (await listed(api, server_id))[1]["instanceActions"]
    assert [action["request_id"] for action in actions[:-1]] == answered[::-1]
    assert [action["action"] for action in actions] == ["delete", "unlock", "lock", "reboot", "start", "stop", "create"]
    events = {action["action"]: await finished(api, server_id, action["request_id"]) for action in actions}
    on_host = {"create": "compute__do_build_and_run_instance", "delete": "compute_terminate_instance"}
    on_host |= {action: f"compute_{action}_instance" for action in ("stop", "start", "reboot")}
    assert events == {
        **{action: [(name, "Success", "compute-1")] for action, name in on_host.items()},
        "lock": [("api_lock", "Success", None)],
        "unlock": [("api_unlock", "Success", None)],
    }
    assert all(action["message"] is None for action in actions)
    for action in actions:
        [event] = (await shown(api, server_id, action["request_id"]))["events"]
        times = [action["start_time"], event["start_time"], event["finish_time"], action["updated_at"]]
        assert times == sorted(times)
        assert all(datetime.fromisoformat(time) for time in times)


@pytest.mark.parametrize(
    ("version", "user", "action", "event"),
    [
        ("2.1", "demo", set(), None),
        ("2.1", "admin", set(), {"traceback"}),
        ("2.51", "demo", set(), set()),
        ("2.58", "demo", {"updated_at"}, set()),
        ("2.62", "demo", {"updated_at"}, {"hostId"}),
        ("2.62", "admin", {"updated_at"}, {"hostId", "host", "traceback"}),
        ("2.84", "demo", {"updated_at"}, {"hostId"}),
        ("2.84", "admin", {"updated_at"}, {"hostId", "host", "traceback", "details"}),
    ],
)
async def test_the_fields_depend_on_the_microversion_and_the_user(
    running_cloud: RunningCloud, version: str, user: str, action: set[str], event: set[str] | None
) -> None:
    api = await running_cloud.api(user)
    server_id = await a_server(api)
    headers = in_version(version)
    [entry] = (await listed(api, server_id, headers))[1]["instanceActions"]
    found = await shown(api, server_id, entry["request_id"], headers)
    assert set(entry) == ALWAYS | action
    assert set(found) == ALWAYS | action | ({"events"} if event is not None else set())
    if event is not None:
        assert [set(each) for each in found["events"]] == [EVENT | event]


async def test_a_server_without_a_valid_host_has_a_failed_conductor_event(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api()
    server_id = (await api.create(flavorRef="m1.huge"))[1]["server"]["id"]
    await api.until(server_id, "ERROR")
    [action] = (await listed(api, server_id))[1]["instanceActions"]
    assert action["message"] == "Error"
    [event] = (await shown(api, server_id, action["request_id"]))["events"]
    assert (event["event"], event["result"]) == ("conductor_schedule_and_build_instances", "Error")
    assert event["details"].startswith("No valid host was found.")


async def test_every_host_that_tried_a_build_has_an_event() -> None:
    async with start_cloud(computes=3) as running_cloud:
        api = await running_cloud.api()
        _, body = await api.create(headers={"baggage": "emulator.fault=compute.spawn_failed"})
        server_id = body["server"]["id"]
        await api.until(server_id, "ERROR")
        [action] = (await listed(api, server_id))[1]["instanceActions"]
        events = await finished(api, server_id, action["request_id"])
    assert [(name, result) for name, result, _ in events] == [
        ("compute__do_build_and_run_instance", result) for result in ("Success", "Success", "Error")
    ]
    assert sorted(str(host) for _, _, host in events) == ["compute-1", "compute-2", "compute-3"]


async def test_a_build_past_its_deadline_has_a_failed_event() -> None:
    async with start_cloud(Settings(pace=0, build_seconds=3)) as running_cloud:
        api = await running_cloud.api()
        _, body = await api.create(headers={"baggage": "emulator.fault=compute.hang"})
        server_id = body["server"]["id"]
        await api.until(server_id, "ERROR")
        [action] = (await listed(api, server_id))[1]["instanceActions"]
        [event] = (await shown(api, server_id, action["request_id"]))["events"]
    assert (action["message"], event["result"]) == ("Error", "Error")
    assert event["details"].endswith("aborted: it was still spawning after 3 s.")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def five_actions(shared_cloud: RunningCloud) -> AsyncIterator[tuple[Api, str]]:
    """A server with five actions: one user, and the server's id."""
    api = await shared_cloud.api()
    server_id = await a_server(api)
    for action in ("lock", "unlock", "lock", "unlock"):
        await act(api, server_id, {action: None})
    yield api, server_id
    await api.gone(server_id)


@pytest.mark.asyncio(loop_scope="module")
async def test_actions_are_paged_latest_first(five_actions: tuple[Api, str]) -> None:
    api, server_id = five_actions
    everything = [action["request_id"] for action in (await listed(api, server_id))[1]["instanceActions"]]
    assert len(everything) == 5
    _, first = await listed(api, server_id, query="?limit=2")
    assert [action["request_id"] for action in first["instanceActions"]] == everything[:2]
    assert f"marker={everything[1]}" in first["links"][0]["href"]
    _, rest = await listed(api, server_id, query=f"?marker={everything[1]}")
    assert [action["request_id"] for action in rest["instanceActions"]] == everything[2:]
    assert "links" not in rest


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("query", "found"), [("changes-since", 0), ("changes-before", 5)])
async def test_actions_are_filtered_by_time(five_actions: tuple[Api, str], query: str, found: int) -> None:
    api, server_id = five_actions
    _, body = await listed(api, server_id, query=f"?{query}=2199-01-01T00:00:00Z")
    assert len(body["instanceActions"]) == found


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("query", ["changes-since=yesterday", f"marker={NOBODY}", "limit=-1"])
async def test_an_invalid_query_for_actions_is_a_bad_request(five_actions: tuple[Api, str], query: str) -> None:
    api, server_id = five_actions
    status, refusal = await listed(api, server_id, query=f"?{query}")
    assert (status, refusal["badRequest"]["code"]) == (400, 400)


def test_the_actions_of_the_last_1000_deleted_servers_are_kept() -> None:
    actions, rng = InstanceActions(), SeededRandom()
    with request_scope(ServiceContext("nova-api", Export(None, keep=True).tracer("nova-api", rng), rng)):
        for number in range(1002):
            actions.start(f"server-{number}", "create", "project", "user")
        for number in range(1, 1002):
            actions.server_deleted(f"server-{number}")
    assert [len(actions.of_server(f"server-{number}")) for number in (0, 1, 2, 1001)] == [1, 0, 1, 1]


async def test_unknown_ids_and_other_projects_find_no_actions(running_cloud: RunningCloud) -> None:
    demo, other, admin = await running_cloud.api("demo"), await running_cloud.api("alt_demo"), await running_cloud.api()
    server_id = await a_server(demo)
    for api, where, query in ((other, server_id, ""), (demo, NOBODY, ""), (demo, server_id, f"/{NOBODY}")):
        status, refusal = await listed(api, where, query=query)
        assert (status, refusal["itemNotFound"]["code"]) == (404, 404)
    assert (await listed(admin, server_id))[0] == 200
    await demo.gone(server_id)
    assert (await listed(demo, server_id))[0] == 200
    assert (await listed(other, server_id))[0] == 404
    assert (await listed(demo, server_id, in_version("2.20")))[0] == 404

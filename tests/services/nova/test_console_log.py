"""The console log of a server: it describes this server's boots, and each ends with the trace id of the boot."""

from typing import Any

import pytest

from spantree import spans_from_sdk
from tests.conftest import Api, RunningCloud, start_cloud
from tests.support.nova import HARD, PAUSE, SOFT, START, STOP, a_server, act, wait_until_idle


async def console(api: Api, server_id: str, length: Any = None) -> list[str]:
    status, body = await act(api, server_id, {"os-getConsoleOutput": {"length": length}})
    assert status == 200
    return str(body["output"]).splitlines()


async def test_the_log_of_a_boot_is_this_servers_and_ends_with_its_trace_id() -> None:
    async with start_cloud() as running_cloud:
        api = await running_cloud.api()
        server_id = await a_server(api)
        before = await console(api, server_id)
        for body in (SOFT, HARD):
            await act(api, server_id, body)
            await wait_until_idle(api, server_id)
        after = await console(api, server_id)
        server = (await api("GET", "nova-api", f"/v2.1/servers/{server_id}"))[1]["server"]
    [address] = server["addresses"]["private"]
    for known in (address["addr"], address["OS-EXT-IPS-MAC:mac_addr"], server_id, f"<{server['name']}>"):
        assert any(known in line for line in before), known
    assert any(f"{512 * 1024}K available" in line for line in before)
    assert after[: len(before)] == before
    traces = [line.removeprefix("trace_id=") for line in after if line.startswith("trace_id=")]
    assert after[-1] == f"trace_id={traces[-1]}"
    spans = spans_from_sdk(running_cloud.export.kept)
    booted = [span for span in spans if span.name in {"spawn", "reboot"}]
    assert traces == [span.trace_id for span in sorted(booted, key=lambda span: span.start)]


async def test_reboots_and_shutdowns_are_in_the_console_log(running_cloud: RunningCloud) -> None:
    """A stop and a soft reboot shut the system down, a hard reboot does not; a paused server writes nothing."""
    api = await running_cloud.api()
    server_id = await a_server(api)
    counts = []
    for body in (STOP, START, SOFT, HARD, PAUSE):
        await act(api, server_id, body)
        await wait_until_idle(api, server_id)
        lines = await console(api, server_id)
        counts.append((sum("trace_id=" in line for line in lines), sum("Power down" in line for line in lines)))
    assert counts == [(1, 1), (2, 1), (3, 2), (4, 2), (4, 2)]


@pytest.mark.parametrize(
    ("length", "lines"), [(1, 1), ("3", 3), (0, 0), (100000, None), (None, None), (-1, None)], ids=str
)
async def test_a_length_returns_as_many_of_the_last_lines(
    running_cloud: RunningCloud, length: Any, lines: int | None
) -> None:
    api = await running_cloud.api()
    server_id = await a_server(api)
    whole = await console(api, server_id)
    assert await console(api, server_id, length) == (whole if lines is None else whole[len(whole) - lines :])


async def test_a_failed_server_has_no_console(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api()
    _, body = await api.create(flavorRef="m1.huge")
    server_id = body["server"]["id"]
    await api.until(server_id, "ERROR")
    status, refusal = await act(api, server_id, {"os-getConsoleOutput": {}})
    expected = f"Instance {server_id} is not ready"
    assert (status, refusal) == (409, {"conflictingRequest": {"code": 409, "message": expected}})


async def test_a_call_for_a_console_log_and_its_reply_are_one_trace() -> None:
    async with start_cloud() as running_cloud:
        api = await running_cloud.api()
        server_id = await a_server(api)
        await console(api, server_id)
    spans = spans_from_sdk(running_cloud.export.kept)
    called = next(span for span in spans if span.attributes.get("openstack.rpc.method") == "get_console_output")
    trace = {(span.service, span.name) for span in spans if span.trace_id == called.trace_id}
    assert {service for service, _ in trace} == {"nova-api", "nova-compute"}
    assert ("nova-api", "POST /v2.1/servers/{server_id}/action") in trace
    assert not any(span.failed for span in spans if span.trace_id == called.trace_id)


async def test_remote_consoles_are_not_available(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api()
    server_id = await a_server(api)
    for name, arguments, kind in (
        ("os-getVNCConsole", {"type": "xvpvnc"}, "xvpvnc"),
        ("os-getSPICEConsole", {"type": "spice-html5"}, "spice-html5"),
        ("os-getSerialConsole", None, "serial"),
    ):
        status, refusal = await act(api, server_id, {name: arguments})
        assert (status, refusal["badRequest"]["message"]) == (400, f"Unavailable console type {kind}.")
    body = {"remote_console": {"protocol": "vnc", "type": "novnc"}}
    path = f"/v2.1/servers/{server_id}/remote-consoles"
    status, refusal = await api("POST", "nova-api", path, json=body)
    assert (status, refusal["badRequest"]["message"]) == (400, "Unavailable console type novnc.")

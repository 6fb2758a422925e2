"""The console log of a guest: it tells of the guest's own boot, grows, and ends with the trace id of the boot."""

from typing import Any

import pytest

from spantree import spans_from_sdk
from tests.conftest import Api, World, a_world
from tests.support.nova import HARD, PAUSE, SOFT, START, STOP, a_server, act, at_rest


async def console(api: Api, server_id: str, length: Any = None) -> list[str]:
    status, body = await act(api, server_id, {"os-getConsoleOutput": {"length": length}})
    assert status == 200
    return str(body["output"]).splitlines()


async def test_a_boot_log_is_about_this_server_and_ends_with_the_trace_id_of_its_boot() -> None:
    async with a_world() as world:
        api = await world.api()
        server_id = await a_server(api)
        before = await console(api, server_id)
        for body in (SOFT, HARD):
            await act(api, server_id, body)
            await at_rest(api, server_id)
        after = await console(api, server_id)
        server = (await api("GET", "nova-api", f"/v2.1/servers/{server_id}"))[1]["server"]
    [address] = server["addresses"]["private"]
    for known in (address["addr"], address["OS-EXT-IPS-MAC:mac_addr"], server_id, f"<{server['name']}>"):
        assert any(known in line for line in before), known
    assert any(f"{512 * 1024}K available" in line for line in before)
    assert after[: len(before)] == before
    traces = [line.removeprefix("trace_id=") for line in after if line.startswith("trace_id=")]
    assert after[-1] == f"trace_id={traces[-1]}"
    spans = spans_from_sdk(world.export.kept)
    booted = [span for span in spans if span.name in {"spawn", "reboot"}]
    assert traces == [span.trace_id for span in sorted(booted, key=lambda span: span.start)]


async def test_what_is_done_with_a_guest_is_on_its_console(world: World) -> None:
    """A stop and a soft reboot let it go down in order, a hard reboot does not; one that sleeps writes nothing."""
    api = await world.api()
    server_id = await a_server(api)
    counts = []
    for body in (STOP, START, SOFT, HARD, PAUSE):
        await act(api, server_id, body)
        await at_rest(api, server_id)
        lines = await console(api, server_id)
        counts.append((sum("trace_id=" in line for line in lines), sum("Power down" in line for line in lines)))
    assert counts == [(1, 1), (2, 1), (3, 2), (4, 2), (4, 2)]


@pytest.mark.parametrize(
    ("length", "lines"), [(1, 1), ("3", 3), (0, 0), (100000, None), (None, None), (-1, None)], ids=str
)
async def test_a_length_is_so_many_lines_of_the_end(world: World, length: Any, lines: int | None) -> None:
    api = await world.api()
    server_id = await a_server(api)
    whole = await console(api, server_id)
    assert await console(api, server_id, length) == (whole if lines is None else whole[len(whole) - lines :])


async def test_a_server_that_is_not_built_has_no_console_yet(world: World) -> None:
    api = await world.api()
    _, body = await api.create(flavorRef="m1.huge")
    server_id = body["server"]["id"]
    await api.until(server_id, "ERROR")
    status, refusal = await act(api, server_id, {"os-getConsoleOutput": {}})
    words = f"Instance {server_id} is not ready"
    assert (status, refusal) == (409, {"conflictingRequest": {"code": 409, "message": words}})


async def test_the_question_for_a_console_and_its_answer_are_one_trace() -> None:
    async with a_world() as world:
        api = await world.api()
        server_id = await a_server(api)
        await console(api, server_id)
    spans = spans_from_sdk(world.export.kept)
    asked = next(span for span in spans if span.attributes.get("openstack.rpc.method") == "get_console_output")
    trace = {(span.service, span.name) for span in spans if span.trace_id == asked.trace_id}
    assert {service for service, _ in trace} == {"nova-api", "nova-compute"}
    assert ("nova-api", "POST /v2.1/servers/{server_id}/action") in trace
    assert not any(span.failed for span in spans if span.trace_id == asked.trace_id)


async def test_there_is_no_screen_to_look_at(world: World) -> None:
    api = await world.api()
    server_id = await a_server(api)
    for name, arguments, kind in (
        ("os-getVNCConsole", {"type": "xvpvnc"}, "xvpvnc"),
        ("os-getSPICEConsole", {"type": "spice-html5"}, "spice-html5"),
        ("os-getSerialConsole", None, "serial"),
    ):
        status, refusal = await act(api, server_id, {name: arguments})
        assert (status, refusal["badRequest"]["message"]) == (400, f"Unavailable console type {kind}.")
    wanted = {"remote_console": {"protocol": "vnc", "type": "novnc"}}
    path = f"/v2.1/servers/{server_id}/remote-consoles"
    status, refusal = await api("POST", "nova-api", path, json=wanted)
    assert (status, refusal["badRequest"]["message"]) == (400, "Unavailable console type novnc.")

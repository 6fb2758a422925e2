"""`emulator boot` as a user sees it: its output, its exit status, and nothing on stderr."""

import asyncio
import json
import re
import socket
import sys
from pathlib import Path

import pytest

from emulator.reference import tree_text
from spantree import SpanTree, spans_from_json, tree, trees
from tests.conftest import REFERENCE
from tests.support.jaeger import answering
from tests.support.processes import environment, run

HEARTBEAT = tree(tree_text("heartbeat"))


def boot_of(spans: str) -> SpanTree:
    return next(trace for trace in trees(spans_from_json(spans)) if trace.roots[0].name == "openstack server create")


async def test_boot_prints_what_happened_and_the_waterfall(tmp_path: Path) -> None:
    exported = tmp_path / "boot.json"
    ended = await run("boot", "web", "--pace", "0", "--otlp-json", str(exported))
    assert (ended.status, ended.err) == (0, "")
    assert re.match(r"✓ web is ACTIVE on compute-[123], 10\.0\.\d+\.\d+, after \d", ended.out)
    assert "\x1b[" not in ended.out
    trace = boot_of(exported.read_text())
    assert trace == REFERENCE
    assert f"trace {trace.trace_id} · {len(trace.spans)} spans · 7 services" in ended.out
    for steps in ("(1)(2)", "(3)(4)", "(5)(6)"):
        assert steps in ended.out
    assert "emulator boot --otlp http://localhost:4318" in ended.out


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--flavor", "m1.huge"], "No valid host was found."),
        (["--image", "nope"], "aborted at step (5), glance-api: No image found with ID nope ("),
        (["--network", "nope"], "aborted at step (3), neutron-server: Network nope ("),
        (["--flavor", "nope"], "server.flavorRef: Flavor nope could not be found. (HTTP 400)"),
    ],
)
async def test_a_failed_boot_says_why_and_exits_with_1(options: list[str], says: str) -> None:
    ended = await run("boot", "--pace", "0", *options)
    assert (ended.status, ended.err) == (1, "")
    assert ended.out.startswith("✗ demo")
    assert says in ended.out.splitlines()[0]


async def test_a_fault_is_explained_and_its_culprit_marked() -> None:
    ended = await run("boot", "--pace", "0", "--fault", "glance.image_missing")
    assert (ended.status, ended.err) == (1, "")
    assert (
        "\n⚑ glance.image_missing: glance does not have the image: 404 at step (5); look at the failed GET of "
        in ended.out
    )
    [marked] = [line for line in ended.out.splitlines() if "◄ culprit" in line]
    assert marked.startswith("glance-api ")
    assert "emulator boot --fault glance.image_missing --otlp http://localhost:4318" in ended.out


async def test_if_the_culprit_has_no_span_the_span_that_shows_it_is_marked() -> None:
    ended = await run("boot", "--pace", "0", "--fault", "trace.missing_server_span")
    [marked] = [line for line in ended.out.splitlines() if "◄ seen here" in line]
    assert re.search(r"nova-compute +GET /v2/images/\S+ 200 +\(5\)\(6\) ◄ seen here", marked)


async def test_the_other_traces_of_a_boot_are_shown_too() -> None:
    lost = await run("boot", "--pace", "0", "--fault", "trace.lost_context_amqp")
    [_] = re.findall(r"\nsame request, but not linked to this trace: trace [0-9a-f]{32} ", lost.out)
    linked = await run("boot", "--pace", "0", "--messaging-context", "link")
    assert linked.out.count("trace ") == 1
    assert "process nova:compute.{host}" in linked.out


async def test_build_timeout_ends_a_fault_that_hangs() -> None:
    ended = await run("boot", "--pace", "0", "--fault", "compute.hang", "--build-timeout", "2.5")
    assert "aborted: it was still spawning after 2.5 s." in ended.out


async def test_linked_traces_are_checked_as_one(tmp_path: Path) -> None:
    file = str(tmp_path / "boot.json")
    await run("boot", "--pace", "0", "--messaging-context", "link", "--otlp-json", file)
    for expected in (["boot-link"], ["boot", "--joined"]):
        ended = await run("check", file, "--expect", *expected)
        assert (ended.status, ended.err) == (0, ""), ended.out
    assert (await run("check", file, "--expect", "boot")).status == 1


@pytest.mark.parametrize(
    ("options", "environment"), [(["--trace-heartbeats"], {}), ([], {"EMULATOR_TRACE_HEARTBEATS": "1"})]
)
async def test_a_boot_is_one_trace_and_the_switch_adds_heartbeats(
    tmp_path: Path, options: list[str], environment: dict[str, str]
) -> None:
    file = tmp_path / "boot.json"
    await run("boot", "--pace", "0", "--otlp-json", str(file))
    assert [trace == REFERENCE for trace in trees(spans_from_json(file.read_text()))] == [True]
    await run("boot", "--pace", "0", "--otlp-json", str(file), *options, **environment)
    traces = trees(spans_from_json(file.read_text()))
    assert sum(trace == HEARTBEAT for trace in traces) >= 3
    assert sum(trace == REFERENCE for trace in traces) == 1


async def test_a_boot_with_a_fault_is_checked_by_the_name_of_the_fault(tmp_path: Path) -> None:
    file = str(tmp_path / "boot.json")
    await run("boot", "--pace", "0", "--fault", "neutron.no_free_ip", "--otlp-json", file)
    assert (await run("check", file, "--expect", "neutron.no_free_ip")).status == 0
    assert (await run("check", file, "--expect", "neutron.network_missing")).status == 1


async def test_a_wrong_password_is_refused() -> None:
    ended = await run("boot", "--pace", "0", OS_PASSWORD="wrong")
    assert (ended.status, ended.err) == (1, "")
    assert "The request you have made requires authentication. (HTTP 401)" in ended.out


async def test_control_characters_from_a_cloud_are_escaped() -> None:
    body = json.dumps({"error": {"message": "evil\x1b[31m\r\n✓ forged"}})
    with answering({"POST /v3/auth/tokens": (400, body)}) as evil:
        ended = await run("boot", "--quiet", "--keystone-url", evil.url)
        loaded = await run("load", "--wait", "0", "--keystone-url", evil.url)
    assert ended.out == "✗ demo was refused: evil\\u001b[31m\\r\\n✓ forged (HTTP 400)\n"
    assert len(loaded.err.splitlines()) == 1
    assert "\x1b" not in loaded.err


async def test_a_closed_pipe_does_not_change_the_exit_status() -> None:
    process = await asyncio.create_subprocess_shell(
        f"{sys.executable} -m emulator boot --pace 0 | head -n 1; exit ${{PIPESTATUS[0]}}",
        executable="/bin/bash",
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert (process.returncode, err.decode()) == (0, "")
    assert out.decode().startswith("✓ demo is ACTIVE")


async def test_boot_waits_for_a_missing_broker_and_then_names_it() -> None:
    ended = await run("boot", "--amqp-url", "amqp://127.0.0.1:1/", "--bus-timeout", "0.3")
    assert (ended.status, ended.out) == (1, "")
    waits, fails = ended.err.splitlines()
    assert waits == "emulator waits for the bus at amqp://127.0.0.1:1/, for up to 0.3 s"
    assert fails.startswith("emulator: no broker at amqp://127.0.0.1:1/ after 0.3 s: ")


async def test_a_broker_that_never_answers_is_named_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"amqp://127.0.0.1:{silent.getsockname()[1]}/"
        ended = await run("boot", "--amqp-url", url, "--bus-timeout", "0.3")
    assert (ended.status, ended.out) == (1, "")
    assert ended.err == f"emulator: no broker at {url} after 0.3 s: it accepts connections, but does not answer\n"

"""The command line, as a user meets it: real processes, their output, their exit status, and nothing on stderr."""

import asyncio
import json
import re
import signal
import socket
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from emulator.cli.app import app
from emulator.faults import FAULTS
from spantree import OtlpReceiver, SpanTree, spans_from_json, tree, trees
from tests.conftest import REFERENCE
from tests.support.jaeger import answering
from tests.support.processes import environment, free_port, needs_ipv6, run, started

STOPPING = "stopping: finishing what has begun\n"


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


async def test_the_json_file_holds_exactly_what_was_sent(tmp_path: Path, otlp: OtlpReceiver) -> None:
    exported = tmp_path / "boot.json"
    ended = await run("boot", "--pace", "0", "--otlp", otlp.endpoint, "--otlp-json", str(exported))
    assert ended.status == 0, ended.err
    written = spans_from_json(exported.read_text())
    sent = {span.span_id: span for trace in otlp.traces for span in trace.spans}
    assert {span.span_id: span for span in written} == sent
    assert len(written) == len(sent)
    assert all(re.fullmatch("[0-9a-f]{32}", span.trace_id) for span in written)
    assert len(json.loads(exported.read_text())["resourceSpans"]) >= 8


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--flavor", "m1.huge"], "No valid host was found."),
        (["--image", "nope"], "aborted at step (5), glance-api: No image found with ID nope ("),
        (["--network", "nope"], "aborted at step (3), neutron-server: Network nope ("),
        (["--flavor", "nope"], "server.flavorRef: Flavor nope could not be found. (HTTP 400)"),
    ],
)
async def test_a_boot_that_fails_says_why_and_exits_with_1(options: list[str], says: str) -> None:
    ended = await run("boot", "--pace", "0", *options)
    assert (ended.status, ended.err) == (1, "")
    assert ended.out.startswith("✗ demo")
    assert says in ended.out.splitlines()[0]


async def test_a_fault_is_told_in_a_sentence_and_its_culprit_is_marked() -> None:
    ended = await run("boot", "--pace", "0", "--fault", "glance.image_missing")
    assert (ended.status, ended.err) == (1, "")
    assert (
        "\n⚑ glance.image_missing: glance does not have the image: 404 at step (5); look at the failed GET of "
        in ended.out
    )
    [marked] = [line for line in ended.out.splitlines() if "◄ culprit" in line]
    assert marked.startswith("glance-api ")
    assert "emulator boot --fault glance.image_missing --otlp http://localhost:4318" in ended.out


async def test_where_the_culprit_left_no_span_the_one_that_shows_it_is_marked() -> None:
    ended = await run("boot", "--pace", "0", "--fault", "trace.missing_server_span")
    [marked] = [line for line in ended.out.splitlines() if "◄ seen here" in line]
    assert re.search(r"nova-compute +GET /v2/images/\S+ 200 +\(5\)\(6\) ◄ seen here", marked)


async def test_what_a_boot_left_in_other_traces_is_shown_too() -> None:
    lost = await run("boot", "--pace", "0", "--fault", "trace.lost_context_amqp")
    [_] = re.findall(r"\nof the same request, and nothing leads here: trace [0-9a-f]{32} ", lost.out)
    linked = await run("boot", "--pace", "0", "--messaging-context", "link")
    assert linked.out.count("trace ") == 1
    assert "process nova:compute.{host}" in linked.out


async def test_the_faults_are_listed_for_people_and_with_the_ground_truth_for_programs() -> None:
    listed, told = await asyncio.gather(run("faults"), run("faults", "--json"))
    assert (listed.status, told.status, listed.err, told.err) == (0, 0, "", "")
    truths = json.loads(told.out)["faults"]
    assert [truth["name"] for truth in truths] == list(FAULTS)
    for truth in truths:
        assert truth["name"] in listed.out
        assert truth["baggage"] == f"emulator.fault={truth['name']}"
        assert truth["culprit"]["span"].startswith(f"{truth['culprit']['service']}: ")
        assert tree(truth["tree"]).roots == [("openstack-client", "openstack server create")] or truth["found_by_check"]


async def test_a_fault_that_hangs_is_given_a_deadline_to_see_it_end() -> None:
    ended = await run("boot", "--pace", "0", "--fault", "compute.hang", "--build-timeout", "0.5")
    assert "aborted: it was still spawning after 0.5 s." in ended.out


async def test_propagators_that_take_no_baggage_along_take_no_fault() -> None:
    ended = await run("boot", "--fault", "glance.image_missing", OTEL_PROPAGATORS="tracecontext")
    assert (ended.status, ended.err) == (1, "emulator: OTEL_PROPAGATORS leaves out baggage, in which faults ride\n")


async def test_traces_that_follow_by_links_are_checked_as_one(tmp_path: Path) -> None:
    file = str(tmp_path / "boot.json")
    await run("boot", "--pace", "0", "--messaging-context", "link", "--otlp-json", file)
    for expected in (["boot-link"], ["boot", "--joined"]):
        ended = await run("check", file, "--expect", *expected)
        assert (ended.status, ended.err) == (0, ""), ended.out
    assert (await run("check", file, "--expect", "boot")).status == 1


async def test_a_broken_boot_is_checked_by_the_name_of_its_fault(tmp_path: Path) -> None:
    file = str(tmp_path / "boot.json")
    await run("boot", "--pace", "0", "--fault", "neutron.no_free_ip", "--otlp-json", file)
    assert (await run("check", file, "--expect", "neutron.no_free_ip")).status == 0
    assert (await run("check", file, "--expect", "neutron.network_missing")).status == 1


async def test_options_read_the_environment_and_os_variables_say_who_boots() -> None:
    as_demo = {"OS_USERNAME": "demo", "OS_PASSWORD": "secret", "OS_PROJECT_NAME": "demo"}
    ended = await run("boot", EMULATOR_PACE="0", EMULATOR_COUNT="11", **as_demo)
    assert ended.status == 1
    assert sum(line.startswith("✓ demo-") for line in ended.out.splitlines()) == 10  # demo's quota
    assert "was refused: Quota exceeded for instances: Requested 1, but already used 10 of 10" in ended.out
    assert " is ACTIVE, 10.0." in ended.out, "without a host, which only admins are told"


async def test_a_wrong_password_is_refused() -> None:
    ended = await run("boot", "--pace", "0", OS_PASSWORD="wrong")
    assert (ended.status, ended.err) == (1, "")
    assert "The request you have made requires authentication. (HTTP 401)" in ended.out


async def test_what_a_cloud_says_does_not_reach_the_terminal_as_it_is() -> None:
    body = json.dumps({"error": {"message": "evil\x1b[31m\r\n✓ forged"}})
    with answering({"POST /v3/auth/tokens": (400, body)}) as evil:
        ended = await run("boot", "--quiet", "--keystone-url", evil.url)
        loaded = await run("load", "--wait", "0", "--keystone-url", evil.url)
    assert ended.out == "✗ demo was refused: evil\\u001b[31m\\r\\n\\u2713 forged (HTTP 400)\n"
    assert len(loaded.err.splitlines()) == 1
    assert "\x1b" not in loaded.err


@pytest.mark.parametrize(
    ("protocol", "says"), [("http/protobuf", "sent to http://127.0.0.1:"), ("grpc", "could not be sent over OTLP")]
)
async def test_where_spans_go_is_told_without_the_password(otlp: OtlpReceiver, protocol: str, says: str) -> None:
    url = otlp.endpoint.replace("//", "//me:hunter2@")  # gRPC knows no such thing
    ended = await run("boot", "--pace", "0", "--otlp", url, OTEL_EXPORTER_OTLP_PROTOCOL=protocol)
    assert says in ended.out + ended.err
    assert "hunter2" not in ended.out + ended.err


async def test_the_reference_trace_arrives_over_grpc_too(otlp: OtlpReceiver) -> None:
    ended = await run("boot", "--pace", "0", **{**otlp.environment, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
    assert (ended.status, ended.err) == (0, "")
    assert await otlp.trace(expecting=REFERENCE) == REFERENCE


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
async def test_a_dead_collector_costs_a_warning_and_not_the_boot(protocol: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody_accepts:
        url = f"http://127.0.0.1:{nobody_accepts.getsockname()[1]}"
        ended = await run("boot", "--pace", "0", OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_EXPORTER_OTLP_PROTOCOL=protocol)
    assert ended.status == 0
    assert re.fullmatch(r"\d+ spans could not be sent over OTLP \([^\n]+\)\n", ended.err)


async def test_a_collector_that_does_not_answer_costs_neither_picture_nor_file(tmp_path: Path) -> None:
    exported = tmp_path / "boots.json"
    with socket.create_server(("127.0.0.1", 0)) as nobody_accepts:
        url = f"http://127.0.0.1:{nobody_accepts.getsockname()[1]}"
        ended = await run("boot", "--pace", "0", "--count", "20", "--otlp", url, "--otlp-json", str(exported))
    assert ended.status == 0
    written = trees(spans_from_json(exported.read_text()))
    assert not any(trace.orphans for trace in written)
    lost = sum(map(len, written))
    assert ended.err == f"{lost} spans could not be sent over OTLP (no answer in time)\n"


async def test_a_reader_that_has_seen_enough_does_not_change_the_exit_status() -> None:
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


async def test_the_sdks_own_variables_hold(tmp_path: Path) -> None:
    exported = tmp_path / "boot.json"
    resource = {"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=ci,team=a"}
    assert (await run("boot", "--pace", "0", "--otlp-json", str(exported), **resource)).status == 0
    resources = [span.resource for span in boot_of(exported.read_text()).spans]
    assert {(about["deployment.environment.name"], about["team"]) for about in resources} == {("ci", "a")}
    for silence in ({"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_SAMPLER": "always_off"}):
        ended = await run("boot", "--pace", "0", "--otlp-json", str(exported), **silence)
        assert (ended.status, ended.err) == (0, "")
        assert "There is no trace to show" in ended.out
        assert spans_from_json(exported.read_text()) == []


@pytest.mark.parametrize(
    ("protocol", "compression", "says"),
    [
        ("carrier-pigeon", "", "OTEL_EXPORTER_OTLP_PROTOCOL is 'carrier-pigeon': choose http/protobuf or grpc"),
        ("grpc", "deflate", 'Invalid value "deflate" for compression envvar OTEL_EXPORTER_OTLP_COMPRESSION'),
    ],
)
async def test_what_otlp_does_not_have_is_named(protocol: str, compression: str, says: str) -> None:
    env = {"OTEL_EXPORTER_OTLP_PROTOCOL": protocol, "OTEL_EXPORTER_OTLP_COMPRESSION": compression}
    ended = await run("boot", "--otlp", "http://127.0.0.1:1", **env)
    assert (ended.status, ended.out, ended.err) == (1, "", f"emulator: {says}\n")


async def test_a_propagator_that_is_not_installed_is_named() -> None:
    ended = await run("boot", OTEL_PROPAGATORS="carrier-pigeon")
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith("emulator: ")
    assert "carrier-pigeon" in ended.err


async def test_a_terminal_without_our_characters_gets_others() -> None:
    ended = await run("boot", "--pace", "0", PYTHONIOENCODING="ascii")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith("+ demo is ACTIVE")


async def test_a_bus_that_does_not_come_is_waited_for_and_then_named() -> None:
    ended = await run("boot", "--amqp-url", "amqp://127.0.0.1:1/", "--bus-timeout", "0.3")
    assert (ended.status, ended.out) == (1, "")
    waits, fails = ended.err.splitlines()
    assert waits == "emulator waits for the bus at amqp://127.0.0.1:1/, for 0.3 s at the most"
    assert fails.startswith("emulator: no broker at amqp://127.0.0.1:1/ after 0.3 s: ")


async def test_a_bus_that_accepts_but_never_answers_is_named_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"amqp://127.0.0.1:{silent.getsockname()[1]}/"
        ended = await run("boot", "--amqp-url", url, "--bus-timeout", "0.3")
    assert (ended.status, ended.out) == (1, "")
    assert ended.err == f"emulator: no broker at {url} after 0.3 s: it accepts connections, but does not answer\n"


@pytest.mark.parametrize(
    "wrong",
    [
        ["--amqp-url", "foo"],
        ["--amqp-url", "http://me:hunter2@localhost/"],
        ["--otlp", "http://"],
        ["--keystone-url", "localhost:5000"],
        ["--count", "0"],
        ["--pace", "-1"],
        ["--pace", "nan"],
        ["--seed", "x"],
        ["--otlp-json", "/nowhere/boot.json"],
        ["--amqp-url", "amqp://127.0.0.1:99999/"],
        ["--image", "a\x1b[31m"],
        ["--fault", "glance.image_mising"],
        ["--messaging-context", "none"],
    ],
    ids="=".join,
)
def test_an_option_that_makes_no_sense_is_named_before_anything_begins(wrong: list[str]) -> None:
    refused = CliRunner().invoke(app, ["boot", *wrong])
    assert refused.exit_code == 2
    assert f"Invalid value for '{wrong[0]}'" in refused.output
    assert "hunter2" not in refused.output


@pytest.mark.parametrize(
    "wrong",
    [
        ["--keystone-url", "http://me:hunter2@keystone:5000"],
        ["--network-url", "http://me:hunter2@neutron:9696/"],
        ["--compute-url", "http://nova-api:8774?x=1"],
        ["--image-url", "http://glance#top"],
        ["--compute-host", "x" * 201],
        ["--compute-host", "rack.*"],
        ["--public-host", "http://localhost"],
        ["--public-host", "a:b"],
    ],
    ids="=".join,
)
def test_what_others_cannot_use_or_must_not_know_is_not_served(wrong: list[str]) -> None:
    refused = CliRunner().invoke(app, ["serve", "keystone", *wrong])
    assert refused.exit_code == 2
    assert f"Invalid value for '{wrong[0]}'" in refused.output
    assert "hunter2" not in refused.output


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
async def test_up_serves_until_it_is_told_to_stop(by: signal.Signals) -> None:
    async with started("up", "--port-base", "0", "--pace", "0") as up:
        keystone = (await up.until("keystone")).split()[1]
        await up.until("identity_api_version")
        assert f"auth_url: {keystone}/v3" in up.out
        booted = await run("boot", "--keystone-url", keystone, "--pace", "0")
        assert booted.status == 0, booted
        ended = await up.stop(by)
    assert (ended.status, ended.err) == (0, STOPPING)


@pytest.mark.parametrize(
    ("address", "place", "family"),
    [
        ("127.0.0.1", "127.0.0.1", socket.AF_INET),
        pytest.param("::1", "[::1]", socket.AF_INET6, marks=needs_ipv6),
    ],
)
async def test_a_port_that_is_taken_is_named(address: str, place: str, family: socket.AddressFamily) -> None:
    with socket.create_server((address, 0), family=family) as taken:
        port = str(taken.getsockname()[1])
        ended = await run("serve", "keystone", "--port", port, "--bind", address)
    assert (ended.status, ended.out) == (1, "")
    assert ended.err == f"emulator: keystone cannot listen on {place}:{port}: Address already in use\n"


@pytest.mark.parametrize("name", ["no-such-host.invalid", "a..b"])
async def test_an_address_that_there_is_none_of_is_named(name: str) -> None:
    ended = await run("serve", "keystone", "--port", "0", "--bind", name)
    assert (ended.status, ended.out) == (1, "")
    assert ended.err.startswith(f"emulator: keystone cannot listen on {name}:0: ")
    assert ended.err.count("\n") == 1
    assert "Unknown error" not in ended.err


@needs_ipv6
@pytest.mark.parametrize("address", ["::1", "::"])
async def test_a_cloud_is_reached_over_ipv6(address: str) -> None:
    base = str(free_port())
    async with started("up", "--pace", "0", "--port-base", base, "--bind", address) as up:
        await up.until("open the console")
        asked = await run("health", EMULATOR_PORT_BASE=base, EMULATOR_BIND=address)
        booted = await run("boot", "--pace", "0", "--quiet", "--keystone-url", f"http://[::1]:{int(base) + 1}")
    assert (asked.status, booted.status) == (0, 0), (asked, booted)
    assert len(asked.out.splitlines()) == 8


async def test_an_unknown_service_is_named() -> None:
    ended = await run("serve", "cinder")
    assert ended.status == 2
    assert "there is no service 'cinder': choose one of keystone, neutron-server" in ended.err


async def test_a_service_is_told_to_stop_while_it_waits_for_the_bus() -> None:
    async with started("serve", "nova-api", "--port", "0", "--amqp-url", "amqp://127.0.0.1:1/") as waiting:
        await waiting.says("waits for the bus")
        ended = await waiting.stop()
    assert (ended.status, ended.err) == (0, STOPPING)


@pytest.mark.parametrize("command", ["boot", "up", "serve", "check", "show", "convert"])
async def test_every_option_reads_a_variable_and_has_a_help_text(command: str) -> None:
    ended = await run(command, "--help", COLUMNS="200", TERM="dumb")
    options = re.findall(r"^\s+(--[a-z-]+)", ended.out, re.MULTILINE)
    assert len(options) > 3
    for option in set(options) - {"--help"}:
        assert f"EMULATOR_{option[2:].upper().replace('-', '_')}" in ended.out


async def test_ctrl_c_in_a_boot_stops_it_in_order_and_sends_the_spans_so_far(otlp: OtlpReceiver) -> None:
    async with started("boot", "--pace", "5", "--fault", "trace.lost_context_http", **otlp.environment) as booting:
        await otlp.trace(expecting=tree("neutron-server: GET /v2.0/networks/{network_id} (server)"), timeout=30)
        ended = await booting.stop(signal.SIGINT)
    assert (ended.status, ended.err) == (130, "")
    services = {service for trace in otlp.traces for service in trace.services}
    assert services >= {"nova-compute", "nova-scheduler", "openstack-client"}


async def test_development_mode_finds_nothing_to_complain_about() -> None:
    ended = await run("boot", "--pace", "0", PYTHONDEVMODE="1")
    assert (ended.status, ended.err) == (0, "")


RSA = "cryptography.hazmat.primitives.asymmetric.rsa"
IMPORTED = """
import sys
from emulator.__main__ import main
try:
    main()
except SystemExit:
    print(*sys.modules, file=sys.stderr)
"""


MEASURED = """
import re, sys
from pathlib import Path
from emulator.__main__ import main
try:
    main()
except SystemExit as ended:
    peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
    print(ended.code, int(peak[1]) // 1024, file=sys.stderr)
"""
"""Not by getrusage: a child begins with the peak of the process that it was forked from."""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from Linux's /proc")
async def test_a_boot_takes_less_than_120_mb() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", MEASURED, "boot", "--pace", "0", "--count", "20"),
        env=environment(),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    status, megabytes = map(int, err.decode().split())
    assert status == 0
    assert megabytes < 120


async def test_a_command_imports_only_what_it_uses() -> None:
    for arguments, unused in (
        (["--help"], {"aiohttp", "aio_pika", "opentelemetry", "msgspec", "cryptography", "asyncio"}),
        (["boot", "--pace", "0"], {"grpc", "requests", "google", "pydantic", "pytest", RSA}),
    ):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", IMPORTED, *arguments),
            env=environment(),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, err = await process.communicate()
        assert not unused & set(err.decode().split()), arguments

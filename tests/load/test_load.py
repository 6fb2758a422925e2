"""`emulator load`: boots start at a rate, however fast the cloud answers, and no server is left behind."""

import asyncio
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import islice, pairwise, takewhile
from math import inf
from pathlib import Path

import pytest
from typer.testing import CliRunner
from yarl import URL

from emulator import client
from emulator.cli.app import app
from emulator.client import BootRequest, BootResult, Credentials
from emulator.cloud import Settings, run_cloud
from emulator.faults import FAULTS
from emulator.load import Limits, LoadReport, NoCloud, Plan, Tally, Tenant, arrivals, run_load
from emulator.runtime.export import Delivery, Export
from emulator.runtime.http_client import HttpClient
from emulator.runtime.seeded_random import SeededRandom
from emulator.runtime.tasks import SharedTimeout
from emulator.services.registry import PORTS
from spantree import OtlpReceiver, spans_from_sdk, tree, trees
from tests.conftest import REFERENCE, RunningCloud, eventually, start_cloud
from tests.support.processes import PATIENCE_SECONDS, free_port, run, started

NAME = "load-test"
REQUEST = BootRequest(NAME)
BOOT = tree("openstack-client: openstack server create\n  ...")
STOPPING = "stopping: finishing work in progress\n"


def ignore(line: str) -> None:
    """For tests that do not read the reports."""


@asynccontextmanager
async def a_tenant(export: Export, keystone_url: str, seed: int | None = None) -> AsyncIterator[Tenant]:
    async with HttpClient(client.SERVICE) as http:
        yield Tenant(client.new_context(export, seed), http, Credentials(keystone_url), NAME)


async def gone(running_cloud: RunningCloud) -> None:
    """Wait until there are no servers."""
    api = await running_cloud.api()
    await eventually(lambda: api("GET", "nova-api", "/v2.1/servers"), lambda seen: seen[1] == {"servers": []})


def roots(export: Export) -> Counter[str]:
    return Counter(trace.spans[0].name for trace in trees(spans_from_sdk(export.kept)))


def due_within(seconds: float, plan: Plan, seed: int) -> int:
    rng = SeededRandom(seed, client.SERVICE)
    return sum(1 for _ in takewhile(lambda arrival: arrival[0] < seconds, arrivals(plan, rng)))


def test_arrivals_have_the_rate_and_exponential_gaps() -> None:
    times = [due for due, _ in islice(arrivals(Plan(REQUEST, rate=50), SeededRandom(7)), 10_000)]
    assert times[-1] == pytest.approx(10_000 / 50, rel=0.03)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert sum(gap > 1 / 50 for gap in gaps) / len(gaps) == pytest.approx(0.368, abs=0.02)  # e⁻¹: exponential


def test_faults_have_their_share_and_a_seed_chooses_the_boots() -> None:
    faults = tuple(FAULTS[name] for name in ("glance.image_missing", "amqp.duplicate"))
    plan = Plan(REQUEST, faults=faults, fault_share=0.2)

    def requests(seed: int, planned: Plan = plan) -> list[tuple[float, BootRequest]]:
        return list(islice(arrivals(planned, SeededRandom(seed)), 5_000))

    found = Counter(request.fault.name if request.fault else "" for _, request in requests(7))
    assert {name: times / 5_000 for name, times in found.items()} == {
        "": pytest.approx(0.8, abs=0.02),
        "glance.image_missing": pytest.approx(0.1, abs=0.02),
        "amqp.duplicate": pytest.approx(0.1, abs=0.02),
    }
    assert requests(7) == requests(7) != requests(8)
    without = requests(7, Plan(REQUEST))
    assert [due for due, _ in without] == [due for due, _ in requests(7)]
    assert {request.fault for _, request in without} == {None}


async def test_load_makes_a_trace_per_boot_and_per_delete_and_leaves_no_server() -> None:
    plan = Plan(REQUEST, rate=15, lifetime=0.2)
    async with start_cloud() as running_cloud:
        async with a_tenant(running_cloud.export, running_cloud.cloud.endpoints["keystone"], seed=7) as tenant:
            await run_load(tenant, plan, asyncio.Event(), ignore, seconds=1.5, stop_timeout=SharedTimeout(60))
            assert await tenant.delete_left_over(SharedTimeout(60)) == ""
        await gone(running_cloud)
    requested = due_within(1.5, plan, seed=7)
    assert requested > 10
    assert (tenant.tally.begun, tenant.tally.by_status) == (requested, {"ACTIVE": requested})
    found = trees(spans_from_sdk(running_cloud.export.kept))
    assert [trace for trace in found if trace.spans[0].name == "openstack server create" and trace != REFERENCE] == []
    names = roots(running_cloud.export)
    assert names["openstack server create"] == names["openstack server delete"] == requested


async def test_a_slow_cloud_does_not_slow_arrivals_and_no_server_is_left() -> None:
    plan = Plan(REQUEST, rate=30)
    async with start_cloud(Settings(pace=1)) as running_cloud:
        async with a_tenant(running_cloud.export, running_cloud.cloud.endpoints["keystone"], seed=3) as tenant:
            await run_load(tenant, plan, asyncio.Event(), ignore, seconds=1, stop_timeout=SharedTimeout(0))
            requested = due_within(1, plan, seed=3)
            assert tenant.tally.begun == tenant.tally.unfinished == requested
            assert list(tenant.tally.problems()) == [f"none of the {requested} without a fault became ACTIVE"]
            assert await tenant.delete_left_over(SharedTimeout(60)) == ""
        await gone(running_cloud)
    assert "openstack server list" in roots(running_cloud.export)


async def test_boots_are_timed_from_when_they_were_due(running_cloud: RunningCloud) -> None:
    async with a_tenant(running_cloud.export, running_cloud.cloud.endpoints["keystone"]) as tenant:
        await tenant.boot_and_delete(REQUEST, asyncio.get_running_loop().time() - 100, lifetime=0)
    assert tenant.tally.quantile(0.5) == pytest.approx(100, rel=0.03)
    await gone(running_cloud)


async def test_boots_beyond_the_limit_are_skipped_and_counted() -> None:
    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(never_answer, "127.0.0.1", 0) as hanging:
        url = f"http://127.0.0.1:{hanging.sockets[0].getsockname()[1]}"
        plan = Plan(REQUEST, rate=400)
        async with a_tenant(Export(), url, seed=1) as tenant:
            await run_load(tenant, plan, asyncio.Event(), print, seconds=2, stop_timeout=SharedTimeout(0))
    requested = due_within(2, plan, seed=1)
    assert (tenant.tally.begun, tenant.tally.skipped, tenant.tally.unfinished) == (200, requested - 200, 200)
    assert f" {requested - 200} skipped" in tenant.tally.describe(2, 2)
    problem = f"most were skipped, {requested - 200} of {requested}: the cloud cannot keep up with this rate"
    assert problem in tenant.tally.problems()


async def test_load_continues_on_a_cloud_that_went_away_and_came_back() -> None:
    first = free_port()
    ports = {name: first + number for number, name in enumerate(PORTS)}
    lines: asyncio.Queue[str] = asyncio.Queue()
    stopping, export = asyncio.Event(), Export(keep=True)

    async def next_report_with(status: str) -> None:
        while f" 0 {status}" in await lines.get():
            pass

    async with a_tenant(export, f"http://127.0.0.1:{ports['keystone']}") as tenant, asyncio.TaskGroup() as tasks:
        async with run_cloud(Settings(pace=0), export, computes=1, ports=ports):
            plan = Plan(REQUEST, rate=8, lifetime=0.5)
            loading = tasks.create_task(
                run_load(tenant, plan, stopping, lines.put_nowait, every=0.5, stop_timeout=SharedTimeout(60))
            )
            await next_report_with("ACTIVE")
        await next_report_with("refused")
        async with run_cloud(Settings(pace=0), export, computes=1, ports=ports):
            while not lines.empty():
                lines.get_nowait()
            await next_report_with("ACTIVE")
            stopping.set()
            await loading
            assert await tenant.delete_left_over(SharedTimeout(60)) == ""
    assert tenant.tally.failed >= tenant.tally.by_status["REFUSED"] > 0  # the cloud may end in the middle of a boot
    assert tenant.tally.unfinished == 0


async def test_waiting_for_a_cloud_leaves_no_trace(running_cloud: RunningCloud) -> None:
    async with a_tenant(running_cloud.export, running_cloud.cloud.endpoints["keystone"]) as tenant:
        await tenant.wait_for_cloud(seconds=0)
    assert running_cloud.export.kept == []


@pytest.mark.parametrize(
    ("user", "interface", "seconds", "says"),
    [
        ("admin", None, 0.3, "Cannot connect"),
        ("nobody", "public", inf, "POST http://{place}/v3/auth/tokens answered 401"),
        ("admin", "publik", inf, "the catalog has no publik endpoint of type compute"),
    ],
    ids=["nothing listens", "unknown user", "unknown interface"],
)
async def test_the_error_without_a_cloud_has_a_reason_and_no_password(
    running_cloud: RunningCloud, user: str, interface: str | None, seconds: float, says: str
) -> None:
    place = URL(running_cloud.cloud.endpoints["keystone"]).authority if interface else f"127.0.0.1:{free_port()}"
    credentials = Credentials(f"http://me:hunter2@{place}", user, interface=interface or "public")
    async with HttpClient(client.SERVICE) as http:
        tenant = Tenant(client.new_context(running_cloud.export, None), http, credentials, NAME)
        with pytest.raises(NoCloud, match=f"no cloud to boot on at http://{place}: .*{says.format(place=place)}"):
            await tenant.wait_for_cloud(seconds)


def test_an_empty_variable_counts_as_not_set() -> None:
    variables = ("OS_USERNAME", "OS_PASSWORD", "OS_PROJECT_NAME", "OS_INTERFACE")
    assert Credentials.from_environment("", dict.fromkeys(variables, "")) == Credentials("")


def test_a_tally_stays_small_and_its_quantiles_are_right() -> None:
    tally, draw = Tally(), SeededRandom(7).draw("times")
    times = [draw.lognormvariate(0, 2) for _ in range(50_000)]
    for seconds in times:
        tally.count(BootResult(REQUEST, "", status="ACTIVE"), seconds)
    times.sort()
    for share in (0.05, 0.5, 0.95, 0.99):
        assert tally.quantile(share) == pytest.approx(times[int(share * len(times))], rel=0.03)
    assert len(tally.buckets) < 500
    assert tally.since(tally.copy()).buckets == {}


@pytest.fixture
async def up() -> AsyncIterator[str]:
    """The keystone URL of a cloud in a separate process."""
    async with started("up", "--port-base", "0", "--pace", "0", "--no-console") as process:
        yield (await process.until("keystone")).split()[-1]


@pytest.mark.parametrize(
    ("options", "status", "says"),
    [
        ([], 0, " 0 ERROR"),
        (["--fault", "glance.image_missing", "--fault-share", "1"], 0, " carried a fault: glance.image_missing "),
        (["--image", "nope"], 1, " failed without a fault; the first: load-"),
        (["--flavor", "nope", "--quiet"], 1, "REFUSED: Invalid input for field server.flavorRef"),
    ],
    ids=["no fault", "fault", "ERROR", "refused"],
)
async def test_exit_status_is_1_if_a_boot_without_a_fault_failed(
    up: str, options: list[str], status: int, says: str
) -> None:
    ended = await run("load", "--keystone-url", up, "--pace", "0", "--rate", "20", "--duration", "1", *options)
    assert (ended.status, ended.err) == (status, ""), ended.out
    assert says in ended.out
    assert ("booting 20 servers per second" in ended.out) is ("--quiet" not in options)


async def test_load_waits_for_its_cloud_and_finishes_on_sigterm(otlp: OtlpReceiver) -> None:
    first = free_port()
    env = {"EMULATOR_OTLP": otlp.endpoint, "OTEL_BSP_SCHEDULE_DELAY": "100", "EMULATOR_PACE": "0"}
    async with started("load", "--keystone-url", f"http://127.0.0.1:{first + 1}", "--rate", "4", **env) as process:
        async with started("up", "--port-base", str(first), **env):
            await process.until(f"spans go to {otlp.endpoint}")
            assert await otlp.trace(expecting=REFERENCE) == REFERENCE
            ended = await process.stop()
    assert (ended.status, ended.err) == (0, STOPPING), ended.out
    last = ended.out.splitlines()[-1]
    assert last.endswith("  in total")
    found = Counter(trace.spans[0].name for trace in otlp.traces)
    assert found["openstack server create"] == found["openstack server delete"] > 0
    assert f" {found['openstack server create']} ACTIVE" in last


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
async def test_load_fails_and_counts_every_span_if_its_collector_dies(up: str, protocol: str) -> None:
    env = {"OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_EXPORTER_OTLP_PROTOCOL": protocol, "EMULATOR_PACE": "0"}
    async with AsyncExitStack() as collector:
        otlp = await collector.enter_async_context(OtlpReceiver())
        options = ("--keystone-url", up, "--rate", "4", "--json", "--otlp", otlp.endpoint)
        async with started("load", *options, **env) as process:
            await otlp.trace(expecting=BOOT, timeout=PATIENCE_SECONDS)
            await collector.aclose()
            reached = sum(len(trace) for trace in otlp.traces)
            ended = await process.stop()
    report = json.loads(ended.out)
    spans = report["spans"]
    assert (ended.status, report["ok"]) == (1, False), ended.err
    assert spans["sent"] + spans["lost"] == spans["ended"]
    assert 0 < spans["sent"] <= reached
    problem = f"{spans['lost']} of {spans['ended']} spans of this process were lost, more than --max-lost 0: "
    assert f"{problem}{spans['reason']}" in report["problems"]
    assert f"{spans['lost']} of {spans['ended']} spans could not be sent over OTLP" in ended.err
    assert report["boots"]["by_status"]["ACTIVE"] > 0


async def test_lost_spans_that_are_allowed_are_reported_and_do_not_fail_a_load(up: str) -> None:
    options = ("--rate", "20", "--duration", "1", "--otlp", f"http://127.0.0.1:{free_port()}", "--max-lost", "100000")
    ended = await run("load", "--keystone-url", up, "--pace", "0", *options)
    assert ended.status == 0, ended.out
    assert " spans of this process were lost: Connection refused\n" in ended.out


@pytest.mark.parametrize(
    ("skipped", "lost", "limits", "problems"),
    [
        (0, 0, Limits(), []),
        (10, 0, Limits(), []),
        (11, 0, Limits(), ["most were skipped, 11 of 21"]),
        (11, 0, Limits(skipped=11), []),
        (1, 0, Limits(skipped=0), ["more than --max-skipped 0 were skipped, 1 of 11"]),
        (0, 1, Limits(), ["1 of 99 spans of this process were lost, more than --max-lost 0: no answer"]),
        (0, 5, Limits(lost=5), []),
        (0, 6, Limits(lost=5), ["6 of 99 spans of this process were lost, more than --max-lost 5: no answer"]),
    ],
)
def test_a_load_fails_only_beyond_its_limits(skipped: int, lost: int, limits: Limits, problems: list[str]) -> None:
    tally = Tally(begun=10, without_fault=10, succeeded=10, skipped=skipped)
    report = LoadReport(tally, 1.0, Delivery(99, 99 - lost, lost, "no answer"), limits)
    found = list(report.problems())
    assert [problem.partition(": the cloud")[0] for problem in found] == problems
    assert report.as_json()["problems"] == found
    assert report.as_json()["ok"] is not bool(found)
    assert set(found) <= set(report.lines())


async def test_sigterm_ends_load_while_it_waits_for_a_cloud() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(PATIENCE_SECONDS)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        async with started("load", "--keystone-url", url) as process:
            connection, _ = await asyncio.to_thread(silent.accept)
            with connection:
                ended = await process.stop()
    assert (ended.status, ended.err) == (0, STOPPING)
    assert "0 ACTIVE" in ended.out


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--rate", "0"], "--rate"),
        (["--rate", "nan"], "--rate"),
        (["--duration", "0"], "--duration"),
        (["--duration", "inf"], "--duration"),
        (["--lifetime", "-1"], "--lifetime"),
        (["--rate", "100", "--lifetime", "6"], "--rate 100 with --lifetime 6"),
        (["--fault", "glance.nope"], "--fault"),
        (["--fault", "glance.image_missing", "--fault-share", "1.5"], "--fault-share"),
        (["--fault", "glance.image_missing", "--fault-share", "nan"], "--fault-share"),
        (["--fault-share", "0.5"], "--fault-share"),
        (["--wait", "-1"], "--wait"),
        (["--max-skipped", "-1"], "--max-skipped"),
        (["--max-lost", "-1"], "--max-lost"),
        (["--keystone-url", "localhost:5000"], "--keystone-url"),
        (["--keystone-url", "http://a..b:5000"], "--keystone-url"),
        (["--image", ""], "--image"),
    ],
    ids=" ".join,
)
def test_an_invalid_option_of_load_is_named(options: list[str], names: str) -> None:
    refused = CliRunner().invoke(app, ["load", *options])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert names in refused.stderr


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({"OTEL_PROPAGATORS": "tracecontext"}, "OTEL_PROPAGATORS does not include baggage"),
        (
            {"OTEL_EXPORTER_OTLP_PROTOCOL": "smoke", "EMULATOR_OTLP": "http://127.0.0.1:9"},
            "OTEL_EXPORTER_OTLP_PROTOCOL",
        ),
        ({"EMULATOR_KEYSTONE_URL": "http://me:hunter2@127.0.0.1:9"}, "no cloud to boot on at http://127.0.0.1:9"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
async def test_a_load_that_cannot_start_says_why_in_one_line(env: dict[str, str], says: str, tmp_path: Path) -> None:
    ended = await run("load", "--wait", "0", "--fault", "glance.image_missing", **env)
    assert (ended.status, ended.out) == (1, "")
    assert ended.err.startswith("emulator: ")
    assert says in ended.err
    assert "hunter2" not in ended.err

"""`emulator up` and `emulator serve` as processes: addresses, ports, signals."""

import re
import signal
import socket
from contextlib import AsyncExitStack
from functools import partial
from operator import le

import pytest
from typer.testing import CliRunner

from emulator.cli.app import app
from emulator.services.registry import PORTS
from spantree import OtlpReceiver
from tests.conftest import REFERENCE, eventually
from tests.support.processes import free_port, needs_ipv6, run, started

STOPPING = "stopping: finishing work in progress\n"


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
def test_invalid_or_secret_endpoints_are_not_served(wrong: list[str]) -> None:
    refused = CliRunner().invoke(app, ["serve", "keystone", *wrong])
    assert refused.exit_code == 2
    assert f"Invalid value for '{wrong[0]}'" in refused.output
    assert "hunter2" not in refused.output


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
async def test_up_counts_all_services_spans_if_its_collector_dies(protocol: str) -> None:
    env = {
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_EXPORTER_OTLP_TIMEOUT": "0.5",  # to give up soon on a batch
    }
    async with AsyncExitStack() as collector:
        otlp = await collector.enter_async_context(OtlpReceiver())

        async def complete() -> int:
            return sum(trace == REFERENCE for trace in otlp.traces)

        options = ("--port-base", "0", "--pace", "0", "--no-console", "--otlp", otlp.endpoint)
        async with started("up", *options, **env) as up:
            boot = ("boot", "--keystone-url", (await up.until("keystone")).split()[1], "--pace", "0", "--quiet")
            for number in (1, 2):  # when the second has arrived, the first one's batches have been answered
                assert (await run(*boot, "--otlp", otlp.endpoint)).status == 0
                await eventually(complete, partial(le, number))
            await collector.aclose()
            spans = [span for trace in otlp.traces for span in trace.spans]
            arrived = sum(span.service != "openstack-client" for span in spans)
            assert (await run(*boot)).status == 0
            await up.says("spans cannot be sent over OTLP (")
            ended = await up.stop()
    assert ended.status == 0
    [total] = re.findall(r"^(\d+) of (\d+) spans could not be sent over OTLP \(.+\)$", ended.err, re.MULTILINE)
    lost, all_spans = map(int, total)
    assert 25 < lost < all_spans <= lost + arrived  # the services' spans of one boot; the last batch may have no answer
    assert "cannot be sent" not in ended.err, "the warning came a second time"


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
async def test_up_serves_until_a_signal(by: signal.Signals) -> None:
    async with started("up", "--port-base", "0", "--pace", "0") as up:
        keystone = (await up.until("keystone")).split()[1]
        await up.until("identity_api_version")
        assert f"auth_url: {keystone}/v3" in up.out
        booted = await run("boot", "--keystone-url", keystone, "--pace", "0")
        assert booted.status == 0, booted
        ended = await up.stop(by)
    assert (ended.status, ended.err) == (0, f"{STOPPING}heartbeats not traced: 6; see --trace-heartbeats\n")


@pytest.mark.parametrize(
    ("address", "place", "family"),
    [
        ("127.0.0.1", "127.0.0.1", socket.AF_INET),
        pytest.param("::1", "[::1]", socket.AF_INET6, marks=needs_ipv6),
    ],
)
async def test_a_port_in_use_is_named(address: str, place: str, family: socket.AddressFamily) -> None:
    with socket.create_server((address, 0), family=family) as taken:
        port = str(taken.getsockname()[1])
        ended = await run("serve", "keystone", "--port", port, "--bind", address)
    assert (ended.status, ended.out) == (1, "")
    assert ended.err == f"emulator: keystone cannot listen on {place}:{port}: Address already in use\n"


@pytest.mark.parametrize("name", ["no-such-host.invalid", "a..b"])
async def test_an_unknown_address_to_bind_to_is_named(name: str) -> None:
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
        checked = await run("health", EMULATOR_PORT_BASE=base, EMULATOR_BIND=address)
        booted = await run("boot", "--pace", "0", "--quiet", "--keystone-url", f"http://[::1]:{int(base) + 1}")
    assert (checked.status, booted.status) == (0, 0), (checked, booted)
    assert len(checked.out.splitlines()) == len(PORTS)


async def test_an_unknown_service_is_named() -> None:
    ended = await run("serve", "cinder")
    assert ended.status == 2
    assert "there is no service 'cinder': choose one of keystone, neutron-server" in ended.err


async def test_sigterm_stops_a_service_that_waits_for_the_broker() -> None:
    async with started("serve", "nova-api", "--port", "0", "--amqp-url", "amqp://127.0.0.1:1/") as waiting:
        await waiting.says("waits for the bus")
        ended = await waiting.stop()
    assert (ended.status, ended.err) == (0, STOPPING)

"""`emulator health` and `python -m emulator.healthcheck`, for one service or for all that listen here."""

import socket
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from contextlib import closing

import pytest
from typer.testing import CliRunner

from emulator.cli.app import app
from emulator.services.registry import PORTS
from tests.conftest import RunningCloud
from tests.support.jaeger import answering
from tests.support.processes import free_port, needs_ipv6, run, started


async def test_health_checks_urls_and_does_not_repeat_credentials(running_cloud: RunningCloud) -> None:
    urls = [f"{url}/healthcheck" for url in running_cloud.cloud.endpoints.values()]
    ended = await run("health", *urls, running_cloud.cloud.amqp_url)
    expected = [
        f'{url}: 200 OK {{"service":"{name}","status":"ok"}}'
        for url, name in zip(urls, running_cloud.cloud.endpoints, strict=True)
    ]
    broker = running_cloud.cloud.amqp_url.replace("guest:guest@", "")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.splitlines() == [*expected, f"{broker}: it speaks AMQP 0-9-1"]


async def test_health_without_targets_checks_all_that_listen_here() -> None:
    base = str(free_port())
    async with started("up", "--port-base", base, "--pace", "0") as up:
        await up.until("open the console")
        ended = await run("health", EMULATOR_PORT_BASE=base)
        assert (ended.status, ended.err) == (0, "")
        assert len(ended.out.splitlines()) == len(PORTS), ended.out
    ended = await run("health", EMULATOR_PORT_BASE=base)
    assert (ended.status, ended.err) == (1, "this machine: no service listens on any of the emulator's ports\n")


@pytest.mark.parametrize(
    ("service", "bind", "says"),
    [
        ("keystone", "0.0.0.0", '{"service":"keystone","status":"ok"}'),  # noqa: S104 - as the image does
        ("broker", "127.0.0.1", "it speaks AMQP 0-9-1"),
        pytest.param("broker", "::", "it speaks AMQP 0-9-1", marks=needs_ipv6),
        pytest.param("keystone", "::1", '{"service":"keystone","status":"ok"}', marks=needs_ipv6),
    ],
)
async def test_the_module_healthcheck_finds_the_service_by_the_variables_of_serve(
    amqp_url: str, service: str, bind: str, says: str
) -> None:
    place = {"EMULATOR_PORT": str(free_port()), "EMULATOR_BIND": bind}
    bus = {} if service == "broker" else {"EMULATOR_AMQP_URL": amqp_url}
    async with started("serve", service, **bus, **place) as serving:
        await serving.until(f"{service} is up at ")
        process = await create_subprocess_exec(
            sys.executable, "-m", "emulator.healthcheck", env=place, stdout=PIPE, stderr=PIPE
        )
        out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert says in out.decode()


async def test_the_module_healthcheck_imports_the_standard_library_only() -> None:
    code = "import sys; before = {*sys.modules}; import emulator.healthcheck; print(*{*sys.modules} - before)"
    process = await create_subprocess_exec(sys.executable, "-c", code, stdout=PIPE)
    out, _ = await process.communicate()
    packages = {name.split(".")[0] for name in out.decode().split()}
    assert packages - sys.stdlib_module_names == {"emulator", "spantree"}


async def test_health_waits_for_a_service_that_is_starting(amqp_url: str) -> None:
    port = free_port()
    with answering({"/healthcheck": (503, "no")}) as sick:
        at_once = await run("health", f"{sick.url}/healthcheck", f"http://127.0.0.1:{port}/healthcheck")
    assert at_once.status == 1
    assert at_once.err.splitlines() == [
        f"{sick.url}/healthcheck: 503 Service Unavailable",
        f"http://127.0.0.1:{port}/healthcheck: [Errno 111] Connection refused",
    ]
    async with started("serve", "keystone", EMULATOR_PORT=str(port), EMULATOR_AMQP_URL=amqp_url):
        assert (await run("health", f"http://127.0.0.1:{port}/healthcheck", "--wait", "60")).status == 0


async def test_another_protocol_or_no_answer_is_not_healthy(running_cloud: RunningCloud) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        for url, why in (
            (running_cloud.cloud.endpoints["keystone"].replace("http", "amqp"), "it does not speak AMQP 0-9-1"),
            (running_cloud.cloud.amqp_url.replace("amqp://guest:guest@", "http://"), "AMQP"),
            (f"http://127.0.0.1:{silent.getsockname()[1]}/", "timed out"),
        ):
            ended = await run("health", url)
            assert (ended.status, ended.out) == (1, "")
            assert why in ended.err


@pytest.mark.parametrize(
    "target",
    [
        *("nova", "", "ftp://localhost/", "http://", "http://localhost:99999/", "http://[/"),
        *("http://a..b/", "http://localhost/hé"),
    ],
)
def test_an_unknown_target_is_named(target: str) -> None:
    ended = CliRunner().invoke(app, ["health", target])
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert f"{target!r} is neither a URL such as http://localhost:8774/healthcheck nor one of broker, " in " ".join(
        ended.stderr.replace("│", "").split()
    )

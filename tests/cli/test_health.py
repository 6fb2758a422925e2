"""`emulator health`: what an orchestrator and a script ask, of one service or of all that listen here."""

import socket
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from contextlib import closing

import pytest
from typer.testing import CliRunner

from emulator.cli.app import app
from emulator.services.registry import PORTS
from tests.conftest import World
from tests.support.jaeger import answering
from tests.support.processes import free_port, needs_ipv6, run, started


async def test_services_are_asked_by_url_and_credentials_are_not_repeated(world: World) -> None:
    urls = [f"{url}/healthcheck" for url in world.cloud.endpoints.values()]
    asked = await run("health", *urls, world.cloud.amqp_url)
    told = [
        f'{url}: 200 OK {{"service":"{name}","status":"ok"}}'
        for url, name in zip(urls, world.cloud.endpoints, strict=True)
    ]
    broker = world.cloud.amqp_url.replace("guest:guest@", "")
    assert (asked.status, asked.err) == (0, "")
    assert asked.out.splitlines() == [*told, f"{broker}: it speaks AMQP 0-9-1"]


async def test_all_that_listen_here_are_asked_where_none_is_named() -> None:
    base = str(free_port())
    async with started("up", "--port-base", base, "--pace", "0") as up:
        await up.until("open the console")
        asked = await run("health", EMULATOR_PORT_BASE=base)
        assert (asked.status, asked.err) == (0, "")
        assert len(asked.out.splitlines()) == len(PORTS), asked.out
    asked = await run("health", EMULATOR_PORT_BASE=base)
    assert (asked.status, asked.err) == (1, "here: nothing listens on any of our ports\n")


@pytest.mark.parametrize(
    ("service", "bind", "says"),
    [
        ("keystone", "0.0.0.0", '{"service":"keystone","status":"ok"}'),  # noqa: S104 - as the image does
        ("broker", "127.0.0.1", "it speaks AMQP 0-9-1"),
        pytest.param("broker", "::", "it speaks AMQP 0-9-1", marks=needs_ipv6),
        pytest.param("keystone", "::1", '{"service":"keystone","status":"ok"}', marks=needs_ipv6),
    ],
)
async def test_the_one_that_is_served_is_asked_where_it_is_without_the_command_line(
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


async def test_what_is_not_there_yet_is_waited_for(amqp_url: str) -> None:
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


async def test_who_speaks_another_protocol_or_does_not_answer_is_not_healthy(world: World) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        for url, why in (
            (world.cloud.endpoints["keystone"].replace("http", "amqp"), "it does not speak AMQP 0-9-1"),
            (world.cloud.amqp_url.replace("amqp://guest:guest@", "http://"), "AMQP"),
            (f"http://127.0.0.1:{silent.getsockname()[1]}/", "timed out"),
        ):
            asked = await run("health", url)
            assert (asked.status, asked.out) == (1, "")
            assert why in asked.err


@pytest.mark.parametrize(
    "target",
    [
        *("nova", "", "ftp://localhost/", "http://", "http://localhost:99999/", "http://[/"),
        *("http://a..b/", "http://localhost/hé"),
    ],
)
def test_a_target_that_is_none_is_named(target: str) -> None:
    asked = CliRunner().invoke(app, ["health", target])
    assert (asked.exit_code, asked.stdout) == (2, "")
    assert f"{target!r} is no URL such as http://localhost:8774/healthcheck, and none of broker, " in " ".join(
        asked.stderr.replace("│", "").split()
    )

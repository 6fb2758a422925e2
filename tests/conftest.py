"""Fixtures: a running cloud, its clients, and the spans that they export."""

import asyncio
import fcntl
import gc
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import aio_pika
import aiohttp
import pytest

from emulator import client
from emulator.broker import Broker
from emulator.client import BootRequest, BootResult, Credentials
from emulator.cloud import Cloud, Settings, run_cloud
from emulator.reference import tree_text
from emulator.runtime.export import Export, otlp_exporter
from emulator.runtime.heartbeats import Heartbeats
from emulator.runtime.http_client import HttpClient
from emulator.services.seed_data import resource_id
from spantree import OtlpReceiver, Pending, SpanTree, spans_from_sdk, tree, trees
from tests.support.jaeger import answering
from tests.support.jaeger_storage import received

T = TypeVar("T")

WITH_CLIENTS = Path(__file__).parent / "openstack"
REFERENCE = tree(tree_text("boot"))
RABBITMQ = os.environ.get("EMULATOR_TEST_AMQP_URL")
PATIENCE_SECONDS = 30
POLL_SECONDS = 0.005
POLL_GROWTH = 1.3
LONGEST_POLL_SECONDS = 0.1
DEAD_LETTERS: dict[str, Any] = {"x-dead-letter-exchange": "nova", "x-dead-letter-routing-key": "dead_letters"}
"""The arguments of the queues of nova's daemons."""


os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else each process of the tests compiles what it imports
sys.dont_write_bytecode = False
os.environ.pop("GITHUB_ACTIONS", None)  # there, commands and the pytest plugin print annotations


def pytest_xdist_auto_num_workers() -> int:
    """Two more than the cores: tests spend half of their time waiting, for deadlines, processes and browsers."""
    return len(os.sched_getaffinity(0)) + 2


STOCK_CLIENTS = "uv run --extra openstack pytest -m openstack"


def pytest_configure(config: pytest.Config) -> None:
    """Fail early if the tests with stock clients are requested and the clients are not installed."""
    if _with_stock_clients(config) and find_spec("openstackclient") is None:
        raise pytest.UsageError(f"these tests need the extra `openstack`: {STOCK_CLIENTS}")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Ignore the tests with stock clients unless they are requested, since they need the extra `openstack`."""
    return True if collection_path == WITH_CLIENTS and not _with_stock_clients(config) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the tests first that wait for long, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long_wait") is None)


def pytest_collection_finish() -> None:
    """Leave what collecting made, out of the garbage collections of the tests."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Mention the tests that were ignored."""
    if config.args_source is pytest.Config.ArgsSource.TESTPATHS and not _with_stock_clients(config):
        terminalreporter.write_line(f"The tests with stock OpenStack clients were not run: {STOCK_CLIENTS}")


def _with_stock_clients(config: pytest.Config) -> bool:
    """Whether the tests with stock clients are requested, by marker or by path."""
    paths = (config.invocation_params.dir / argument.split("::")[0] for argument in config.args)
    return config.getoption("markexpr") == "openstack" or any(path.is_relative_to(WITH_CLIENTS) for path in paths)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the variables of the developer's shell that would change results."""
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):  # pytest-xdist sets 80 columns for its workers
        monkeypatch.delenv(name, raising=False)
    for name in os.environ:
        if name.startswith(("OTEL_", "OS_")) or (name.startswith("EMULATOR_") and name != "EMULATOR_TEST_AMQP_URL"):
            monkeypatch.delenv(name)
        if name.lower().endswith(("_proxy", "_ca_bundle")):
            monkeypatch.delenv(name)


@asynccontextmanager
async def tidied_rabbitmq() -> AsyncIterator[str]:
    """RabbitMQ, for one test of all workers at a time. Deletes the emulator's queues and exchanges afterwards."""
    assert RABBITMQ
    with (Path(tempfile.gettempdir()) / "emulator-tests-rabbitmq.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield RABBITMQ
        async with await aio_pika.connect(RABBITMQ) as connection:
            channel = await connection.channel()
            hosts = (f"compute.compute-{number}" for number in (1, 2, 3))
            for queue in ("dead_letters", "scheduler", "api", *hosts):
                await channel.queue_delete(queue)
            for exchange in ("nova", "scheduler_fanout", "keystone_fanout", "neutron_fanout"):
                await channel.exchange_delete(exchange)


@pytest.fixture
def jaeger(otlp: OtlpReceiver) -> Iterator[str]:
    """A fake Jaeger with the traces that the receiver gets."""
    with answering(received(otlp)) as fake:
        yield fake.url


@pytest.fixture
def boot(openstack_boot: Callable[..., Pending[SpanTree]]) -> Callable[..., Pending[SpanTree]]:
    """Boot a server on the session's cloud; a short name for our own tests."""
    return openstack_boot


needs_rabbitmq = pytest.mark.skipif(not RABBITMQ, reason="EMULATOR_TEST_AMQP_URL names no RabbitMQ")


@pytest.fixture(params=[pytest.param("rabbitmq", marks=needs_rabbitmq)])
async def rabbitmq() -> AsyncIterator[str]:
    """RabbitMQ, if there is one."""
    async with tidied_rabbitmq() as url:
        yield url


@pytest.fixture(params=["embedded", pytest.param("rabbitmq", marks=needs_rabbitmq)])
async def amqp_url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The URL of a bus: of the embedded broker, and of RabbitMQ if there is one."""
    if request.param == "rabbitmq":
        async with tidied_rabbitmq() as url:
            yield url
        return
    async with Broker(socket.create_server(("127.0.0.1", 0))) as broker:
        yield broker.url


async def eventually(
    read: Callable[[], Awaitable[T]], accept: Callable[[T], bool] = bool, pause: float = POLL_SECONDS
) -> T:
    """Poll `read` until `accept` holds for its result, and return that. For changes that are not notified.

    The pauses, in seconds, grow: otherwise polling takes the processor from what it waits for.
    """
    seen = await read()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not accept(seen):
                await asyncio.sleep(pause)
                pause = max(pause, min(pause * POLL_GROWTH, LONGEST_POLL_SECONDS))
                seen = await read()
    except TimeoutError:
        raise AssertionError(f"still {seen!r} after {PATIENCE_SECONDS} s") from None
    return seen


@dataclass(frozen=True)
class Api:
    """An authenticated HTTP client of a cloud, without spans of its own."""

    session: aiohttp.ClientSession
    cloud: Cloud
    token: str

    async def __call__(
        self, method: str, service: str, path: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> tuple[int, Any]:
        """Send a request. Returns the status and the decoded body."""
        sent = {"X-Auth-Token": self.token, **(headers or {})}
        url = self.cloud.endpoints[service] + path
        async with self.session.request(method, url, headers=sent, **more) as response:
            body = await response.read()
            if not body:
                return response.status, None
            return response.status, await response.json() if response.content_type == "application/json" else body

    async def create(self, headers: dict[str, str] | None = None, **fields: Any) -> tuple[int, Any]:
        """Request a server. Fields that are not passed have the values of `emulator boot`."""
        server = {
            "name": "demo",
            "imageRef": resource_id("image", "cirros"),
            "flavorRef": "m1.tiny",
            "networks": [{"uuid": resource_id("network", "private")}],
        }
        return await self("POST", "nova-api", "/v2.1/servers", headers=headers, json={"server": {**server, **fields}})

    async def gone(self, server_id: str) -> None:
        """Delete a server, and wait until it is gone."""
        assert (await self("DELETE", "nova-api", f"/v2.1/servers/{server_id}"))[0] == 204
        await self.until(server_id, "GONE")

    async def until(self, server_id: str, *statuses: str) -> dict[str, Any]:
        """Poll a server until it has one of these statuses, and return it. GONE means that it is a 404."""

        async def read() -> dict[str, Any]:
            status, body = await self("GET", "nova-api", f"/v2.1/servers/{server_id}")
            return dict(body["server"]) if status == 200 else {"status": "GONE"}

        return await eventually(read, lambda server: server["status"] in statuses)


class RunningCloud:
    """A running cloud, ways to use it, and the spans that were exported."""

    def __init__(self, up: Cloud, export: Export, session: aiohttp.ClientSession) -> None:
        self.cloud = up
        self.export = export
        self.session = session

    async def boot(
        self, request: BootRequest | None = None, user: str = "admin", seed: int | None = None
    ) -> BootResult:
        """Boot a server as `emulator boot` does."""
        service_context = client.new_context(self.export, seed)
        credentials = Credentials(self.cloud.endpoints["keystone"], user, "secret", user)
        async with HttpClient(client.SERVICE) as http:
            return await client.boot(service_context, http, credentials, request or BootRequest())

    async def delete(self, server_id: str) -> None:
        """Delete a server as `emulator load` does, after finding it by its name."""
        service_context = client.new_context(self.export, None)
        credentials = Credentials(self.cloud.endpoints["keystone"])
        async with HttpClient(client.SERVICE) as http:
            assert server_id in await client.find_servers(service_context, http, credentials, "^demo$")
            assert await client.delete(service_context, http, credentials, server_id, "demo")

    async def quiet(self, *boots: BootResult) -> None:
        """Wait until all messages of these boots are settled. Needs the embedded broker."""
        assert self.cloud.broker is not None
        for booted in boots:
            await self.cloud.broker.settled(booted.request_id)

    async def api(self, user: str = "admin") -> Api:
        """Log in, to the project of the user's name, or to `service` as the service user `nova`."""
        body = credentials(user, project="service" if user == "nova" else None)
        async with self.session.post(self.cloud.endpoints["keystone"] + "/v3/auth/tokens", json=body) as response:
            return Api(self.session, self.cloud, response.headers["X-Subject-Token"])


def credentials(user: str = "admin", password: str = "secret", project: str | None = None) -> dict[str, Any]:
    """Return the body of a login."""
    domain = {"name": "Default"}
    named = {"name": user, "password": password, "domain": domain}
    scope = {"project": {"name": project or user, "domain": domain}}
    return {"auth": {"identity": {"methods": ["password"], "password": {"user": named}}, "scope": scope}}


@asynccontextmanager
async def start_cloud(
    settings: Settings | None = None,
    *,
    otlp: str | None = None,
    amqp_url: str | None = None,
    computes: int = 1,
    heartbeats: Heartbeats = Heartbeats.COUNT,
) -> AsyncIterator[RunningCloud]:
    """Run a cloud, by default at pace 0. Its spans are complete after the block."""
    settings = settings or Settings(pace=0)
    export = Export(otlp_exporter(otlp), keep=True, seed=settings.seed, heartbeats=heartbeats)
    try:
        async with (
            run_cloud(settings, export, amqp_url=amqp_url, computes=computes) as up,
            aiohttp.ClientSession() as session,
        ):
            yield RunningCloud(up, export, session)
    finally:
        await asyncio.to_thread(export.close)


@pytest.fixture
async def running_cloud() -> AsyncIterator[RunningCloud]:
    """A cloud on the embedded broker."""
    async with start_cloud() as up:
        yield up


def trace_of(running_cloud: RunningCloud, trace_id: str) -> SpanTree:
    """Return a trace of a cloud that has stopped."""
    return next(trace for trace in trees(spans_from_sdk(running_cloud.export.kept)) if trace.trace_id == trace_id)

"""Fixtures: a cloud, a client, and what they exported."""

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
from emulator.runtime.http_client import HttpClient
from emulator.services.seed_data import resource_id
from spantree import OtlpReceiver, Pending, SpanTree, spans_from_sdk, tree, trees
from tests.support.jaeger import Received, answering

T = TypeVar("T")

WITH_CLIENTS = Path(__file__).parent / "openstack"
REFERENCE = tree(tree_text("boot"))
RABBITMQ = os.environ.get("EMULATOR_TEST_AMQP_URL")
PATIENCE_SECONDS = 30
LOOK_SECONDS = 0.005
DEAD_LETTERS: dict[str, Any] = {"x-dead-letter-exchange": "nova", "x-dead-letter-routing-key": "dead_letters"}
"""The arguments of the queues of nova's daemons."""


os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else each process of the tests compiles what it imports
sys.dont_write_bytecode = False


def pytest_xdist_auto_num_workers() -> int:
    """Two more than there are cores: for half of their time tests wait, for deadlines, processes and browsers."""
    return len(os.sched_getaffinity(0)) + 2


STOCK_CLIENTS = "uv run --extra openstack pytest -m openstack"


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to test with stock clients where there are none."""
    if _with_stock_clients(config) and find_spec("openstackclient") is None:
        raise pytest.UsageError(f"these tests need the extra `openstack`: {STOCK_CLIENTS}")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the tests with stock clients, which are a group of their own."""
    return True if collection_path == WITH_CLIENTS and not _with_stock_clients(config) else None


def pytest_collection_finish() -> None:
    """Leave what collecting made, out of the garbage collections of the tests."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell of the tests that are left out."""
    if config.args_source is pytest.Config.ArgsSource.TESTPATHS and not _with_stock_clients(config):
        terminalreporter.write_line(f"Tests with stock OpenStack clients are a group of their own: {STOCK_CLIENTS}")


def _with_stock_clients(config: pytest.Config) -> bool:
    """Whether they are asked for, by their marker or by their place."""
    places = (config.invocation_params.dir / argument.split("::")[0] for argument in config.args)
    return config.getoption("markexpr") == "openstack" or any(place.is_relative_to(WITH_CLIENTS) for place in places)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer's shell holds does not matter."""
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):  # pytest-xdist says that its workers are 80 columns wide
        monkeypatch.delenv(name, raising=False)
    for name in os.environ:
        if name.startswith(("OTEL_", "OS_")) or (name.startswith("EMULATOR_") and name != "EMULATOR_TEST_AMQP_URL"):
            monkeypatch.delenv(name)
        if name.lower().endswith(("_proxy", "_ca_bundle")):
            monkeypatch.delenv(name)


@asynccontextmanager
async def tidied_rabbitmq() -> AsyncIterator[str]:
    """RabbitMQ, for one test at a time of all that run side by side. Our queues and exchanges are gone afterwards."""
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
    """A Jaeger that has what the receiver gets."""
    with answering(Received(otlp)) as fake:
        yield fake.url


@pytest.fixture
def boot(openstack_boot: Callable[..., Pending[SpanTree]]) -> Callable[..., Pending[SpanTree]]:
    """Boot a server on the session's cloud; a short name for our own tests."""
    return openstack_boot


needs_rabbitmq = pytest.mark.skipif(not RABBITMQ, reason="EMULATOR_TEST_AMQP_URL names no RabbitMQ")


@pytest.fixture(params=[pytest.param("rabbitmq", marks=needs_rabbitmq)])
async def rabbitmq() -> AsyncIterator[str]:
    """RabbitMQ, where there is one."""
    async with tidied_rabbitmq() as url:
        yield url


@pytest.fixture(params=["embedded", pytest.param("rabbitmq", marks=needs_rabbitmq)])
async def amqp_url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """A bus: the embedded broker, and RabbitMQ where there is one."""
    if request.param == "rabbitmq":
        async with tidied_rabbitmq() as url:
            yield url
        return
    async with Broker(socket.create_server(("127.0.0.1", 0))) as broker:
        yield broker.url


async def eventually(
    look: Callable[[], Awaitable[T]], suits: Callable[[T], bool] = bool, pause: float = LOOK_SECONDS
) -> T:
    """Look until what is there suits, and return it: for what tells nobody that it has changed."""
    seen = await look()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not suits(seen):
                await asyncio.sleep(pause)  # else looking takes the processor from what is looked for
                seen = await look()
    except TimeoutError:
        raise AssertionError(f"after {PATIENCE_SECONDS} s there is still {seen!r}") from None
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
        """Return status and decoded body."""
        sent = {"X-Auth-Token": self.token, **(headers or {})}
        url = self.cloud.endpoints[service] + path
        async with self.session.request(method, url, headers=sent, **more) as response:
            body = await response.read()
            if not body:
                return response.status, None
            return response.status, await response.json() if response.content_type == "application/json" else body

    async def create(self, headers: dict[str, str] | None = None, **wanted: Any) -> tuple[int, Any]:
        """Ask for a server; what is not named is as `emulator boot` has it."""
        server = {
            "name": "demo",
            "imageRef": resource_id("image", "cirros"),
            "flavorRef": "m1.tiny",
            "networks": [{"uuid": resource_id("network", "private")}],
        }
        return await self("POST", "nova-api", "/v2.1/servers", headers=headers, json={"server": {**server, **wanted}})

    async def gone(self, server_id: str) -> None:
        """Delete a server, and wait until it is gone."""
        assert (await self("DELETE", "nova-api", f"/v2.1/servers/{server_id}"))[0] == 204
        await self.until(server_id, "GONE")

    async def until(self, server_id: str, *statuses: str) -> dict[str, Any]:
        """Look at a server until its status is one of these; 404 is the status GONE."""

        async def look() -> dict[str, Any]:
            status, body = await self("GET", "nova-api", f"/v2.1/servers/{server_id}")
            return dict(body["server"]) if status == 200 else {"status": "GONE"}

        return await eventually(look, lambda server: server["status"] in statuses)


class RunningCloud:
    """A cloud that is up, ways to use it, and the spans of it all."""

    def __init__(self, up: Cloud, export: Export, session: aiohttp.ClientSession) -> None:
        self.cloud = up
        self.export = export
        self.session = session

    async def boot(self, order: BootRequest | None = None, user: str = "admin", seed: int | None = None) -> BootResult:
        """Boot a server as `emulator boot` does."""
        service_context = client.new_context(self.export, seed)
        credentials = Credentials(self.cloud.endpoints["keystone"], user, "secret", user)
        async with HttpClient(client.SERVICE) as http:
            return await client.boot(service_context, http, credentials, order or BootRequest())

    async def quiet(self, *boots: BootResult) -> None:
        """Wait until no message of these boots is on the bus, which is our own."""
        assert self.cloud.broker is not None
        for booted in boots:
            await self.cloud.broker.settled(booted.request_id)

    async def api(self, user: str = "admin") -> Api:
        """Log in. The service user `nova` is of the project `service`, others are of the one of their name."""
        body = credentials(user, project="service" if user == "nova" else None)
        async with self.session.post(self.cloud.endpoints["keystone"] + "/v3/auth/tokens", json=body) as response:
            return Api(self.session, self.cloud, response.headers["X-Subject-Token"])


def credentials(user: str = "admin", password: str = "secret", project: str | None = None) -> dict[str, Any]:
    """The body of a login."""
    domain = {"name": "Default"}
    named = {"name": user, "password": password, "domain": domain}
    scope = {"project": {"name": project or user, "domain": domain}}
    return {"auth": {"identity": {"methods": ["password"], "password": {"user": named}}, "scope": scope}}


@asynccontextmanager
async def start_cloud(
    settings: Settings | None = None, *, otlp: str | None = None, amqp_url: str | None = None, computes: int = 1
) -> AsyncIterator[RunningCloud]:
    """A cloud at pace 0. Its spans are complete when the block has ended."""
    settings = settings or Settings(pace=0)
    export = Export(otlp_exporter(otlp), keep=True, seed=settings.seed)
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
    """The spans of a trace, of a cloud that has ended."""
    return next(trace for trace in trees(spans_from_sdk(running_cloud.export.kept)) if trace.trace_id == trace_id)

"""Errors have stable names: a file can move without a trace or an API answer changing."""

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest

import emulator.runtime
import emulator.services
from emulator.client import BootRequest
from emulator.faults import FAULTS, fault_tree
from spantree import tree
from tests.conftest import RunningCloud, start_cloud, trace_of
from tests.support.module_paths import module_paths_in

STABLE = re.compile(r"(keystone|nova|neutron|glance|oslo_messaging|oslo_policy|emulator)\.[A-Z]\w+")


ROOMS = (emulator.runtime.__name__, emulator.services.__name__)


def emulator_errors() -> list[type[Exception]]:
    """All exception classes of the packages whose errors end on spans."""
    for room in (emulator.runtime, emulator.services):
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            importlib.import_module(module.name)
    ours = {kind for kind in _subclasses(Exception) if kind.__module__.startswith(ROOMS)}
    return sorted(ours, key=lambda kind: (kind.__module__, kind.__qualname__))


def _subclasses(kind: type[Exception]) -> Iterator[type[Exception]]:
    for subclass in kind.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def test_every_error_has_its_own_stable_name() -> None:
    unnamed = [f"{kind.__module__}.{kind.__name__}" for kind in emulator_errors() if "error_type" not in vars(kind)]
    assert not unnamed, "give these an error_type"
    names = [str(vars(kind)["error_type"]) for kind in emulator_errors()]
    assert [name for name in names if not STABLE.fullmatch(name)] == []
    assert sorted(names) == sorted(set(names))


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that the file of every error has moved."""
    for kind in emulator_errors():
        monkeypatch.setattr(kind, "__module__", "emulator.elsewhere")


@pytest.mark.usefixtures("moved")
@pytest.mark.parametrize("name", ["scheduler.no_valid_host", "amqp.unroutable", "glance.connection_reset"])
async def test_a_file_can_move_without_changing_a_trace(name: str) -> None:
    async with start_cloud(computes=3) as running_cloud:
        booted = await running_cloud.boot(BootRequest(fault=FAULTS[name]))
    trace = trace_of(running_cloud, booted.trace_id)
    assert trace == tree(fault_tree(name))
    assert module_paths_in([trace]) == []


REFUSED = [
    ("keystone", "GET", "/v3/users/none"),
    ("neutron-server", "GET", "/v2.0/networks/none"),
    ("neutron-server", "POST", "/v2.0/networks"),
    ("glance-api", "GET", "/v2/images/none"),
    ("nova-api", "GET", "/v2.1/servers/none"),
]


async def refusals(running_cloud: RunningCloud) -> list[tuple[int, object]]:
    """The services' answers to requests that they refuse."""
    api = await running_cloud.api()
    return [await api(method, service, path) for service, method, path in REFUSED]


async def test_a_file_can_move_without_changing_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async with start_cloud() as running_cloud:
        before = await refusals(running_cloud)
        for kind in emulator_errors():
            monkeypatch.setattr(kind, "__module__", "emulator.elsewhere")
        assert await refusals(running_cloud) == before
    assert {status for status, _ in before} == {400, 404}
    assert module_paths_in(before) == []

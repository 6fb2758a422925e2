"""The image, run as it is deployed: it has what it needs, writes nothing, and boots the reference trace."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from emulator.services.registry import SERVICES
from spantree import OtlpReceiver
from tests.conftest import REFERENCE
from tests.support.containers import GUARDED, IMAGE, RABBITMQ, Network, a_network, podman

pytestmark = pytest.mark.skipif(not IMAGE, reason="EMULATOR_TEST_IMAGE names no image; .ci/containers builds one")

QUORUM = {"EMULATOR_QUEUE_TYPE": "quorum", "EMULATOR_PACE": "0"}


@pytest.fixture
async def network(otlp: OtlpReceiver) -> AsyncIterator[Network]:
    async with a_network(otlp) as created:
        yield created


async def start_rabbitmq(network: Network) -> str:
    names = {"RABBITMQ_DEFAULT_USER": "emulator", "RABBITMQ_DEFAULT_PASS": "secret"}
    await network.start_other("--user=999:999", "--cap-drop=all", RABBITMQ, name="rabbitmq", **names)
    return "amqp://emulator:secret@rabbitmq:5672/"


async def test_a_container_for_each_service_boots_the_reference_trace_and_all_stop_in_order(
    network: Network, otlp: OtlpReceiver
) -> None:
    shared = {
        **QUORUM,
        "EMULATOR_AMQP_URL": await start_rabbitmq(network),
        "EMULATOR_KEYSTONE_URL": "http://keystone:5000",
        "EMULATOR_COMPUTE_URL": "http://nova-api:8774",
        "EMULATOR_NETWORK_URL": "http://neutron-server:9696",
        "EMULATOR_IMAGE_URL": "http://glance-api:9292",
    }
    await asyncio.gather(*(network.start("serve", name, name=name, **shared) for name in SERVICES))
    await network.healthy(*SERVICES)

    booted = await network.run("boot", name="boot", OS_INTERFACE="internal", **shared)
    assert (booted.status, booted.out.split(",")[0]) == (0, "✓ demo is ACTIVE on nova-compute"), booted.err
    second = await network.run("serve", "nova-api", name="another", EMULATOR_BUS_TIMEOUT="1", **shared)
    assert (second.status, "Traceback" in second.err) == (1, False)
    assert "nova-api" in second.err

    assert await network.stop(*reversed(SERVICES)) == dict.fromkeys(reversed(SERVICES), 0)
    assert await otlp.trace(expecting=REFERENCE) == REFERENCE
    assert [await network.written(name) for name in SERVICES] == [[]] * len(SERVICES)


async def test_the_image_runs_everything_in_one_container_as_it_is(network: Network, otlp: OtlpReceiver) -> None:
    await network.start(name="all", EMULATOR_PACE="0")
    await network.healthy("all")
    order = ("boot", "--keystone-url=http://localhost:5000", "--pace=0")
    booted = await podman("exec", f"{network.name}-all", "emulator", *order)
    assert booted.status == 0, booted.err
    assert await network.stop("all") == {"all": 0}
    assert await otlp.trace(expecting=REFERENCE) == REFERENCE
    assert await network.written("all") == []


HEARS_SIGTERM = """
import pathlib, re
while not int(re.search("SigCgt:(.*)", pathlib.Path("/proc/1/status").read_text())[1], 16) >> 14 & 1:
    pass
"""


async def test_a_command_that_knows_no_signals_ends_by_sigterm_though_it_is_the_first_process(network: Network) -> None:
    await network.start("health", "nova-api", "--wait=60", name="waiting")
    await podman("exec", f"{network.name}-waiting", "python", "-c", HEARS_SIGTERM)
    assert await network.stop("waiting") == {"waiting": 143}, "137 is a container that had to be killed"


INSIDE = {
    "it is not root": "import os; assert os.getuid() == os.getgid() == 10001",
    "its user has a name": "import getpass; assert getpass.getuser() == 'emulator'",
    "all modules are compiled": """
        import importlib.util as util, pathlib
        modules = pathlib.Path(util.__file__).parent.parent.rglob("*.py")
        lacking = [file for file in modules if not pathlib.Path(util.cache_from_source(file)).exists()]
        assert lacking == [], lacking
    """,
    "all libraries load": """
        import ctypes, pathlib
        files = [file for top in ("/usr", "/lib") for file in pathlib.Path(top).rglob("*.so*") if file.is_file()]
        assert len(files) > 50
        for file in files:
            ctypes.CDLL(str(file))
    """,
    "certificates of authorities are there": "import ssl; assert ssl.create_default_context().get_ca_certs()",
    "it speaks gRPC": "import grpc; grpc.insecure_channel('localhost:1').close()",
    "threads can be cancelled": "import ctypes; ctypes.CDLL('libgcc_s.so.1')",
    "there is nothing to get in with": """
        import shutil
        names = ("sh", "bash", "pip", "apt-get", "dpkg", "curl", "perl")
        assert [name for name in names if shutil.which(name, path="/bin:/usr/bin:/sbin:/usr/local/bin")] == []
    """,
    "scanners see Debian's packages": """
        import pathlib
        names = {file.name for file in pathlib.Path("/var/lib/dpkg/status.d").iterdir()}
        assert {"libc6", "libssl3", "ca-certificates"} <= names, names
    """,
}


@pytest.mark.parametrize("promise", INSIDE)
async def test_inside_the_image(promise: str) -> None:
    script = "\n".join(line.removeprefix(" " * 8) for line in INSIDE[promise].splitlines())
    ended = await podman("run", "--rm", "--network=none", *GUARDED, "--entrypoint=python", IMAGE, "-c", script)
    assert ended.status == 0, ended.out + ended.err

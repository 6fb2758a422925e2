"""The pods of `deploy/kubernetes`, run by podman with their users and a read-only root file system."""

import asyncio
from pathlib import Path

import pytest

from spantree import OtlpReceiver
from tests.conftest import REFERENCE
from tests.support.containers import IMAGE
from tests.support.kubelet import a_kubelet

pytestmark = pytest.mark.skipif(not IMAGE, reason="EMULATOR_TEST_IMAGE names no image; .ci/containers builds one")

RESTRICTED = "{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.SecurityOpt}} {{.EffectiveCaps}}"
SERVICES = ("keystone", "glance-api", "neutron-server", "nova-api", "nova-scheduler")
HOSTS = ("nova-compute-0", "nova-compute-1", "nova-compute-2")


async def test_the_demos_pods_boot_the_reference_trace_and_stop_cleanly(otlp: OtlpReceiver, tmp_path: Path) -> None:
    async with a_kubelet("demo", int(otlp.endpoint.rsplit(":", 1)[1]), tmp_path) as kubelet:
        await kubelet.start("rabbitmq-0", *SERVICES, *HOSTS)
        await kubelet.healthy(*SERVICES, *HOSTS)
        shown = await asyncio.gather(*(kubelet.shown(name, RESTRICTED) for name in (*SERVICES, *HOSTS)))
        assert set(shown) == {"10001:10001 true [no-new-privileges] []"}
        assert await kubelet.shown("rabbitmq-0", RESTRICTED) == "999:999 true [no-new-privileges] []"
        await kubelet.start("boot")
        booted = await kubelet.ended("boot")
        assert (booted.status, booted.out.startswith("✓ demo is ACTIVE on nova-compute-")) == (0, True), booted
        assert await kubelet.stop(*SERVICES, *HOSTS) == dict.fromkeys((*SERVICES, *HOSTS), 0)
    assert await otlp.trace(expecting=REFERENCE) == REFERENCE

"""Runs the pods of an overlay with podman, which reach each other by the names of their Services.

Podman knows only Pods and ConfigMaps: workloads are expanded into pods, Secrets become ConfigMaps, and names are in
/etc/hosts. Probes are left out: podman would run curl inside the container, and our image has none.
"""

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Network
from itertools import islice
from pathlib import Path
from uuid import uuid4

from emulator import __version__
from tests.support.containers import IMAGE, podman, relay
from tests.support.manifests import Object, kinds
from tests.support.processes import Ended

__all__ = ["Kubelet", "a_kubelet"]

OURS = f"openstack-boot-emulator:{__version__}"
FIRST_ADDRESS = 10
FOR_OTHERS = ("ports", "startupProbe", "readinessProbe", "livenessProbe", "lifecycle")
"""Fields of a container that podman does not need."""


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of a workload: its name, that of its Service, its manifest, and its address."""

    name: str
    service: str
    spec: Object
    address: str

    @property
    def container(self) -> str:
        return f"{self.name}-{self.spec['containers'][0]['name']}"


@dataclass(frozen=True, slots=True)
class Kubelet:
    """Starts pods in a network, and stops them."""

    network: str
    scratch: Path
    pods: Mapping[str, Pod]

    async def start(self, *names: str) -> None:
        """Start pods, one after the other."""
        for name in names:
            file = self.scratch / f"{name}.json"
            started = await podman(
                "kube", "play", f"--network={self.network}", f"--ip={self.pods[name].address}", str(file)
            )
            assert started.status == 0, started.err

    async def healthy(self, *names: str) -> None:
        """Wait until these are ready to be used."""
        asked = [podman("exec", self.pods[name].container, "emulator", "health", "--wait=45") for name in names]
        ill = {name: ended for name, ended in zip(names, await asyncio.gather(*asked), strict=True) if ended.status}
        assert not ill, ill

    async def ended(self, name: str) -> Ended:
        """Wait until a pod ends by itself, and return its log."""
        status = await podman("wait", self.pods[name].container)
        said = await podman("logs", self.pods[name].container)
        return Ended(int(status.out), said.out, said.err)

    async def stop(self, *names: str) -> dict[str, int]:
        """Stop pods with SIGTERM; return the exit statuses of their containers."""
        stopped = await asyncio.gather(*(podman("stop", "--time=20", self.pods[name].container) for name in names))
        assert [ended.err for ended in stopped if ended.status] == []
        return {name: int(await self.shown(name, "{{.State.ExitCode}}")) for name in names}

    async def shown(self, name: str, template: str) -> str:
        """Inspect a pod's container."""
        return (await podman("inspect", f"--format={template}", self.pods[name].container)).out.strip()


@asynccontextmanager
async def a_kubelet(overlay: str, otlp_port: int, scratch: Path) -> AsyncIterator[Kubelet]:
    """Create a network for pods, in which `jaeger` forwards to a loopback port of this machine.

    Files go to `scratch`. Everything else is removed at the end of the block.
    """
    async with a_subnet() as (network, subnet, gateway), relay(otlp_port) as port:
        pods = list(unfolded(overlay, subnet))
        hosts = [{"ip": pod.address, "hostnames": [pod.service]} for pod in pods if pod.service != "jaeger"]
        hosts.append({"ip": gateway, "hostnames": ["jaeger"]})
        for pod in pods:
            told = playable(overlay, pod.name, {**pod.spec, "hostAliases": hosts}, scratch)
            (scratch / f"{pod.name}.json").write_text(told.replace("//jaeger:4318", f"//jaeger:{port}"))
        try:
            yield Kubelet(network, scratch, {pod.name: pod for pod in pods})
        finally:
            await podman("pod", "rm", "--force", "--time=0", "--ignore", *(pod.name for pod in pods))


@asynccontextmanager
async def a_subnet() -> AsyncIterator[tuple[str, IPv4Network, str]]:
    """Create a network; yields its name, its addresses, and this machine's address in it."""
    name = f"emulator-{uuid4().hex[:8]}"
    created = await podman("network", "create", name)
    assert created.status == 0, created.err
    [found] = json.loads((await podman("network", "inspect", name)).out)[0]["subnets"]
    try:
        yield name, IPv4Network(found["subnet"]), found["gateway"]
    finally:
        await podman("network", "rm", "--force", name)


def unfolded(overlay: str, subnet: IPv4Network) -> Iterator[Pod]:
    """The pods of the workloads."""
    addresses = map(str, islice(subnet, FIRST_ADDRESS, None))
    for workload in kinds(overlay, "Deployment", "StatefulSet", "Job"):
        name, template = workload["metadata"]["name"], workload["spec"]["template"]
        service = template["metadata"]["labels"]["app.kubernetes.io/name"]
        for number in range(workload["spec"].get("replicas", 1)):
            numbered = f"{name}-{number}" if workload["kind"] == "StatefulSet" else name
            yield Pod(numbered, service, template["spec"], next(addresses))


def playable(overlay: str, name: str, spec: Object, scratch: Path) -> str:
    """A pod's manifest with everything that it refers to, for podman."""

    def volume(one: Object) -> Object:
        folder = scratch / name / one["name"]
        folder.mkdir(parents=True, mode=0o777)
        folder.chmod(0o777)
        return {"name": one["name"], "hostPath": {"path": str(folder)}}

    def container(one: Object) -> Object:
        kept = {key: value for key, value in one.items() if key not in FOR_OTHERS}
        return {**kept, "image": one["image"].replace(OURS, IMAGE), "imagePullPolicy": "Never"}

    volumes = [volume(one) for one in spec.get("volumes", ())]
    before = [container(one) for one in spec.get("initContainers", ()) if one["name"] != "doctor"]  # who wants a Jaeger
    spec = {**spec, "volumes": volumes, "initContainers": before, "containers": [*map(container, spec["containers"])]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    told = "\n---\n".join(map(json.dumps, [*configuration(overlay), pod]))
    return told.replace('"secretRef"', '"configMapRef"').replace('"secretKeyRef"', '"configMapKeyRef"')


def configuration(overlay: str) -> Sequence[Object]:
    """ConfigMaps, and Secrets as ConfigMaps."""
    secrets = [
        {**one, "kind": "ConfigMap", "data": {key: b64decode(value).decode() for key, value in one["data"].items()}}
        for one in kinds(overlay, "Secret")
    ]
    return [*kinds(overlay, "ConfigMap"), *secrets]

"""The manifests of `deploy/kubernetes` as kubectl renders them: their pods, and what NetworkPolicies allow."""

import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest

__all__ = [
    "GROUP",
    "KUBERNETES",
    "OVERLAYS",
    "Edge",
    "Object",
    "Pods",
    "allowed",
    "kinds",
    "objects",
    "pods",
    "rendered",
    "selects",
    "tool",
    "variables",
]

GROUP = "uv sync --group deploy"
yaml = pytest.importorskip("yaml", reason=f"PyYAML is not here: {GROUP}")

KUBERNETES = Path(__file__).parents[2] / "deploy" / "kubernetes"
OVERLAYS = ("demo", "scale")

Object = dict[str, Any]
Edge = tuple[str, str, int]
"""Source, destination and port of a connection."""


@dataclass(frozen=True)
class Pods:
    """The pods of a workload. `name` is the one in their labels."""

    kind: str
    workload: str
    labels: Mapping[str, str]
    spec: Object

    @property
    def name(self) -> str:
        return self.labels["app.kubernetes.io/name"]

    @property
    def containers(self) -> Sequence[Object]:
        return [*self.spec.get("initContainers", ()), *self.spec["containers"]]

    @property
    def ports(self) -> Mapping[str, int]:
        return {port["name"]: port["containerPort"] for one in self.containers for port in one.get("ports", ())}


def tool(name: str) -> str:
    """Return the path of a command; skips the test if it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"there is no {name} here: {GROUP}")
    return found


@cache
def rendered(overlay: str) -> str:
    """Return what `kubectl apply -k` would apply."""
    command = (tool("kubectl"), "kustomize", str(KUBERNETES / "overlays" / overlay))
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def objects(overlay: str) -> Sequence[Object]:
    """The objects of an overlay."""
    return tuple(yaml.load_all(rendered(overlay), yaml.CSafeLoader))


def kinds(overlay: str, *names: str) -> list[Object]:
    """The objects of these kinds."""
    return [one for one in objects(overlay) if one["kind"] in names]


def pods(overlay: str) -> list[Pods]:
    """The pods of all workloads."""
    found = kinds(overlay, "Deployment", "StatefulSet", "Job")
    templates = [(one["kind"], one["metadata"]["name"], one["spec"]["template"]) for one in found]
    return [Pods(kind, name, template["metadata"]["labels"], template["spec"]) for kind, name, template in templates]


def variables(overlay: str, container: Object) -> dict[str, str | None]:
    """The environment of a container; None for values that only the cluster knows. KeyError for a missing reference."""
    held = {
        (one["kind"], one["metadata"]["name"]): one.get("data", {}) for one in kinds(overlay, "ConfigMap", "Secret")
    }
    found: dict[str, str | None] = {}
    for source in container.get("envFrom", ()):
        kind = "ConfigMap" if "configMapRef" in source else "Secret"
        found |= held[kind, source["configMapRef" if kind == "ConfigMap" else "secretRef"]["name"]]
    for one in container.get("env", ()):
        key = one.get("valueFrom", {}).get("secretKeyRef")
        if key and ("Secret", key["name"]) in held:
            assert key["key"] in held["Secret", key["name"]], key
        found[one["name"]] = one.get("value")
    return found


def selects(selector: Object, labels: Mapping[str, str]) -> bool:
    """Whether a label selector matches; an empty one matches everything."""
    assert set(selector) <= {"matchLabels", "matchExpressions"}, selector
    wanted: Iterable[Object] = selector.get("matchExpressions", ())
    assert all(one["operator"] == "In" for one in wanted), selector
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        labels.get(one["key"]) in one["values"] for one in wanted
    )


def allowed(policies: Sequence[Object], everyone: Sequence[Pods], ports: Iterable[int]) -> set[Edge]:
    """Return the connections that the policies of both ends allow."""
    return {
        (source.name, target.name, port)
        for source, target, port in product(everyone, everyone, ports)
        if _lets(policies, "egress", source, target, port) and _lets(policies, "ingress", target, source, port)
    }


def _lets(policies: Sequence[Object], direction: str, one: Pods, other: Pods, port: int) -> bool:
    specs = [policy["spec"] for policy in policies]
    ours = [
        spec for spec in specs if direction.title() in spec["policyTypes"] and selects(spec["podSelector"], one.labels)
    ]
    rules: Iterator[Object] = (rule for spec in ours for rule in spec.get(direction, ()))
    return not ours or any(_fits(rule, other, port, "to" if direction == "egress" else "from") for rule in rules)


def _fits(rule: Object, other: Pods, port: int, side: str) -> bool:
    peers, ports = rule.get(side), rule.get("ports")
    return (peers is None or any(selects(peer["podSelector"], other.labels) for peer in peers)) and (
        ports is None or any(one["port"] <= port <= one.get("endPort", one["port"]) for one in ports)
    )

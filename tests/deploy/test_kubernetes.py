"""The overlays beyond their schema: they are consistent, match the emulator, and restrict every pod."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from emulator import __version__
from emulator.runtime.healthcheck import PATHS
from emulator.services.registry import PORTS
from spantree import Pending, SpanTree, receives, sends
from spantree.render.service_map import service_map
from tests.support.command_line import VARIABLES, refusal
from tests.support.manifests import (
    OVERLAYS,
    Edge,
    Object,
    Pods,
    allowed,
    kinds,
    objects,
    pods,
    rendered,
    selects,
    tool,
    variables,
)

CLIENT = "openstack-client"
ALONE = frozenset({"keystone", "glance-api", "neutron-server", "nova-api", "nova-scheduler"})
"""Services that refuse to run twice, see `test_service_locks`."""

each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


def ours(overlay: str) -> list[tuple[Pods, Object]]:
    """The containers that run our image."""
    found = [(one, container) for one in pods(overlay) for container in one.containers]
    return [(one, container) for one, container in found if container["image"].startswith("openstack-boot-emulator:")]


def rabbitmq(overlay: str) -> list[Pods]:
    """The pods that the RabbitMQ cluster operator creates, as far as the manifest specifies them."""
    return [
        Pods(
            "RabbitmqCluster",
            one["metadata"]["name"],
            {"app.kubernetes.io/name": one["metadata"]["name"], "app.kubernetes.io/component": "rabbitmq"},
            one["spec"]["override"]["statefulSet"]["spec"]["template"]["spec"],
        )
        for one in kinds(overlay, "RabbitmqCluster")
    ]


@each_overlay
@pytest.mark.parametrize("version", [(), ("-k", "1.30.0")], ids=["newest", "1.30"])
def test_an_overlay_is_valid_for_kubernetes(overlay: str, version: tuple[str, ...], tmp_path: Path) -> None:
    """Except for RabbitmqCluster, whose schema comes with the operator."""
    (tmp_path / "all.yaml").write_text(rendered(overlay))
    command = (tool("kubernetes-validate"), *version, "--strict", "--quiet", str(tmp_path / "all.yaml"))
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)  # noqa: S603
    errors = [line for line in (done.stdout + done.stderr).splitlines() if "kind RabbitmqCluster" not in line]
    assert (done.returncode, errors) == (0, [])


@each_overlay
def test_our_image_has_this_version_and_none_is_latest(overlay: str) -> None:
    images = {container["image"] for one in pods(overlay) for container in one.containers}
    assert [image for image in images if image.startswith("openstack-boot-emulator")] == [
        f"openstack-boot-emulator:{__version__}"
    ]
    assert [image for image in images if not re.fullmatch(r"[\w/-]+:\d+\.\d+[\w.-]*", image)] == []


@each_overlay
def test_selectors_match_pods_and_their_ports(overlay: str) -> None:
    everyone = [*pods(overlay), *rabbitmq(overlay)]
    for service in kinds(overlay, "Service"):
        [behind] = [one for one in everyone if selects({"matchLabels": service["spec"]["selector"]}, one.labels)]
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= set(behind.ports), service
    for budget in kinds(overlay, "PodDisruptionBudget"):
        assert len([one for one in everyone if selects(budget["spec"]["selector"], one.labels)]) == 1, budget
    for policy in kinds(overlay, "NetworkPolicy"):
        assert any(selects(policy["spec"]["podSelector"], one.labels) for one in everyone), policy
    for workload in kinds(overlay, "Deployment", "StatefulSet"):
        assert selects(workload["spec"]["selector"], workload["spec"]["template"]["metadata"]["labels"]), workload


@each_overlay
def test_services_are_probed_on_the_emulators_ports_and_paths(overlay: str) -> None:
    serving = [(one, container) for one, container in ours(overlay) if container["args"][0] == "serve"]
    assert {one.name for one, _ in serving} == set(PORTS) - {"broker", "console"}
    for one, container in serving:
        assert container["args"] == ["serve", one.name]
        assert one.ports == {"http": PORTS[one.name]}
        asked = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "readiness", "liveness")}
        assert {get["path"] for get in asked.values()} == PATHS
        assert {get["port"] for get in asked.values()} == {"http"}
        assert asked["liveness"]["path"] == "/healthcheck/live"


@each_overlay
def test_the_startup_probe_waits_longer_than_the_service(overlay: str) -> None:
    for one, container in ours(overlay):
        if "startupProbe" in container:
            waits = container["startupProbe"]["periodSeconds"] * container["startupProbe"]["failureThreshold"]
            assert waits > float(variables(overlay, container)["EMULATOR_BUS_TIMEOUT"] or 0) + 30, one


@each_overlay
def test_there_is_time_to_finish_work_after_the_pre_stop_sleep(overlay: str) -> None:
    for one in pods(overlay):
        for container in one.containers:
            sleep = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            assert sleep + 15 <= one.spec.get("terminationGracePeriodSeconds", 30), one


@each_overlay
def test_commands_and_variables_are_ones_the_emulator_accepts(overlay: str) -> None:
    for one, container in ours(overlay):
        named = variables(overlay, container)
        assert refusal(container["args"], {name: value for name, value in named.items() if value}) == "", one
        assert {name for name in named if name.startswith("EMULATOR_")} <= VARIABLES, one


@each_overlay
def test_urls_lead_to_services_and_public_endpoints_to_localhost(overlay: str) -> None:
    there = {
        (service["metadata"]["name"], port["port"])
        for service in kinds(overlay, "Service")
        for port in service["spec"]["ports"]
    }
    for one, container in ours(overlay):
        named = variables(overlay, container)
        urls = [value for name, value in named.items() if name.endswith(("_URL", "_OTLP")) and value]
        urls += [word for word in container["args"] if word.startswith("http:")]
        assert container["args"][0] != "health" or {urlsplit(url).path for url in urls} == {"/healthcheck"}, one
        assert {(urlsplit(url).hostname, urlsplit(url).port) for url in urls} <= there, one
        assert named.get("OS_INTERFACE") == ("internal" if container["args"][0] in {"boot", "load"} else None), one
        assert named.get("EMULATOR_PUBLIC_HOST") == ("localhost" if one.name == "keystone" else None), one


async def edges(overlay: str, trace: SpanTree) -> set[Edge]:
    """The connections that a boot needs: those in its trace, and those that export the trace."""
    calls = {(edge.caller, edge.called) for edge in service_map([trace]).edges if not edge.messages}
    bus = {one.name for one, container in ours(overlay) if "EMULATOR_AMQP_URL" in variables(overlay, container)}
    assert bus == {span.service for span in trace.spans if sends(span) or receives(span)} | ALONE
    exporting = {one.name for one, container in ours(overlay) if "EMULATOR_OTLP" in variables(overlay, container)}
    assert exporting == {span.service for span in trace.spans}
    return {
        *((caller, called, PORTS[called]) for caller, called in calls),
        *((service, "rabbitmq", PORTS["broker"]) for service in bus),
        *((service, "jaeger", 4318) for service in exporting),
        (CLIENT, "jaeger", 16686),  # `emulator doctor` looks there
    }


FOR_SECURITY_GROUPS = {("nova-api", "keystone", 5000), ("nova-api", "neutron-server", 9696)}
"""What a boot with other security groups than `default` needs as well."""
AMONG_NODES = {("rabbitmq", "rabbitmq", port) for port in (4369, 25672, 35672, 35682)}


@each_overlay
async def test_network_policies_allow_exactly_what_a_boot_needs(
    overlay: str, boot: Callable[[], Pending[SpanTree]]
) -> None:
    policies = kinds(overlay, "NetworkPolicy")
    everyone = [*pods(overlay), *rabbitmq(overlay)]
    ports = {port for one in everyone for port in one.ports.values()} | {1, 4369, 5672, 15672, 25672, 35672, 35682}
    needed = await edges(overlay, await boot()) | FOR_SECURITY_GROUPS
    needed |= AMONG_NODES if rabbitmq(overlay) else set()
    assert allowed(policies, everyone, ports) == needed


@each_overlay
def test_dns_is_the_only_traffic_out_of_the_namespace(overlay: str) -> None:
    out = [
        (policy["spec"]["podSelector"], rule["ports"])
        for policy in kinds(overlay, "NetworkPolicy")
        for rule in policy["spec"].get("egress", ())
        if "to" not in rule
    ]
    assert out == [({}, [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}])]


@each_overlay
def test_services_with_state_are_never_replicated(overlay: str) -> None:
    scaled = {one["spec"]["scaleTargetRef"]["name"] for one in kinds(overlay, "HorizontalPodAutoscaler")}
    for workload in kinds(overlay, "Deployment", "StatefulSet"):
        name, spec = workload["metadata"]["name"], workload["spec"]
        if name in ALONE | {"jaeger"}:
            assert (spec["replicas"], spec["strategy"]["type"], name in scaled) == (1, "Recreate", False), name
    assert {one.name: one.kind for one in pods(overlay)}["nova-compute"] == "StatefulSet"


def test_scaled_workloads_have_three_replicas_that_nothing_resets() -> None:
    there = {one["metadata"]["name"]: one for one in kinds("scale", "Deployment", "StatefulSet")}
    for scaler in kinds("scale", "HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        workload = there.pop(target["name"])
        [container] = workload["spec"]["template"]["spec"]["containers"]
        assert (workload["kind"], "replicas" in workload["spec"]) == (target["kind"], False), target
        assert scaler["spec"]["minReplicas"] >= 3
        assert container["resources"]["requests"]["cpu"], "a share of nothing is no measure"
        assert len(workload["spec"]["template"]["spec"]["topologySpreadConstraints"]) == 2
    assert {name for name, one in there.items() if one["spec"]["replicas"] != 1} == set()


def test_no_disruption_budget_blocks_a_drain_for_ever() -> None:
    budgets = kinds("scale", "PodDisruptionBudget")
    assert {one["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"] for one in budgets} == {
        "nova-compute",
        "rabbitmq",
    }
    assert [one for one in budgets if one["spec"].get("maxUnavailable", 0) < 1] == []


def secured(container: Object, name: str) -> object:
    return container.get("securityContext", {}).get(name)


VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
RESTRICTED: dict[str, Callable[[Object], bool]] = {
    "no namespace of the node": lambda pod: not any(pod.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")),
    "no file of the node": lambda pod: all(set(one) - {"name"} <= VOLUMES for one in pod.get("volumes", ())),
    "not as root": lambda pod: pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] > 0,
    "in a group that is not root's": lambda pod: pod["securityContext"]["runAsGroup"] > 0,
    "system calls filtered": lambda pod: pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"},
    "no sysctls": lambda pod: "sysctls" not in pod["securityContext"],
}
"""What Kubernetes' Pod Security Standard "restricted" demands of a pod."""
RESTRICTED_CONTAINER: dict[str, Callable[[Object], bool]] = {
    "no new privileges": lambda one: secured(one, "allowPrivilegeEscalation") is False,
    "no capability": lambda one: secured(one, "capabilities") == {"drop": ["ALL"]},
    "not privileged": lambda one: not secured(one, "privileged"),
    "no other user than the pod's": lambda one: {"runAsUser", "runAsNonRoot"}.isdisjoint(one["securityContext"]),
    "no port of the node": lambda one: not any("hostPort" in port for port in one.get("ports", ())),
    "no other profile": lambda one: {"seccompProfile", "procMount", "seLinuxOptions"}.isdisjoint(
        one["securityContext"]
    ),
    "reads its root alone": lambda one: secured(one, "readOnlyRootFilesystem") is True,
}
"""What it demands of each container, init containers included, and more."""


@each_overlay
@pytest.mark.parametrize("rule", RESTRICTED)
def test_every_pod_is_restricted(overlay: str, rule: str) -> None:
    everyone = [*pods(overlay), *rabbitmq(overlay)]
    assert [one.workload for one in everyone if not RESTRICTED[rule](one.spec)] == []


@each_overlay
@pytest.mark.parametrize("rule", RESTRICTED_CONTAINER)
def test_every_container_is_restricted(overlay: str, rule: str) -> None:
    everyone = [*pods(overlay), *rabbitmq(overlay)]
    found = [(one.workload, container) for one in everyone for container in one.containers]
    assert [(pod, one["name"]) for pod, one in found if not RESTRICTED_CONTAINER[rule](one)] == []


@each_overlay
def test_the_namespace_enforces_restricted_pod_security(overlay: str) -> None:
    [namespace] = kinds(overlay, "Namespace")
    others = {one["metadata"].get("namespace") for one in objects(overlay) if one is not namespace}
    assert others == {namespace["metadata"]["name"]}
    for mode in ("enforce", "audit", "warn"):
        assert namespace["metadata"]["labels"][f"pod-security.kubernetes.io/{mode}"] == "restricted"


@each_overlay
def test_pods_have_no_cluster_access_and_declare_resources(overlay: str) -> None:
    for one in pods(overlay):
        assert (one.spec["automountServiceAccountToken"], one.spec["enableServiceLinks"]) == (False, False), one
        for container in one.containers:
            assert container["resources"].keys() == {"requests", "limits"}, one

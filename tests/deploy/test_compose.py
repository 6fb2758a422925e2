"""The compose files beyond their schema: they are consistent, match the emulator, and restrict every container."""

import re
from collections.abc import Callable
from graphlib import TopologicalSorter
from urllib.parse import urlsplit

import pytest

from emulator.services.registry import PORTS
from tests.support.command_line import VARIABLES, refusal
from tests.support.compose import (
    COLLECTOR,
    COMMANDS,
    HEADERS,
    OURS,
    ROOT,
    STACKS,
    Files,
    invoked,
    ports,
    services,
    stack,
    variables,
)
from tests.support.manifests import Object, yaml

OLD_COMPONENT_NAMES = {"exporters": {"otlp", "otlphttp"}, "connectors": {"spanmetrics", "servicegraph"}}
"""Deprecated aliases, by `deprecated_type` in the components' metadata.yaml."""
STANDARD = {"OS_INTERFACE", "OTEL_EXPORTER_OTLP_ENDPOINT"}

each_stack = pytest.mark.parametrize(
    "files", STACKS, ids=lambda files: "+".join(re.findall(r"compose\.?(\w*)\.yaml", " ".join(files))) or "compose"
)


@each_stack
def test_commands_and_variables_are_ones_the_emulator_accepts(files: Files) -> None:
    for name, one in services(files).items():
        if one["image"] == OURS:
            assert refusal(one["command"], variables(one)) == "", name
            assert set(variables(one)) <= VARIABLES | STANDARD, name


@each_stack
def test_each_service_runs_the_service_of_its_name(files: Files) -> None:
    serving = services(files, "serve")
    assert set(serving) == (set() if services(files, "up") else set(PORTS) - {"broker", "console"})
    assert {name: one["command"] for name, one in serving.items()} == {name: ["serve", name] for name in serving}


@each_stack
def test_urls_lead_to_ports_that_are_open(files: Files) -> None:
    everyone = services(files)
    for name, one in everyone.items():
        home = one.get("network_mode", name).removeprefix("service:")
        here = ports(home, everyone[home]) | (published(files) if name in services(files, "up") else set())
        words = [*variables(one).values(), *one.get("healthcheck", {}).get("test", ())]
        urls = [urlsplit(word.replace("127.0.0.1", "localhost")) for word in words if "://" in word]
        assert {(url.hostname, url.port) for url in urls} <= listening(files) | {("localhost", port) for port in here}


def listening(files: Files) -> set[tuple[str, int]]:
    return {(name, port) for name, one in services(files).items() for port in ports(name, one)}


def published(files: Files) -> set[int]:
    """The ports that a browser reaches at localhost."""
    return {int(port.split(":")[1]) for one in services(files).values() for port in one.get("ports", ())}


@each_stack
def test_all_spans_go_through_the_collector_if_there_is_one(files: Files) -> None:
    endpoints = {name: variables(one).get("OTEL_EXPORTER_OTLP_ENDPOINT") for name, one in ours(files).items()}
    where = "collector" if "collector" in services(files) else "jaeger"
    assert {name: url for name, url in endpoints.items() if url != f"http://{where}:4318"} == {}


def ours(files: Files) -> dict[str, Object]:
    """The services that run our image."""
    return {name: one for name, one in services(files).items() if one["image"] == OURS}


@each_stack
def test_dependencies_are_acyclic_and_can_be_satisfied(files: Files) -> None:
    ends = services(files, "boot", "doctor")
    needs = {name: one.get("depends_on", {}) for name, one in services(files).items()}
    assert tuple(TopologicalSorter(needs).static_order()), "a service depends on itself"
    for name, needed in needs.items():
        assert needed.keys() <= services(files).keys(), name
        for other, how in needed.items():
            healthy = "service_healthy" if checked(services(files)[other]) else "service_started"
            assert how == {"condition": "service_completed_successfully" if other in ends else healthy}, (name, other)


def checked(service: Object) -> bool:
    """Whether it has a health check. Our image has one, unless the service disables it."""
    check = service.get("healthcheck", {})
    return not check.get("disable") and (service["image"] == OURS or "test" in check)


@each_stack
def test_health_is_checked_where_a_service_answers_and_often_at_start(files: Files) -> None:
    assert {name for name, one in ours(files).items() if checked(one)} == set(services(files, "serve", "up"))
    for name, one in services(files).items():
        starts = {"start_period", "start_interval"} & one.get("healthcheck", {}).keys()
        assert len(starts) == (2 if checked(one) else 0), f"{name}: Compose refuses one without the other"


@each_stack
def test_one_service_builds_the_image_and_none_pulls_it(files: Files) -> None:
    assert [one["build"] for one in services(files).values() if "build" in one] == [
        {"context": "..", "dockerfile": "deploy/Dockerfile"}
    ]
    assert {one["pull_policy"] for one in ours(files).values()} == {"never"}


@each_stack
def test_only_open_ports_are_published_and_only_on_loopback(files: Files) -> None:
    for name, one in services(files).items():
        known = {f"127.0.0.1:{port}:{port}" for port in ports(name, one)}
        assert set(one.get("ports", ())) <= known, name
    assert 16686 in published(files)
    assert PORTS["keystone"] in published(files)


@each_stack
def test_clients_in_containers_use_the_internal_endpoints(files: Files) -> None:
    """The public endpoints are on localhost; only a service that shares that network can use them."""
    for name, one in services(files, "boot", "load").items():
        assert variables(one).get("OS_INTERFACE") == (None if "network_mode" in one else "internal"), name
    public = {name for name, one in ours(files).items() if variables(one).get("EMULATOR_PUBLIC_HOST") == "localhost"}
    assert public == set(services(files, "up") or {"keystone"})


@each_stack
def test_named_volumes_and_files_exist(files: Files) -> None:
    for name, one in services(files).items():
        assert {volume.split(":")[0] for volume in one.get("volumes", ())} <= stack(files).get("volumes", {}).keys()
        held = one.get("configs", ())
        assert {config["source"] for config in held} <= stack(files).get("configs", {}).keys(), name
        read = {word.partition("=")[2] for word in one.get("command", ()) if word.startswith("--config=")}
        assert read == {config["target"] for config in held}, name
    assert [
        one for one in stack(files).get("configs", {}).values() if not (ROOT / "deploy" / one["file"]).is_file()
    ] == []


RESTRICTED: dict[str, Callable[[Object], bool]] = {
    "read-only root file system": lambda one: one.get("read_only") is True,
    "no capabilities": lambda one: one.get("cap_drop") == ["ALL"] and "cap_add" not in one,
    "no new privileges": lambda one: one.get("security_opt") == ["no-new-privileges:true"],
    "not as root": lambda one: re.fullmatch(r"[1-9]\d*:[1-9]\d*", one.get("user", "")) is not None,
    "not privileged": lambda one: not one.get("privileged"),
    "no host namespaces or devices": lambda one: one.keys().isdisjoint({"devices", "ipc", "pid", "userns_mode", "uts"}),
    "no host network": lambda one: one.get("network_mode", "service:").startswith("service:"),
}


@each_stack
@pytest.mark.parametrize("rule", RESTRICTED)
def test_every_container_is_restricted(files: Files, rule: str) -> None:
    assert [name for name, one in services(files).items() if not RESTRICTED[rule](one)] == []


def test_the_collectors_pipelines_use_exactly_what_is_defined() -> None:
    collector = yaml.load(COLLECTOR, yaml.CSafeLoader)
    pipelines = collector["service"]["pipelines"].values()
    for kind in ("receivers", "processors", "exporters"):
        between = set() if kind == "processors" else set(collector["connectors"])
        assert {name for one in pipelines for name in one.get(kind, ())} == set(collector[kind]) | between, kind


def test_the_collectors_components_have_their_current_names() -> None:
    collector = yaml.load(COLLECTOR, yaml.CSafeLoader)
    for kind, old_names in OLD_COMPONENT_NAMES.items():
        assert {name.partition("/")[0] for name in collector[kind]} & old_names == set(), kind


@pytest.mark.parametrize("files", [files for files in STACKS if "collector" in " ".join(files)], ids="+".join)
def test_the_collector_sends_to_an_open_port(files: Files) -> None:
    exporters = yaml.load(COLLECTOR, yaml.CSafeLoader)["exporters"]
    targets = [one["endpoint"].split(":") for name, one in exporters.items() if name.startswith("otlp")]
    assert {(host, int(port)) for host, port in targets} <= listening(files)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_can_be_copied_as_written(command: str) -> None:
    typed = invoked(command)
    there = services(tuple(typed.files))
    match typed.subcommand:
        case "up":
            assert {*typed.services, *(one.split("=")[0] for one in typed.scale)} <= there.keys()
        case "run":
            one = there[typed.service]
            assert refusal(typed.words or one["command"], variables(one)) == ""


@pytest.mark.parametrize("file", HEADERS)
def test_the_down_in_a_files_header_removes_what_its_up_started(file: str) -> None:
    downs = [typed for typed in map(invoked, HEADERS[file]) if typed.subcommand == "down"]
    [base] = {typed.files[0] for typed in downs}
    begun = {name for files in STACKS if files[0] == base for name in services(files)}
    for typed in downs:
        assert typed.remove_orphans or services(tuple(typed.files)).keys() == begun
        assert typed.volumes == ("volumes" in stack((base,)))
    assert downs

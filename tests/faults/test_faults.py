"""Faults: each does what it says, to its own request alone, and leaves the cloud intact."""

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

import emulator.faults
from emulator.client import BootRequest, BootResult
from emulator.cloud import Settings
from emulator.faults import FAULTS, Effect, Fault, fault_tree, find_fault
from emulator.reference import registry_folder
from emulator.services.seed_data import HOST
from spantree import RULES, Pending, Span, SpanTree, spans_from_sdk, tree, trees
from spantree.lint.registry_yaml import with_files
from tests.conftest import REFERENCE, Api, RunningCloud, start_cloud, trace_of
from tests.support.module_paths import module_paths_in
from tests.support.processes import run

TAKES_TIME = [fault for fault in FAULTS.values() if fault.effect in {Effect.SLOW, Effect.DELAY}]
PACE = 0.05


def tree_of(name: str) -> Path:
    return Path(emulator.faults.__file__).with_name(f"{name}.tree")


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_does_what_it_says_and_leaves_the_cloud_intact(name: str) -> None:
    fault = FAULTS[name]
    async with start_cloud(Settings(pace=0, build_seconds=fault.build_seconds or 10), computes=3) as running_cloud:
        broken = await running_cloud.boot(BootRequest("broken", fault=fault))
        await running_cloud.quiet(broken)
        api = await running_cloud.api()
        await api.gone(broken.server_id)
        await running_cloud.quiet(broken)
        after = await running_cloud.boot(BootRequest("after"))
        await assert_nothing_is_left_but(api, after)
    trace = trace_of(running_cloud, broken.trace_id)
    assert trace == tree(tree_of(name))
    assert (broken.status, after.status) == (fault.status, "ACTIVE"), broken.fault
    assert_culprit_is_marked(trace, fault)
    findings = trace.check(at_least="warning")
    assert {finding.rule for finding in findings} >= {fault.found_by} - {""}
    assert fault.found_by or findings == []
    assert bool(trace.check()) == (RULES.get(fault.found_by) == "error")
    whole = trace_of(running_cloud, after.trace_id)
    assert whole == REFERENCE
    assert module_paths_in([trace, whole]) == []
    assert weights(whole) == {HOST.ram_mb}, "claims were left"
    assert attributes_outside_the_registries(trace) == []
    assert fault in TAKES_TIME or fault.found_by or kinds_of_spans(trace) != kinds_of_spans(whole), (
        "it changes nothing in the trace"
    )


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_looks_the_same_on_rabbitmq(rabbitmq: str, name: str) -> None:
    fault, settings = FAULTS[name], Settings(pace=0, build_seconds=FAULTS[name].build_seconds or 10)
    async with start_cloud(settings, amqp_url=rabbitmq, computes=3) as running_cloud:
        broken = await running_cloud.boot(BootRequest("broken", fault=fault))
        after = await running_cloud.boot(BootRequest("after"))
    assert trace_of(running_cloud, broken.trace_id) == tree(tree_of(name))
    assert (broken.status, after.status) == (fault.status, "ACTIVE"), broken.fault


async def assert_nothing_is_left_but(api: Api, booted: BootResult) -> None:
    """Only this server and its address are there; nothing is left of any other."""
    _, body = await api("GET", "neutron-server", "/v2.0/ports")
    assert [port["device_id"] for port in body["ports"]] == [booted.server_id]
    _, body = await api("GET", "nova-api", "/v2.1/servers")
    assert [server["id"] for server in body["servers"]] == [booted.server_id]


def assert_culprit_is_marked(trace: SpanTree, fault: Fault) -> None:
    """The ground truth names the spans on which the fault acted, and no others."""
    marked = {span.span_id for span in trace.spans if "openstack.fault.name" in span.attributes}
    named = {span.span_id for span in shown_by(trace, fault)}
    assert named, f"no span is {fault.evidence}"
    if fault.seen_at:
        assert (len(named), marked) == (1, set())
    elif fault.at == "*":
        assert named < marked
    else:
        assert named == marked
    assert {span.service for span in trace.spans if span.span_id in marked} <= {fault.service}


def shown_by(trace: SpanTree, fault: Fault) -> list[Span]:
    evidence = tree(f"{fault.evidence}\n  ...")
    return [span for span in trace.spans if evidence.cost([span]) == 0]


def weights(trace: SpanTree) -> set[Any]:
    """The free RAM of all hosts, when the scheduler chose."""
    [weigher] = [event for event in trace.one(name="select_destinations").events if event.name == "weigher"]
    return set(weigher.attributes["openstack.scheduler.weights"])


def attributes_outside_the_registries(trace: SpanTree) -> list[str]:
    """The names that neither the published registry nor ours has, and what is wrong with names and values."""
    known = with_files([registry_folder()])
    attributes = [
        *(span.attributes for span in trace.spans),
        *(span.resource for span in trace.spans),
        *(event.attributes for span in trace.spans for event in span.events),
    ]
    unknown = sorted({name for each in attributes for name in each if known.find(name) is None})
    advice = trace.check(["missing-resource"], at_least="advice", registry=registry_folder())
    return [*unknown, *(str(finding) for finding in advice if "attribute" in finding.rule)]


def kinds_of_spans(trace: SpanTree) -> Counter[tuple[str, ...]]:
    """The spans of a trace, without the name of the fault and without polls."""
    own = [span for span in trace.spans if span.name != "GET" or span.service != "openstack-client"]
    return Counter(
        (str(span), *sorted({*span.attributes} - {"openstack.fault.name"}), *(event.name for event in span.events))
        for span in own
        if span.name != "GET /v2.1/servers/{server_id}"
    )


@pytest.mark.parametrize("fault", TAKES_TIME, ids=lambda fault: fault.name)
async def test_a_fault_that_takes_time_takes_it_on_the_span_it_names(fault: Fault) -> None:
    async with start_cloud(Settings(pace=PACE)) as running_cloud:
        booted = await running_cloud.boot(BootRequest(fault=fault))
    [span] = shown_by(trace_of(running_cloud, booted.trace_id), fault)
    assert span.parent is not None
    took = span.start - span.parent.end if fault.effect is Effect.DELAY else span.end - span.start
    assert fault.seconds is not None
    assert took > fault.seconds * PACE * 1e9 / 3


GAPS = ["compute.crash_before_ack", "amqp.poison", "scheduler.wrong_choice", "trace.unsampled_hop"]
"""Faults after which there are times when no span of the trace is open, though more are to come."""


@pytest.mark.parametrize("name", GAPS)
async def test_the_boot_fixture_waits_until_the_trace_is_complete(
    boot: Callable[..., Pending[SpanTree]], name: str
) -> None:
    assert await boot(fault=name) == tree(fault_tree(name))


def test_the_boot_fixture_suggests_names_for_a_mistyped_fault(boot: Callable[..., Pending[SpanTree]]) -> None:
    with pytest.raises(LookupError, match=r"did you mean amqp\.poison"):
        boot(fault="amqp.poisson")


@pytest.mark.long_wait
async def test_boots_with_all_faults_at_once_each_end_in_their_own_state() -> None:
    chosen = [*[None] * 5, *FAULTS.values()]
    random.Random(4).shuffle(chosen)
    places = asyncio.Semaphore(20)  # more would make each other miss the deadline on a busy machine

    async def one(running_cloud: RunningCloud, number: int, fault: Fault | None) -> BootResult:
        async with places:
            return await running_cloud.boot(BootRequest(f"demo-{number}", fault=fault))

    async def delete(api: Api, booted: BootResult) -> None:
        async with places:
            await api.gone(booted.server_id)

    async with start_cloud(Settings(pace=0, build_seconds=20), computes=3) as running_cloud:
        boots = await asyncio.gather(*(one(running_cloud, number, fault) for number, fault in enumerate(chosen)))
        wrong = [
            f"{fault and fault.name}: {booted.status} {booted.fault}"
            for fault, booted in zip(chosen, boots, strict=True)
            if booted.status != (fault.status if fault else "ACTIVE")
        ]
        assert not wrong, "\n".join(wrong)
        api = await running_cloud.api()
        await asyncio.gather(*(delete(api, booted) for booted in boots))
        await running_cloud.quiet(*boots)
        after = await running_cloud.boot(BootRequest("after"))
        await assert_nothing_is_left_but(api, after)
    whole = trace_of(running_cloud, after.trace_id)
    assert whole == REFERENCE
    assert weights(whole) == {HOST.ram_mb}
    traces = {trace.trace_id: trace for trace in trees(spans_from_sdk(running_cloud.export.kept))}
    for fault, booted in zip(chosen, boots, strict=True):
        assert traces[booted.trace_id] == (tree(fault_tree(fault.name)) if fault else REFERENCE)


async def test_a_fault_in_a_client_baggage_acts_on_that_request_alone() -> None:
    async with start_cloud(computes=3) as running_cloud:
        api = await running_cloud.api()
        headers = {"baggage": "team=demo,emulator.fault=glance.image_missing"}
        answers = await asyncio.gather(*(api.create(headers=headers if number % 2 else None) for number in range(6)))
        servers = [await api.until(body["server"]["id"], "ACTIVE", "ERROR") for _, body in answers]
    assert [server["status"] for server in servers] == ["ACTIVE", "ERROR"] * 3
    assert all("No image found" in server["fault"]["message"] for server in servers[1::2])


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ("emulator.fault=no.such", "emulator.fault=no.such: there is no such fault"),
        ("emulator.fault=%0A%1B[31mred", "emulator.fault=[31mred: there is no such fault"),
        (f"emulator.fault={'x' * 300}", f"emulator.fault={'x' * 64}: there is no such fault"),
        (f"emulator.fault=keystone.slow,a={'x' * 9000}", "baggage of 9031 bytes: 8192 are the limit"),
        (f"{'a=1,' * 200}emulator.fault=keystone.slow", "emulator.fault: not among the members that can be read"),
    ],
    ids=["unknown", "control characters", "long", "oversized", "behind too many"],
)
async def test_malformed_baggage_is_ignored_and_reported_on_the_span(sent: str, reason: str) -> None:
    async with start_cloud() as running_cloud:
        api = await running_cloud.api()
        status, body = await api.create(headers={"baggage": sent})
        assert status == 202
        assert (await api.until(body["server"]["id"], "ACTIVE", "ERROR"))["status"] == "ACTIVE"
    assert ignored(running_cloud) == {"POST /v2.1/servers": [reason]}


def ignored(running_cloud: RunningCloud) -> dict[str, list[str]]:
    return {
        span.name: [event.attributes["openstack.fault.ignored"] for event in span.events]
        for span in spans_from_sdk(running_cloud.export.kept)
        for event in span.events
        if event.name == "openstack.fault.ignored"
    }


async def test_no_fault_acts_or_is_passed_on_when_faults_are_switched_off() -> None:
    async with start_cloud(Settings(pace=0, faults=False)) as running_cloud:
        booted = await running_cloud.boot(BootRequest(fault=FAULTS["glance.image_missing"]))
    assert trace_of(running_cloud, booted.trace_id) == REFERENCE
    assert ignored(running_cloud) == {
        "POST /v2.1/servers": ["emulator.fault=glance.image_missing: faults are switched off"]
    }


async def test_spans_in_a_lost_trace_are_found_by_their_request_id() -> None:
    async with start_cloud() as running_cloud:
        booted = await running_cloud.boot(BootRequest(fault=FAULTS["trace.lost_context_amqp"]))
    of_request = [
        s
        for s in spans_from_sdk(running_cloud.export.kept)
        if s.attributes["openstack.request.id"] == booted.request_id
    ]
    found = {trace.trace_id: trace for trace in trees(of_request)}
    lost = found.pop(next(trace_id for trace_id in found if trace_id != booted.trace_id))
    assert str(lost.roots[0]) == "nova-compute: process nova:compute.{host} (consumer)"
    assert list(found) == [booted.trace_id]


async def test_a_rescheduled_server_is_tried_on_three_different_hosts() -> None:
    async with start_cloud(computes=4) as running_cloud:
        booted = await running_cloud.boot(BootRequest(fault=FAULTS["compute.spawn_failed"]))
    hosts = [span.resource["host.name"] for span in spawns(trace_of(running_cloud, booted.trace_id))]
    assert len(set(hosts)) == len(hosts) == 3
    assert booted.fault.startswith(
        "Exceeded maximum number of retries. Exceeded max scheduling attempts 3 for instance "
    )


async def test_the_fault_says_so_when_too_few_hosts_are_left_to_try() -> None:
    async with start_cloud(computes=2) as running_cloud:
        booted = await running_cloud.boot(BootRequest(fault=FAULTS["compute.spawn_failed"]))
    assert len(list(spawns(trace_of(running_cloud, booted.trace_id)))) == 2
    assert booted.fault.startswith("Exceeded maximum number of retries. Exhausted all hosts available for retrying ")


def spawns(trace: SpanTree) -> Iterable[Span]:
    return (span for span in trace.spans if span.name == "spawn")


def test_every_fault_has_a_tree_and_no_tree_is_without_a_fault(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-trees"):
        pytest.skip("--update-trees: other tests of this run are writing trees")
    assert {file.name.removesuffix(".tree") for file in tree_of("x").parent.glob("*.tree")} == set(FAULTS)


def test_a_mistyped_fault_name_is_answered_with_similar_ones() -> None:
    with pytest.raises(
        LookupError, match=r"there is no fault 'glance.image_mising'; did you mean glance.image_missing"
    ):
        find_fault("glance.image_mising")


async def test_a_poisoned_message_fails_one_server_of_those_with_its_request_id() -> None:
    async with start_cloud(Settings(pace=0.05)) as running_cloud:
        api, request_id = await running_cloud.api(), f"req-{uuid.uuid4()}"
        shared = {"X-Emulator-Request-ID": request_id}
        _, building = await api.create(headers=shared)
        _, poisoned = await api.create(headers={**shared, "baggage": "emulator.fault=amqp.poison"})
        assert (await api.until(poisoned["server"]["id"], "ACTIVE", "ERROR"))["status"] == "ERROR"
        assert (await api.until(building["server"]["id"], "ACTIVE", "ERROR"))["status"] == "ACTIVE"


async def test_a_fault_that_did_not_act_is_not_reported_as_the_cause() -> None:
    ended = await run("boot", "--pace", "0", "--flavor", "m1.huge", "--fault", "glance.image_missing")
    assert "⚑ glance.image_missing: something else went wrong first, so the fault did not act" in ended.out
    assert "culprit" not in ended.out

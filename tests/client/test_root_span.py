"""The root span of a boot carries what one searches by: the request, the fault that rides along, and the outcome."""

import asyncio
import re
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan

import emulator.cloud
from emulator.client import OUTCOMES, BootRequest, Credentials, boot, new_context
from emulator.faults import FAULTS
from emulator.runtime.export import Export
from emulator.runtime.http_client import HttpClient
from spantree import Span, spans_from_sdk
from tests.conftest import start_cloud, trace_of
from tests.support.servers import closed, http, saying, silent

REQUESTED = ("openstack.server.name", "openstack.server.image", "openstack.server.flavor", "openstack.server.network")
FAULT, OUTCOME = "openstack.boot.fault", "openstack.boot.outcome"


def root_of(spans: list[ReadableSpan]) -> Span:
    [root] = [span for span in spans_from_sdk(spans) if span.name == "openstack server create"]
    return root


async def booted_at(keystone_url: str) -> Span:
    """Return the root span of a boot on a cloud that does not work."""
    export = Export(keep=True)
    async with HttpClient("openstack-client") as http:
        result = await boot(new_context(export, None), http, Credentials(keystone_url), BootRequest())
    await asyncio.to_thread(export.close)
    assert result.status == "REFUSED"
    return root_of(export.kept)


@pytest.mark.parametrize(
    ("request_", "outcome"),
    [
        (BootRequest("web-1"), "ACTIVE"),
        (BootRequest("web-1", fault=FAULTS["glance.slow_download"]), "ACTIVE"),
        (BootRequest("web-1", image="nope"), "ERROR"),
        (BootRequest("web-1", fault=FAULTS["neutron.no_free_ip"]), "ERROR"),
        (BootRequest("web-1", flavor="nope", fault=FAULTS["neutron.no_free_ip"]), "refused"),
        (BootRequest("x" * 300, image="y" * 300), "refused"),
    ],
)
async def test_the_root_says_what_was_requested_and_how_it_ended(request_: BootRequest, outcome: str) -> None:
    async with start_cloud() as running_cloud:
        booted = await running_cloud.boot(request_)
    root = trace_of(running_cloud, booted.trace_id).roots[0]
    asked = (request_.name, request_.image, request_.flavor, request_.network)
    assert [root.attributes[name] for name in REQUESTED] == [value[:255] for value in asked]
    assert root.attributes.get(FAULT) == (request_.fault.name if request_.fault else None)
    assert root.attributes[OUTCOME] == outcome
    assert root.attributes.get("openstack.server.id", "") == booted.server_id


async def test_the_faults_name_is_where_it_acts_and_not_on_the_root() -> None:
    async with start_cloud() as running_cloud:
        booted = await running_cloud.boot(BootRequest(fault=FAULTS["glance.image_missing"]))
    trace = trace_of(running_cloud, booted.trace_id)
    acting = [span.service for span in trace.spans if "openstack.fault.name" in span.attributes]
    assert (acting, [span.name for span in trace.spans if FAULT in span.attributes]) == (
        ["glance-api"],
        ["openstack server create"],
    )


async def test_only_the_root_has_what_one_searches_by() -> None:
    async with start_cloud() as running_cloud:
        booted = await running_cloud.boot()
    _, *others = trace_of(running_cloud, booted.trace_id).spans
    assert [span.name for span in others if {*REQUESTED, OUTCOME} & span.attributes.keys()] == []


def test_the_readme_lists_the_outcomes() -> None:
    readme = (Path(emulator.cloud.__file__).parent / "README.md").read_text()
    assert re.findall(r"^\| `(\w+)` \|", readme.partition("| outcome |")[2].partition("\n\n")[0], re.MULTILINE) == [
        *OUTCOMES
    ]


BROKEN = {
    "unreachable": closed(),
    "timeout": silent(),
    "refused": saying(http("503 Service Unavailable")),
}


@pytest.mark.parametrize("outcome", BROKEN)
async def test_a_cloud_that_does_not_answer_is_an_outcome_too(outcome: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.runtime.http_client.ANSWER_SECONDS", 0.2)
    with BROKEN[outcome] as port:
        root = await booted_at(f"http://127.0.0.1:{port}")
    assert (root.attributes[OUTCOME], root.failed) == (outcome, True)


async def test_a_boot_whose_user_stops_waiting_is_cancelled() -> None:
    requested = asyncio.Event()
    async with start_cloud() as running_cloud, HttpClient("openstack-client") as http_client:
        booting = asyncio.create_task(
            boot(
                new_context(running_cloud.export, None),
                http_client,
                Credentials(running_cloud.cloud.endpoints["keystone"]),
                BootRequest(fault=FAULTS["compute.hang"]),
                lambda _request, _state: requested.set(),
            )
        )
        await requested.wait()
        booting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await booting
    root = root_of(running_cloud.export.kept)
    assert (root.attributes[OUTCOME], root.attributes["openstack.boot.fault"], root.failed) == (
        "cancelled",
        "compute.hang",
        False,
    )


async def test_the_root_of_a_deletion_has_id_and_name() -> None:
    async with start_cloud() as running_cloud:
        booted = await running_cloud.boot()
        await running_cloud.delete(booted.server_id)
    [root] = [span for span in spans_from_sdk(running_cloud.export.kept) if span.name == "openstack server delete"]
    assert root.attributes["openstack.server.id"] == booted.server_id
    assert root.attributes["openstack.server.name"] == "demo"

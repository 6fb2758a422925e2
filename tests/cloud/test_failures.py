"""When something is missing: the server ends in ERROR with a fault that names the step, and the cloud keeps working."""

import asyncio
import re
import socket
import uuid

import pytest

from emulator.broker import Broker
from emulator.client import BootRequest
from emulator.cloud import Settings
from emulator.services.seed_data import resource_id
from spantree import SpanTree, spans_from_sdk
from tests.conftest import REFERENCE, eventually, start_cloud, trace_of


def with_exception(trace: SpanTree) -> list[str]:
    """The spans with an exception event."""
    return [str(span) for span in trace.spans if any(event.name == "exception" for event in span.events)]


def failed(trace: SpanTree) -> list[str]:
    return [re.sub(r"!.*\.", "!", str(span)) for span in trace.all(error=True)]


async def test_a_missing_image_fails_the_server_and_names_glance(amqp_url: str) -> None:
    async with start_cloud(amqp_url=amqp_url) as running_cloud:
        booted = await running_cloud.boot(BootRequest(image="nope"))
        api = await running_cloud.api()
        # the address is released after the server is in ERROR
        await eventually(lambda: api("GET", "neutron-server", "/v2.0/ports"), lambda seen: seen[1] == {"ports": []})
        whole = await running_cloud.boot()
    assert booted.status == "ERROR"
    assert re.fullmatch(
        r"Build of instance \S+ aborted at step \(5\), glance-api: No image found with ID nope \(\S+\) \(HTTP 404\)",
        booted.fault,
    )
    trace = trace_of(running_cloud, booted.trace_id)
    assert failed(trace) == [
        "openstack-client: openstack server create !ServerInError",
        "nova-compute: process nova:compute.{host} (consumer) !BuildAborted",
        "nova-compute: GET /v2/images/{image_id}/file (client) !404",
    ]
    assert with_exception(trace) == ["nova-compute: process nova:compute.{host} (consumer) !nova.BuildAborted"]
    settled = [span.name for span in trace.spans if span.attributes.get("messaging.operation.type") == "settle"]
    assert "reject nova:compute.{host}" in settled
    assert trace_of(running_cloud, whole.trace_id) == REFERENCE


async def test_a_missing_network_fails_the_server_and_names_neutron(amqp_url: str) -> None:
    async with start_cloud(amqp_url=amqp_url) as running_cloud:
        booted = await running_cloud.boot(BootRequest(network="nope"))
    assert "aborted at step (3), neutron-server: Network nope (" in booted.fault
    assert "nova-compute: GET /v2.0/networks/{network_id} (client) !404" in failed(
        trace_of(running_cloud, booted.trace_id)
    )


async def test_a_flavor_that_fits_nowhere_is_no_valid_host_with_filter_events(amqp_url: str) -> None:
    async with start_cloud(amqp_url=amqp_url, computes=2) as running_cloud:
        booted = await running_cloud.boot(BootRequest(flavor="m1.huge"))
    assert booted.fault.startswith("No valid host was found. There are not enough hosts available: ")
    trace = trace_of(running_cloud, booted.trace_id)
    assert failed(trace) == [
        "openstack-client: openstack server create !ServerInError",
        "nova-scheduler: process nova:scheduler (consumer) !NoValidHost",
        "nova-scheduler: select_destinations !NoValidHost",
    ]
    assert with_exception(trace) == ["nova-scheduler: select_destinations !nova.NoValidHost"]
    choice = next(span for span in trace.spans if span.name == "select_destinations")
    filters = [event for event in choice.events if event.name == "filter"]
    assert [event.attributes["openstack.scheduler.filter"] for event in filters] == [
        "ComputeFilter",
        "RamFilter",
        "CoreFilter",
        "DiskFilter",
    ]
    assert list(filters[1].attributes["openstack.scheduler.hosts.after"]) == []
    assert "nova-scheduler: reject nova:scheduler (client)" in [str(span) for span in trace.spans]


async def test_a_boot_that_takes_too_long_goes_to_error_and_releases_its_port() -> None:
    async with start_cloud(Settings(pace=3, build_seconds=2)) as running_cloud:
        booted = await running_cloud.boot()
        assert booted.status == "ERROR"
        assert re.search(r"aborted: it was still \w+ after 2 s\.$", booted.fault)
        api = await running_cloud.api()
        path = f"/v2.0/ports?device_id={booted.server_id}"
        # the host releases the address when nova-api tells it to terminate the build
        await eventually(lambda: api("GET", "neutron-server", path), lambda seen: seen[1] == {"ports": []})
    trace = trace_of(running_cloud, booted.trace_id)
    assert "nova-api: deadline !TimeoutError" in failed(trace)
    assert [span.attributes.get("openstack.rpc.method") for span in trace.spans].count("terminate_instance") == 3


async def test_a_server_deleted_while_it_builds_is_gone_and_releases_its_port() -> None:
    async with start_cloud(Settings(pace=0.1)) as running_cloud:
        api = await running_cloud.api()
        request_id = f"req-{uuid.uuid4()}"
        _, body = await api.create(headers={"X-Emulator-Request-ID": request_id})
        server_id = body["server"]["id"]
        await api.gone(server_id)
        assert running_cloud.cloud.broker is not None
        await running_cloud.cloud.broker.settled(request_id)
        assert (await api("GET", "neutron-server", "/v2.0/ports"))[1]["ports"] == []
    spans = [
        s for s in spans_from_sdk(running_cloud.export.kept) if s.attributes.get("openstack.server.id") == server_id
    ]
    assert any(s.error_type.endswith("Interrupted") for s in spans)


async def test_services_survive_a_broker_that_goes_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.runtime.amqp_bus.PUBLISH_SECONDS", 0.3)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    first = Broker(listener)
    await first.__aenter__()
    async with start_cloud(amqp_url=first.url) as running_cloud:
        assert (await running_cloud.boot()).succeeded
        await first.__aexit__(None, None, None)
        api = await running_cloud.api()
        status, body = await api.create()
        assert (status, list(body)) == (503, ["serviceUnavailable"])
        async with Broker(socket.create_server(("127.0.0.1", port))), asyncio.timeout(30):
            # each service reconnects by itself
            await eventually(api.create, lambda seen: seen[0] == 202)
            booted = await running_cloud.boot()
            assert booted.succeeded, booted.fault


async def test_no_secret_is_on_a_span_an_event_or_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with start_cloud() as running_cloud:
        await running_cloud.boot()
        await running_cloud.boot(BootRequest(image="nope"))
        api = await running_cloud.api()
        await api("GET", "nova-api", "/v2.1/servers")
        async with running_cloud.session.post(
            running_cloud.cloud.endpoints["keystone"] + "/v3/auth/tokens",
            json={"auth": {"identity": {"password": "secret"}}},
        ) as response:
            assert response.status == 400
    for span in spans_from_sdk(running_cloud.export.kept):
        texts = [span.name, span.message, *span.attributes.values()]
        texts += [value for event in span.events for value in event.attributes.values()]
        for text in map(str, texts):
            assert not re.search(r"secret|gAAAA|X-Auth-Token|password\W+[^/\s]", text), f"{span}: {text}"
    assert not re.search("secret|gAAAA", caplog.text)


def test_ids_of_the_seed_data_are_derived_from_names_and_uuids_stay() -> None:
    known = resource_id("image", "cirros")
    assert resource_id("image", known) == known
    assert resource_id("network", "cirros") != known

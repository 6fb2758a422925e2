"""The reference trace: what is really exported, span for span, on both brokers."""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Any

import aio_pika
import pytest
from aiohttp import web

from emulator.client import BootRequest
from emulator.cloud import MessagingContext, Settings
from emulator.faults import FAULTS, fault_tree
from emulator.reference import span_catalogue, tree_text
from spantree import OtlpReceiver, Span, SpanTree, spans_from_sdk, tree, trees
from tests.conftest import DEAD_LETTERS, REFERENCE, RunningCloud, start_cloud, trace_of


async def test_a_boot_exports_the_reference_trace_over_otlp(amqp_url: str, otlp: OtlpReceiver) -> None:
    async with start_cloud(otlp=otlp.endpoint, amqp_url=amqp_url) as running_cloud:
        booted = await running_cloud.boot()
    assert booted.succeeded
    assert await otlp.trace(trace_id=booted.trace_id) == REFERENCE


async def test_a_boot_is_a_sound_trace(amqp_url: str, otlp: OtlpReceiver) -> None:
    async with start_cloud(otlp=otlp.endpoint, amqp_url=amqp_url) as running_cloud:
        await running_cloud.boot()
    assert [finding for trace in otlp.traces for finding in trace.check()] == []


async def test_spans_have_exactly_the_attributes_in_the_catalogue(amqp_url: str, otlp: OtlpReceiver) -> None:
    async with start_cloud(otlp=otlp.endpoint, amqp_url=amqp_url) as running_cloud:
        booted = await running_cloud.boot()
    trace = await otlp.trace(trace_id=booted.trace_id)
    catalogue = span_catalogue()
    wrong = [
        f"{span}: {complaint}"
        for span in trace.spans
        for complaint in (
            *complaints(span.resource, catalogue["resource"]),
            *complaints(span.attributes, catalogue[sort_of(span)]),
        )
    ]
    assert not wrong, "\n".join(wrong)


def sort_of(span: Span) -> str:
    if "http.request.method" in span.attributes:
        return f"http_{span.kind}"
    if span.parent is None:
        return "root"
    kinds = {"send": "publish", "process": "process", "settle": "settle", None: "internal"}
    return kinds[span.attributes.get("messaging.operation.type")]


def complaints(found: Mapping[str, Any], entry: Mapping[str, Mapping[str, str]]) -> list[str]:
    always, known = entry["always"], {**entry["always"], **entry.get("sometimes", {})}
    return [
        *(f"lacks {name}" for name in always if name not in found),
        *(f"has {name}, which is not in the catalogue" for name in found if name not in known),
        *(
            f"{name} is {value!r}"
            for name, value in found.items()
            if name in known and not re.fullmatch(known[name], str(value))
        ),
    ]


@pytest.mark.parametrize("fault", [None, "glance.image_missing", "neutron.unavailable"])
async def test_both_spans_of_a_call_are_named_by_the_servers_route(fault: str | None) -> None:
    async with start_cloud() as running_cloud:
        booted = await running_cloud.boot(BootRequest(fault=FAULTS[fault] if fault else None))
        await running_cloud.delete(booted.server_id)
    spans = spans_from_sdk(running_cloud.export.kept)
    calls = [(span.parent, span) for trace in trees(spans) for span in trace.spans if span.kind == "server"]
    named = [(sent.name, sent.attributes["url.template"]) for sent, _ in calls if sent is not None]
    assert named == [(served.name, served.attributes["http.route"]) for sent, served in calls if sent is not None]
    asked = {"POST /v3/auth/tokens", "GET /v2.1/servers/detail", "DELETE /v2.1/servers/{server_id}"}
    assert asked <= {name for name, _ in named}


async def test_all_spans_of_a_boot_share_one_request_id_and_one_server_id(amqp_url: str) -> None:
    async with start_cloud(amqp_url=amqp_url) as running_cloud:
        booted = await running_cloud.boot()
    trace = trace_of(running_cloud, booted.trace_id)
    assert len({span.attributes["openstack.request.id"] for span in trace.spans}) == 1
    assert {span.attributes.get("openstack.server.id") for span in trace.spans} == {booted.server_id, None}
    assert {span.service for span in trace.spans if "openstack.server.id" not in span.attributes} <= {
        "openstack-client",
        "keystone",
        "glance-api",
    }


async def test_a_process_span_is_child_of_its_publish_span_and_links_to_it(amqp_url: str) -> None:
    async with start_cloud(amqp_url=amqp_url) as running_cloud:
        booted = await running_cloud.boot()
    trace = trace_of(running_cloud, booted.trace_id)
    processed = [span for span in trace.spans if span.kind == "consumer"]
    assert len(processed) == 5
    for span in processed:
        assert [(link.trace_id, link.span_id) for link in span.links] == [(span.trace_id, span.parent_id)]
        parent = span.parent
        assert parent is not None
        assert parent.kind == "producer"
        assert [event.name for event in parent.events] == ["confirmed"]
    assert not any(span.links for span in trace.spans if span.kind != "consumer")


async def test_each_service_has_its_own_resource_and_compute_names_its_host() -> None:
    async with start_cloud(computes=2) as running_cloud:
        booted = await running_cloud.boot()
    trace = trace_of(running_cloud, booted.trace_id)
    instances = {span.resource["service.name"]: span.resource["service.instance.id"] for span in trace.spans}
    assert len(set(instances.values())) == len(instances) == 7
    hosts = {span.service: span.resource.get("host.name") for span in trace.spans}
    assert hosts == {**dict.fromkeys(instances), "nova-compute": booted.host}


async def test_a_trace_breaks_where_an_http_request_loses_its_headers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Keystone drops nova-compute's trace context: keystone's span becomes a root, and nothing else changes."""

    @web.middleware
    async def forget(request: web.Request, handler: Callable[..., Any]) -> web.StreamResponse:
        if request.headers["User-Agent"].startswith("nova-compute") and request.path == "/v3/auth/tokens":
            headers = request.headers.copy()
            del headers["traceparent"]
            request = request.clone(headers=headers)
        response: web.StreamResponse = await handler(request)
        return response

    make = web.Application

    def with_forgetful_keystone(*args: Any, **options: Any) -> web.Application:
        return make(*args, **{**options, "middlewares": [forget, *options["middlewares"]]})

    monkeypatch.setattr(web, "Application", with_forgetful_keystone)
    await assert_trace_breaks("keystone", "POST /v3/auth/tokens", below="nova-compute")


async def test_a_trace_breaks_where_a_message_loses_its_headers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The message to the compute host loses its headers: the work of the host is in a separate trace."""
    publish = aio_pika.Exchange.publish

    async def headless(exchange: aio_pika.Exchange, message: aio_pika.Message, *where: Any, **options: Any) -> Any:
        if message.type == "build_and_run_instance":
            message.headers = {}
        return await publish(exchange, message, *where, **options)

    monkeypatch.setattr(aio_pika.Exchange, "publish", headless)
    await assert_trace_breaks("nova-compute", "process nova:compute.{host}", below="nova-scheduler")


async def assert_trace_breaks(service: str, name: str, below: str) -> None:
    """Check that the span begins another trace, and that the boot breaks only there."""
    async with start_cloud() as running_cloud:
        booted = await running_cloud.boot()
    assert booted.succeeded
    broken = trace_of(running_cloud, booted.trace_id)
    spans = [
        s for t in all_traces(running_cloud) for s in t.spans if s.attributes.get("openstack.request.id") in ids(broken)
    ]
    roots = [span for span in spans if not span.parent_id]
    assert sorted((root.service, root.name) for root in roots) == sorted(
        [("openstack-client", "openstack server create"), (service, name)]
    )
    lost = next(root for root in roots if root.service == service)
    assert lost.trace_id != booted.trace_id
    assert any(span.service == below for span in broken.spans)


def all_traces(running_cloud: RunningCloud) -> list[SpanTree]:
    return trees(spans_from_sdk(running_cloud.export.kept))


def ids(trace: SpanTree) -> set[str]:
    return {span.attributes["openstack.request.id"] for span in trace.spans}


async def test_a_process_span_may_be_a_child_without_a_link(amqp_url: str) -> None:
    async with start_cloud(in_context("parent"), amqp_url=amqp_url) as running_cloud:
        booted = await running_cloud.boot()
    trace = trace_of(running_cloud, booted.trace_id)
    assert trace == REFERENCE
    assert not any(span.links for span in trace.spans)


async def test_a_process_span_may_begin_its_own_trace_and_link_to_the_publish_span(amqp_url: str) -> None:
    async with start_cloud(in_context("link"), amqp_url=amqp_url) as running_cloud:
        booted = await running_cloud.boot()
    trace = trace_of(running_cloud, booted.trace_id)
    assert trace == tree(tree_text("boot-link"))
    assert trace.joined() == REFERENCE
    assert trace.hop("nova-api", "nova-scheduler").by == "link"
    assert {len(span.links) for span in trace.all_roots if span.kind == "consumer"} == {1}


async def test_a_tree_finds_a_fault_across_links() -> None:
    async with start_cloud(in_context("link")) as running_cloud:
        booted = await running_cloud.boot(BootRequest(fault=FAULTS["glance.image_missing"]))
    assert booted.status == "ERROR"
    assert trace_of(running_cloud, booted.trace_id).joined() == tree(fault_tree("glance.image_missing"))


def in_context(messaging: str) -> Settings:
    return Settings(pace=0, messaging_context=MessagingContext(messaging))


async def test_twenty_boots_side_by_side_give_twenty_reference_traces(amqp_url: str) -> None:
    async with start_cloud(amqp_url=amqp_url, computes=3) as running_cloud:
        boots = await asyncio.gather(*(running_cloud.boot(BootRequest(f"demo-{number}")) for number in range(20)))
    for booted in boots:
        assert booted.succeeded, booted.fault
        assert trace_of(running_cloud, booted.trace_id) == REFERENCE
    assert len({booted.addresses for booted in boots}) == 20


async def test_messages_that_an_earlier_cloud_left_are_purged(amqp_url: str) -> None:
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        for queue in ("scheduler", "api", "compute.compute-1"):
            await channel.declare_queue(queue, durable=True, arguments=DEAD_LETTERS)
            await channel.default_exchange.publish(aio_pika.Message(b"stale"), queue)
    async with start_cloud(amqp_url=amqp_url) as running_cloud:
        booted = await running_cloud.boot()
    assert booted.succeeded
    assert [tree for tree in all_traces(running_cloud) if any(span.failed for span in tree.spans)] == []


async def test_a_seed_leaves_every_host_its_own_ids() -> None:
    async with start_cloud(Settings(pace=0, seed=7), computes=3) as running_cloud:
        hosts = {(await running_cloud.boot(BootRequest(flavor="m1.xlarge"), seed=number)).host for number in range(3)}
    assert hosts == {"compute-1", "compute-2", "compute-3"}


async def test_a_seed_gives_the_same_ids_twice() -> None:
    runs = []
    for _ in range(2):
        async with start_cloud(Settings(pace=0, seed=7), computes=3) as running_cloud:
            booted = await running_cloud.boot(seed=7)
        trace = trace_of(running_cloud, booted.trace_id)
        spans = {span.span_id for span in trace.spans if "GET /v2.1" not in span.name and span.name != "GET"}
        runs.append((booted.trace_id, booted.server_id, booted.addresses, booted.host, spans))
    assert runs[0] == runs[1]

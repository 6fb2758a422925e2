"""Heartbeats: exported whole or not at all, whatever each service is set to; failures are logged in any case."""

import asyncio
import logging
import socket
from collections.abc import Iterator

import pytest

from emulator.broker import Broker
from emulator.cloud import MessagingContext, Settings, run_service
from emulator.reference import tree_text
from emulator.runtime.export import Export
from emulator.runtime.heartbeats import Heartbeats
from emulator.services.registry import SERVICES
from spantree import Span, join_linked, spans_from_sdk, tree, trees
from tests.cloud.in_parts import in_parts
from tests.conftest import eventually, start_cloud

HEARTBEAT = tree(tree_text("heartbeat"))
ATTEMPTS = 3


def of_heartbeats(export: Export) -> Iterator[Span]:
    return (span for span in spans_from_sdk(export.kept) if "scheduler_fanout" in span.name)


async def test_without_the_switch_a_boot_is_the_only_trace_and_the_rest_is_counted() -> None:
    async with start_cloud(computes=3) as running_cloud:
        booted = await running_cloud.boot()
    assert [trace.trace_id for trace in trees(spans_from_sdk(running_cloud.export.kept))] == [booted.trace_id]
    assert running_cloud.export.untraced_heartbeats == 2 * 3  # each host reports at its start and at its end


async def test_with_the_switch_each_report_is_exported_as_the_heartbeat_tree() -> None:
    async with start_cloud(computes=3, heartbeats=Heartbeats.EXPORT) as running_cloud:
        booted = await running_cloud.boot()
    found = trees(spans_from_sdk(running_cloud.export.kept))
    reports = [trace for trace in found if trace.trace_id != booted.trace_id]
    assert len(reports) >= 3  # those at the end may find that the scheduler has ended
    assert all(trace == HEARTBEAT for trace in reports)
    assert running_cloud.export.untraced_heartbeats == 0


@pytest.mark.parametrize("context", MessagingContext)
@pytest.mark.parametrize("sampler", ["parentbased_always_on", "always_on"])
@pytest.mark.parametrize("scheduler", Heartbeats)
@pytest.mark.parametrize("compute", Heartbeats)
async def test_services_that_differ_export_a_report_whole_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, compute: Heartbeats, scheduler: Heartbeats, sampler: str, context: MessagingContext
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    exports = {
        "nova-compute": Export(keep=True, heartbeats=compute),
        "nova-scheduler": Export(keep=True, heartbeats=scheduler),
    }
    async with in_parts(exports=exports, messaging_context=context) as (running_cloud, _):
        assert (await running_cloud.boot()).succeeded  # by then the scheduler has handled a report
    sent, received = (list(of_heartbeats(export)) for export in exports.values())
    if compute is not Heartbeats.EXPORT:
        assert (sent, received) == ([], [])
        return
    first, *others = sorted(trees([*sent, *received]), key=lambda trace: trace.spans[0].start)
    assert join_linked(first, others)[0] == HEARTBEAT


async def test_a_report_that_nobody_receives_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("emulator.services.nova.compute.resource_reports.RETRY_SECONDS", 0.01)
    export = Export()

    async def counted() -> int:
        return export.untraced_heartbeats

    endpoints = dict.fromkeys(SERVICES, "http://127.0.0.1:1")
    async with Broker(socket.create_server(("127.0.0.1", 0))) as broker:
        with caplog.at_level(logging.WARNING):
            async with run_service(
                "nova-compute", Settings(), export, amqp_url=broker.url, endpoints=endpoints, host="compute-1", port=0
            ):
                await eventually(counted, lambda count: count >= ATTEMPTS)
    await asyncio.to_thread(export.close)
    says = "no scheduler has received the report of compute-1, so it is repeated: no queue takes messages for"
    assert caplog.messages == [f"{says} scheduler_fanout"]

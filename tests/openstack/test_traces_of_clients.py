"""Traces that stock clients start: with OpenTelemetry's instrumentation, and with osprofiler."""

import re
import uuid

import aiohttp
import pytest
from osprofiler import _utils as osprofiler

from emulator.cli.program import EMULATOR
from spantree import Span
from tests.openstack.conftest import BIN, KEY, Up, User, ended
from tests.openstack.test_one_trace import exported_trace, openstack

pytestmark = pytest.mark.openstack

INSTRUMENTED = str(BIN / "opentelemetry-instrument")
STABLE = {"OTEL_SEMCONV_STABILITY_OPT_IN": "http"}


async def test_an_instrumented_client_starts_a_trace_with_every_request(demo: User, up: Up) -> None:
    name = f"osc-{uuid.uuid4()}"
    variables = {**demo.variables, **up.spans.environment, **STABLE, "OTEL_SERVICE_NAME": name}
    listed = await ended(INSTRUMENTED, str(BIN / "openstack"), "image", "list", **variables)
    assert listed.status == 0, listed.err
    traces = await up.traces(name, 4)
    asked = [(trace.spans[0].name, [child.name for child in trace.spans[0].children]) for trace in traces]
    assert ("GET", ["GET /v3"]) in asked
    assert ("POST", ["POST /v3/auth/tokens"]) in asked
    assert ("GET", ["GET /v2/images"]) in asked
    assert {len(trace.roots) for trace in traces} == {1}


async def test_a_scripts_root_span_makes_one_trace_that_contains_the_boot(demo: User, up: Up) -> None:
    name = f"sdk-{uuid.uuid4()}"
    instrumented = demo.with_variables(**up.spans.environment, **STABLE, OTEL_SERVICE_NAME=name)
    trace_id = await instrumented.sdk(
        """
        from opentelemetry import trace

        with trace.get_tracer("script").start_as_current_span("my script") as root:
            conn.create_server("traced", image="cirros", flavor="m1.tiny", network="private", wait=True, auto_ip=False)
            conn.delete_server("traced", wait=True)
        result = f"{root.get_span_context().trace_id:032x}"
        """,
        INSTRUMENTED,
    )
    trace = await up.trace(trace_id)
    assert [root.name for root in trace.roots] == ["my script"]
    assert await up.traces(name, 1) == [trace]
    assert trace.one("nova-compute", name="spawn")
    assert trace.all("nova-api", name="DELETE /v2.1/servers/{server_id}")


async def test_os_profile_makes_a_trace_with_the_printed_id(demo: User, up: Up) -> None:
    listed = await demo(f"--os-profile {KEY} network list")
    [base] = re.findall(r"^Trace ID: (\S+)$", listed.err, re.MULTILINE)
    trace = await up.trace(uuid.UUID(base).hex)
    assert [span.name for span in trace.roots if span.parent_id] == []
    assert {"GET /v3", "POST /v3/auth/tokens", "GET /v2.0/networks"} <= {span.name for span in trace.spans}
    assert {span.attributes["openstack.osprofiler.base_id"] for span in trace.spans} == {base}


async def test_a_boot_with_os_profile_is_in_its_trace(demo: User, up: Up) -> None:
    order = "server create --image cirros --flavor m1.tiny --network private profiled --wait"
    booted = await demo(f"--os-profile {KEY} {order}")
    [base] = re.findall(r"^Trace ID: (\S+)$", booted.err, re.MULTILINE)
    trace = await up.trace(uuid.UUID(base).hex)
    assert trace.one("nova-compute", name="spawn").attributes["openstack.osprofiler.base_id"] == base
    assert len(trace.roots) > 1
    assert trace.check(continues_by=EMULATOR.continues_by) == []
    await demo("server delete --wait profiled")


async def test_headers_that_are_signed_with_another_key_are_ignored(demo: User, up: Up) -> None:
    listed = await demo("--os-profile another_key network list")
    [base] = re.findall(r"^Trace ID: (\S+)$", listed.err, re.MULTILINE)

    def has_ignored(span: Span) -> bool:
        ignored = any(event.name == "openstack.osprofiler.ignored" for event in span.events)
        return ignored and span.name == "GET /v2.0/networks"

    assert await up.spans_where(has_ignored)
    assert up.spans.find(uuid.UUID(base).hex) is None


async def test_emulator_openstack_keeps_its_trace_id_besides_osprofilers(up: Up) -> None:
    issued = await openstack(up, f"--os-profile {KEY} token issue -f json")
    [base] = re.findall(r"^Trace ID: (\S+)$", issued.err, re.MULTILINE)
    served = (await exported_trace(up, issued.err)).all("keystone", kind="server")
    assert {span.attributes["openstack.osprofiler.base_id"] for span in served} == {base}


@pytest.mark.parametrize("key", [KEY, "another"])
async def test_ids_are_those_of_osprofilers_own_driver(up: Up, key: str) -> None:
    base, parent = str(uuid.uuid4()), str(uuid.uuid4())
    info, signature = osprofiler.signed_pack({"base_id": base, "parent_id": parent}, key)
    headers = {"X-Trace-Info": info.decode(), "X-Trace-HMAC": signature or ""}
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{up.endpoints['nova-api']}/v2.1/servers", headers=headers) as response:
            assert response.status == 401
    trace = await up.trace(f"{osprofiler.uuid_to_int128(base):032x}")
    [root] = trace.roots
    assert root.parent_id == f"{osprofiler.shorten_id(parent):016x}"

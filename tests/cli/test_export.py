"""Where the spans of `emulator boot` go: OTLP, the SDK's own variables, and collectors that do not answer."""

import json
import re
import signal
import socket
from pathlib import Path

import pytest

from spantree import OtlpReceiver, spans_from_json, tree, trees
from tests.conftest import REFERENCE
from tests.support.processes import run, started
from tests.support.servers import partly_over_http, saying


async def test_the_json_file_holds_exactly_what_was_sent(tmp_path: Path, otlp: OtlpReceiver) -> None:
    exported = tmp_path / "boot.json"
    ended = await run("boot", "--pace", "0", "--otlp", otlp.endpoint, "--otlp-json", str(exported))
    assert ended.status == 0, ended.err
    written = spans_from_json(exported.read_text())
    sent = {span.span_id: span for trace in otlp.traces for span in trace.spans}
    assert {span.span_id: span for span in written} == sent
    assert len(written) == len(sent)
    assert all(re.fullmatch("[0-9a-f]{32}", span.trace_id) for span in written)
    assert len(json.loads(exported.read_text())["resourceSpans"]) == 7


async def test_a_fault_needs_a_propagator_for_baggage() -> None:
    ended = await run("boot", "--fault", "glance.image_missing", OTEL_PROPAGATORS="tracecontext")
    says = "OTEL_PROPAGATORS does not include baggage, which carries the fault: add it"
    assert (ended.status, ended.err) == (1, f"emulator: {says}\n")


@pytest.mark.parametrize(
    ("protocol", "says"), [("http/protobuf", "sent to http://127.0.0.1:"), ("grpc", "could not be sent over OTLP")]
)
async def test_the_destination_is_printed_without_its_password(otlp: OtlpReceiver, protocol: str, says: str) -> None:
    url = otlp.endpoint.replace("//", "//me:hunter2@")  # gRPC knows no such thing
    ended = await run("boot", "--pace", "0", "--otlp", url, OTEL_EXPORTER_OTLP_PROTOCOL=protocol)
    assert says in ended.out + ended.err
    assert "hunter2" not in ended.out + ended.err


async def test_the_reference_trace_arrives_over_grpc_too(otlp: OtlpReceiver) -> None:
    ended = await run("boot", "--pace", "0", **{**otlp.environment, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
    assert (ended.status, ended.err) == (0, "")
    assert await otlp.trace(expecting=REFERENCE) == REFERENCE


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
async def test_a_dead_collector_costs_a_warning_and_not_the_boot(protocol: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody_accepts:
        url = f"http://127.0.0.1:{nobody_accepts.getsockname()[1]}"
        ended = await run("boot", "--pace", "0", OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_EXPORTER_OTLP_PROTOCOL=protocol)
    assert ended.status == 0
    assert re.fullmatch(r"(\d+) of \1 spans could not be sent over OTLP \([^\n]+\)\n", ended.err)


async def test_a_collector_that_rejects_some_spans_is_quoted_and_linked_to() -> None:
    with saying(partly_over_http(3, "no such tenant")) as port:
        ended = await run("boot", "--pace", "0", "--otlp", f"http://127.0.0.1:{port}")
    assert ended.status == 0
    why = r"the collector rejected them: no such tenant"
    assert re.fullmatch(rf"3 of \d+ spans could not be sent over OTLP \({why}\)\n", ended.err)
    assert f"sent to http://127.0.0.1:{port}/v1/traces; in Jaeger: " in ended.out


async def test_a_collector_that_hangs_costs_neither_waterfall_nor_file(tmp_path: Path) -> None:
    exported = tmp_path / "boots.json"
    with socket.create_server(("127.0.0.1", 0)) as nobody_accepts:
        url = f"http://127.0.0.1:{nobody_accepts.getsockname()[1]}"
        ended = await run("boot", "--pace", "0", "--count", "20", "--otlp", url, "--otlp-json", str(exported))
    assert ended.status == 0
    written = trees(spans_from_json(exported.read_text()))
    assert not any(trace.orphans for trace in written)
    lost = sum(map(len, written))
    assert ended.err == f"{lost} of {lost} spans could not be sent over OTLP (no answer in time)\n"


async def test_resource_attributes_of_the_sdk_apply(tmp_path: Path) -> None:
    exported = tmp_path / "boot.json"
    resource = {"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=ci,team=a"}
    assert (await run("boot", "--pace", "0", "--otlp-json", str(exported), **resource)).status == 0
    resources = [span.resource for span in spans_from_json(exported.read_text()) if span.service == "keystone"]
    assert {(about["deployment.environment.name"], about["team"]) for about in resources} == {("ci", "a")}


@pytest.mark.parametrize("variable", ["OTEL_SDK_DISABLED=true", "OTEL_TRACES_SAMPLER=always_off"])
async def test_a_boot_without_spans_says_so(variable: str, tmp_path: Path) -> None:
    exported = tmp_path / "boot.json"
    ended = await run("boot", "--pace", "0", "--otlp-json", str(exported), **dict([variable.split("=")]))
    assert (ended.status, ended.err) == (0, "")
    assert "There is no trace to show" in ended.out
    assert spans_from_json(exported.read_text()) == []


@pytest.mark.parametrize("prefix", ["OTEL_EXPORTER_OTLP_", "OTEL_EXPORTER_OTLP_TRACES_"])
@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"PROTOCOL": "carrier-pigeon"}, "{}PROTOCOL is 'carrier-pigeon': choose http/protobuf or grpc"),
        (
            {"PROTOCOL": "grpc", "COMPRESSION": "deflate"},
            'Invalid value "deflate" for compression envvar {}COMPRESSION',
        ),
        ({"PROTOCOL": "grpc", "TIMEOUT": "soon"}, "{}TIMEOUT is 'soon', not a number of seconds"),
    ],
    ids=["protocol", "compression", "timeout"],
)
async def test_an_unknown_setting_of_otlp_is_named(prefix: str, values: dict[str, str], says: str) -> None:
    env = {f"{prefix}{name}": value for name, value in values.items()}
    says = says.format(prefix)
    ended = await run("boot", "--otlp", "http://127.0.0.1:1", **env)
    assert (ended.status, ended.out, ended.err) == (1, "", f"emulator: {says}\n")


async def test_a_propagator_that_is_not_installed_is_named() -> None:
    ended = await run("boot", OTEL_PROPAGATORS="carrier-pigeon")
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith("emulator: ")
    assert "carrier-pigeon" in ended.err


async def test_ctrl_c_stops_a_boot_and_sends_the_spans_so_far(otlp: OtlpReceiver) -> None:
    async with started("boot", "--pace", "5", "--fault", "trace.lost_context_http", **otlp.environment) as booting:
        await otlp.trace(expecting=tree("neutron-server: GET /v2.0/networks/{network_id} (server)"), timeout=30)
        ended = await booting.stop(signal.SIGINT)
    assert (ended.status, ended.err) == (130, "")
    services = {service for trace in otlp.traces for service in trace.services}
    assert services >= {"nova-compute", "nova-scheduler", "openstack-client"}

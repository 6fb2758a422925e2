"""The OTLP receiver: which requests it accepts over HTTP and gRPC, and how it refuses the others."""

import asyncio
import gzip
import http.client
import json
import socket
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as OverGrpc
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as OverHttp
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter

from spantree import OtlpReceiver, SpanTree, otlp_json
from tests.support.otlp import EXPORT, JSON, PROTOBUF, post, raw, send
from tests.support.spans import TRACE, a_span, protobuf

FAMILY = [a_span(1, name="root"), a_span(2, 1, "first"), a_span(3, 2, "below first"), a_span(4, 1, "second")]
MEGABYTE = 1024 * 1024


DOCUMENT = json.dumps(otlp_json(FAMILY)).encode()


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (protobuf(FAMILY), PROTOBUF),
        (DOCUMENT, JSON),
        (DOCUMENT, {"Content-Type": "application/json; charset=utf-8"}),
        (gzip.compress(protobuf(FAMILY)), {**PROTOBUF, "Content-Encoding": "gzip"}),
        (gzip.compress(DOCUMENT[:50]) + gzip.compress(DOCUMENT[50:]), {**JSON, "Content-Encoding": "gzip"}),
        (gzip.compress(DOCUMENT), {**JSON, "Content-Encoding": "gzip"}),
        (zlib.compress(DOCUMENT), {**JSON, "Content-Encoding": "deflate"}),
        (iter([DOCUMENT[:100], DOCUMENT[100:]]), JSON),
    ],
    ids=["protobuf", "json", "json with a charset", "gzip", "gzip in parts", "json in gzip", "deflate", "chunked"],
)
async def test_spans_are_accepted_over_http_in_every_encoding(
    otlp: OtlpReceiver, body: bytes, headers: dict[str, str]
) -> None:
    status, _ = await asyncio.to_thread(post, otlp, body, headers)
    assert status == 200
    assert await otlp.trace() == SpanTree(FAMILY)


@pytest.mark.parametrize(
    "exporter",
    [
        lambda url: OverHttp(endpoint=f"{url}/v1/traces"),
        lambda url: OverHttp(endpoint=f"{url}/v1/traces", compression=Compression.Gzip),
        lambda url: OverGrpc(endpoint=url, insecure=True),
        lambda url: OverGrpc(endpoint=url, insecure=True, compression=grpc.Compression.Gzip),
    ],
    ids=["http", "http with gzip", "grpc", "grpc with gzip"],
)
async def test_the_sdks_exporters_reach_it_while_the_test_blocks(otlp: OtlpReceiver, exporter: object) -> None:
    made: SpanExporter = exporter(otlp.endpoint)  # type: ignore[operator]
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(made))
    with provider.get_tracer("test").start_as_current_span("work", attributes={"a": [1, 2]}):
        pass
    provider.shutdown()
    trace = await otlp.trace()
    assert trace.one(name="work").attributes == {"a": [1, 2]}


def document(**of_span: object) -> bytes:
    sound = {"traceId": TRACE, "spanId": "1" * 16, "startTimeUnixNano": "1", "endTimeUnixNano": "2"}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{**sound, **of_span}]}]}]}).encode()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "not OTLP JSON"),
        (b"[1]", "a document is 1; it must be an object with resourceSpans"),
        (b'{"resourceSpans": 3}', "not OTLP JSON"),
        (b"[" * 100_000, "not OTLP JSON"),
        (b"\xff\xfe{}", "not OTLP JSON"),
        (document(traceId="xyz"), "traceId is 'xyz'; it must be 32 hex digits"),
        (document(traceId=None), "traceId is None"),
        (document(traceId="0" * 32), "must be 32 hex digits that are not all 0"),
        (document(spanId=12), "spanId is 12; it must be 16 hex digits"),
        (document(parentSpanId="1"), "parentSpanId is '1'"),
        (document(name=["x"]), "name is ['x']; it must be a string"),
        (document(kind="SPAN_KIND_FRIENDLY"), "kind is 'SPAN_KIND_FRIENDLY'; it must be a number or one of"),
        (document(startTimeUnixNano="yesterday"), "startTimeUnixNano is 'yesterday'; it must be nanoseconds"),
        (document(endTimeUnixNano=-1), "endTimeUnixNano is -1"),
        (document(endTimeUnixNano=1.5), "endTimeUnixNano is 1.5"),
        (document(endTimeUnixNano=str(2**64)), "endTimeUnixNano is"),
        (document(attributes=[{"key": "a", "value": {"stringValue": 1}}]), "stringValue is 1; it must be a string"),
        (document(attributes=[{"key": "a", "value": {"intValue": "1.5"}}]), "intValue is '1.5'"),
        (document(attributes=[{"key": "a", "value": {"boolValue": "true"}}]), "boolValue is 'true'"),
        (document(attributes=[{"key": "a", "value": {"anyValue": 1}}]), "anyValue is not a type of attribute value"),
        (document(attributes={"a": 1}), "not OTLP JSON"),
        (document(links=[{"traceId": TRACE}]), "links[].spanId is None"),
        (document(status=2), "not OTLP JSON"),
    ],
)
def test_malformed_json_is_refused_with_the_field_named(otlp: OtlpReceiver, body: bytes, message: str) -> None:
    status, answer = post(otlp, body, JSON)
    assert status == 400
    refusal = json.loads(answer)
    assert refusal["code"] == 3
    assert message in refusal["message"]
    send(otlp, FAMILY)
    assert otlp.traces == [SpanTree(FAMILY)]


WHOLE = protobuf(FAMILY)


@pytest.mark.parametrize(
    "body",
    [WHOLE[:-1], WHOLE[: len(WHOLE) // 2], b"\xff" * 100, DOCUMENT, protobuf([replace(FAMILY[0], trace_id="ab")])],
    ids=["cut at the end", "cut in two", "noise", "json", "short id"],
)
def test_malformed_protobuf_is_refused_over_http_and_grpc(otlp: OtlpReceiver, body: bytes) -> None:
    status, answer = post(otlp, body)
    assert (status, answer[:3]) == (400, b"\x08\x03\x12")
    assert b"not " in answer
    with grpc.insecure_channel(otlp.endpoint.removeprefix("http://")) as channel:
        export = channel.unary_unary(EXPORT)
        with pytest.raises(grpc.RpcError) as refusal:
            export(body)
        assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        export(WHOLE)
    assert otlp.traces == [SpanTree(FAMILY)]


@pytest.mark.parametrize(
    ("body", "headers", "path", "status"),
    [
        (WHOLE, {"Content-Type": "text/plain"}, "/v1/traces", 415),
        (WHOLE, {}, "/v1/traces", 415),
        (WHOLE, {**PROTOBUF, "Content-Encoding": "br"}, "/v1/traces", 415),
        (WHOLE, PROTOBUF, "/v2/traces", 404),
        (WHOLE, {**PROTOBUF, "Content-Encoding": "gzip"}, "/v1/traces", 400),
        (gzip.compress(WHOLE)[:-9], {**PROTOBUF, "Content-Encoding": "gzip"}, "/v1/traces", 400),
        (WHOLE, {**PROTOBUF, "Content-Length": "ten"}, "/v1/traces", 400),
        (b"", {**PROTOBUF, "Content-Length": "9" * 5_000}, "/v1/traces", 400),
        (bytes(64 * MEGABYTE), PROTOBUF, "/v1/traces", 413),
        (iter([bytes(MEGABYTE)] * 64), PROTOBUF, "/v1/traces", 413),
        (gzip.compress(bytes(64 * MEGABYTE)), {**PROTOBUF, "Content-Encoding": "gzip"}, "/v1/traces", 413),
    ],
    ids=[
        "text",
        "no type",
        "brotli",
        "unknown path",
        "not gzip",
        "cut gzip",
        "length",
        "digits",
        "64 MB",
        "in chunks",
        "gzip bomb",
    ],
)
def test_an_unusable_request_is_refused_with_4xx(
    otlp: OtlpReceiver, body: bytes, headers: dict[str, str], path: str, status: int
) -> None:
    assert post(otlp, body, headers, path)[0] == status
    send(otlp, FAMILY)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /v1/traces HTTP/1.1\r\nHost: x\r\n\r\n", b"405"),
        (b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\r\n", b"411"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"POST /v1/traces HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", b"431"),
        (b"POST /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"POST /v1/traces HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{}", b"400"),
        (
            b"POST /v1/traces HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"400",
        ),
        (
            b"POST /v1/traces HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: magic\r\n\r\n",
            b"400",
        ),
    ],
    ids=["GET", "no length", "not HTTP", "many headers", "long path", "short body", "chunk size", "encoding"],
)
def test_malformed_http_is_refused_and_the_connection_ends(otlp: OtlpReceiver, request_: bytes, status: bytes) -> None:
    answer = raw(otlp, request_)
    assert answer.split(b" ", 2)[1] == status, answer
    send(otlp, FAMILY)


def test_silent_connections_and_malformed_http2_do_no_harm(otlp: OtlpReceiver) -> None:
    host, port = otlp.endpoint.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))):
        assert raw(otlp, b"") == b""
        raw(otlp, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 1000)
        send(otlp, FAMILY)
    assert otlp.traces == [SpanTree(FAMILY)]


def test_many_connections_with_several_requests_are_served(otlp: OtlpReceiver) -> None:
    def export(worker: int) -> None:
        connection = http.client.HTTPConnection(otlp.endpoint.removeprefix("http://"))
        for number in range(20):
            span = a_span(worker * 100 + number + 1, trace_id=f"{worker + 1:032x}")
            connection.request("POST", "/v1/traces", protobuf([span]), PROTOBUF)
            assert connection.getresponse().read() == b""
        connection.close()

    with ThreadPoolExecutor(16) as workers:
        list(workers.map(export, range(16)))
    assert sorted(len(trace) for trace in otlp.traces) == [20] * 16


@pytest.fixture
def receivers() -> Iterator[tuple[OtlpReceiver, OtlpReceiver]]:
    with OtlpReceiver() as one, OtlpReceiver() as other:
        yield one, other


def test_its_environment_overrides_inherited_variables(otlp: OtlpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" not in otlp.environment
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://elsewhere.example/v1/traces")
    monkeypatch.setenv("no_proxy", "intranet.example")
    assert otlp.environment["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] == f"{otlp.endpoint}/v1/traces"
    assert otlp.environment["no_proxy"] == "intranet.example,127.0.0.1"
    assert otlp.environment["NO_PROXY"] == "127.0.0.1"


def test_two_receivers_see_only_their_own_spans(receivers: tuple[OtlpReceiver, OtlpReceiver]) -> None:
    one, other = receivers
    send(one, FAMILY)
    assert (len(one.traces), other.traces) == (1, [])
    assert one.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] != other.environment["OTEL_EXPORTER_OTLP_ENDPOINT"]


async def test_a_receiver_closes_open_connections_at_the_end_of_its_block() -> None:
    async with OtlpReceiver() as otlp:
        endpoint = otlp.endpoint.removeprefix("http://")
        host, port = endpoint.split(":")
        idle = socket.create_connection((host, int(port)))
        channel = grpc.insecure_channel(endpoint)
        channel.unary_unary(EXPORT)(WHOLE)
    assert idle.recv(1) == b""
    idle.close()
    channel.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)))
    with pytest.raises(RuntimeError, match="outside its `with` block"):
        _ = OtlpReceiver().endpoint

"""The OTLP receiver: what it takes, what it refuses, and when it hands out a trace."""

import asyncio
import gzip
import http.client
import json
import socket
import time
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

from spantree import NotReceived, OtlpReceiver, Span, SpanTree, otlp_json, tree
from tests.support.spans import TRACE, a_span, protobuf

FAMILY = [a_span(1, name="root"), a_span(2, 1, "first"), a_span(3, 2, "below first"), a_span(4, 1, "second")]
PROTOBUF, JSON = {"Content-Type": "application/x-protobuf"}, {"Content-Type": "application/json"}
MEGABYTE = 1024 * 1024


def post(
    otlp: OtlpReceiver, body: bytes, headers: dict[str, str] = PROTOBUF, path: str = "/v1/traces"
) -> tuple[int, bytes]:
    """Return status and body of the answer."""
    connection = http.client.HTTPConnection(otlp.endpoint.removeprefix("http://"), timeout=20)
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def send(otlp: OtlpReceiver, spans: list[Span]) -> None:
    assert post(otlp, protobuf(spans)) == (200, b"")


def raw(otlp: OtlpReceiver, request: bytes) -> bytes:
    """Send bytes, and read until the connection ends."""
    host, port = otlp.endpoint.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


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
async def test_spans_come_in_over_http_in_every_form(otlp: OtlpReceiver, body: bytes, headers: dict[str, str]) -> None:
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
async def test_the_sdk_s_own_exporters_reach_it_while_the_test_blocks(otlp: OtlpReceiver, exporter: object) -> None:
    made: SpanExporter = exporter(otlp.endpoint)  # type: ignore[operator]
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(made))
    with provider.get_tracer("test").start_as_current_span("work", attributes={"a": [1, 2]}):
        pass
    provider.shutdown()
    trace = await otlp.trace()
    assert trace.one(name="work").attributes == {"a": [1, 2]}


@pytest.mark.parametrize("signal", ["metrics", "logs"])
def test_other_signals_are_welcome_and_thrown_away(otlp: OtlpReceiver, signal: str) -> None:
    assert post(otlp, b"whatever", path=f"/v1/{signal}")[0] == 200
    assert otlp.traces == []


def document(**of_span: object) -> bytes:
    sound = {"traceId": TRACE, "spanId": "1" * 16, "startTimeUnixNano": "1", "endTimeUnixNano": "2"}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{**sound, **of_span}]}]}]}).encode()


@pytest.mark.parametrize(
    ("body", "complaint"),
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
        (document(attributes=[{"key": "a", "value": {"anyValue": 1}}]), "anyValue is no type of an attribute's value"),
        (document(attributes={"a": 1}), "not OTLP JSON"),
        (document(links=[{"traceId": TRACE}]), "links[].spanId is None"),
        (document(status=2), "not OTLP JSON"),
    ],
)
def test_malformed_json_is_refused_by_name_and_the_receiver_stays(
    otlp: OtlpReceiver, body: bytes, complaint: str
) -> None:
    status, answer = post(otlp, body, JSON)
    assert status == 400
    refusal = json.loads(answer)
    assert refusal["code"] == 3
    assert complaint in refusal["message"]
    send(otlp, FAMILY)
    assert otlp.traces == [SpanTree(FAMILY)]


WHOLE = protobuf(FAMILY)


@pytest.mark.parametrize(
    "body",
    [WHOLE[:-1], WHOLE[: len(WHOLE) // 2], b"\xff" * 100, DOCUMENT, protobuf([replace(FAMILY[0], trace_id="ab")])],
    ids=["cut at the end", "cut in two", "noise", "json", "a short id"],
)
def test_malformed_protobuf_is_refused_over_http_and_grpc(otlp: OtlpReceiver, body: bytes) -> None:
    status, answer = post(otlp, body)
    assert (status, answer[:3]) == (400, b"\x08\x03\x12")
    assert b"not " in answer
    with grpc.insecure_channel(otlp.endpoint.removeprefix("http://")) as channel:
        export = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
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
        "no such path",
        "no gzip",
        "cut gzip",
        "length",
        "digits",
        "64 MB",
        "in chunks",
        "a bomb",
    ],
)
def test_what_it_cannot_use_is_refused_with_4xx(
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
    ids=["GET", "no length", "no HTTP", "many headers", "long path", "a body that is short", "a chunk", "an encoding"],
)
def test_broken_http_is_refused_and_the_connection_ends(otlp: OtlpReceiver, request_: bytes, status: bytes) -> None:
    answer = raw(otlp, request_)
    assert answer.split(b" ", 2)[1] == status, answer
    send(otlp, FAMILY)


def test_a_connection_that_says_nothing_and_broken_http2_hurt_nobody(otlp: OtlpReceiver) -> None:
    host, port = otlp.endpoint.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))):
        assert raw(otlp, b"") == b""
        raw(otlp, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 1000)
        send(otlp, FAMILY)
    assert otlp.traces == [SpanTree(FAMILY)]


def test_several_requests_on_one_connection_and_many_connections_at_once(otlp: OtlpReceiver) -> None:
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


async def test_a_trace_is_given_out_when_its_last_parent_has_come_and_once(otlp: OtlpReceiver) -> None:
    coming = asyncio.ensure_future(_awaited(otlp))
    for span in (FAMILY[2], FAMILY[0], FAMILY[3]):
        await asyncio.to_thread(send, otlp, [span])
    assert not coming.done()
    await asyncio.to_thread(send, otlp, [FAMILY[1]])
    assert await coming == SpanTree(FAMILY)
    with pytest.raises(NotReceived, match=f"trace {TRACE}: it was handed out before"):
        await otlp.trace(timeout=0.01)
    with pytest.raises(NotReceived, match="All that came was handed out before"):
        await otlp.trace(expecting=tree("shop: root\n  ..."), timeout=0.01)
    assert await otlp.trace(trace_id=TRACE) == SpanTree(FAMILY)


async def _awaited(otlp: OtlpReceiver) -> SpanTree:
    return await otlp.trace()


def test_late_spans_are_in_the_next_look_and_duplicates_count_once(otlp: OtlpReceiver) -> None:
    send(otlp, FAMILY[:1])
    first = otlp.trace().wait()
    send(otlp, FAMILY)
    send(otlp, FAMILY)
    assert len(first) == 1
    assert otlp.find(TRACE) == SpanTree(FAMILY)
    assert otlp.trace(trace_id=TRACE).wait() == SpanTree(FAMILY)
    assert otlp.find("f" * 32) is None


EXPECTED = """
shop: root
  shop: first
    shop: below first
  shop: second +
    ...
"""


async def test_an_expected_trace_is_given_out_the_moment_its_last_span_comes(otlp: OtlpReceiver) -> None:
    other = a_span(7, name="heartbeat", trace_id="f" * 32)
    expected = tree(EXPECTED)
    coming = asyncio.ensure_future(_expected(otlp))
    for batch in ([FAMILY[0], other], FAMILY[2:], [a_span(8, 1, "unasked")]):
        await asyncio.to_thread(send, otlp, batch)
        assert not coming.done()
    await asyncio.to_thread(send, otlp, [FAMILY[1]])
    trace = await coming
    assert len(trace) == 5
    assert trace != expected, "what is too much is for the comparison to tell"


async def _expected(otlp: OtlpReceiver) -> SpanTree:
    return await otlp.trace(expecting=tree(EXPECTED))


def test_a_repeated_span_that_is_half_there_is_waited_for(otlp: OtlpReceiver) -> None:
    expected = tree("shop: root\n  shop: poll +\n    bank: look")
    polls = [a_span(1, name="root"), a_span(2, 1, "poll"), a_span(3, 2, "look", "bank"), a_span(4, 1, "poll")]
    send(otlp, polls)
    with pytest.raises(NotReceived):
        otlp.trace(expecting=expected, timeout=0.01).wait()
    send(otlp, [a_span(5, 4, "look", "bank")])
    assert otlp.trace(expecting=expected, timeout=0.01).wait() == expected


LOOKS = "shop: root\n  shop: GET /x/{id} +\n    bank: look"
"""What a poller does."""


@pytest.mark.parametrize("missing", [4, 5], ids=["the second call", "its answer"])
def test_a_trace_with_a_gap_is_not_given_out(otlp: OtlpReceiver, missing: int) -> None:
    calls = [a_span(n, 1, f"GET /x/{n}000000") for n in (2, 4)]
    spans = [a_span(1, name="root"), *calls, a_span(3, 2, "look", "bank"), a_span(5, 4, "look", "bank")]
    late = [span for span in spans if span.span_id == f"{missing:016x}"]
    send(otlp, [span for span in spans if span not in late])
    with pytest.raises(NotReceived):
        otlp.trace(expecting=tree(LOOKS), timeout=0.01).wait()
    send(otlp, late)
    assert otlp.trace(expecting=tree(LOOKS)).wait() == tree(LOOKS)


def test_lines_below_dots_do_not_keep_a_trace_back(otlp: OtlpReceiver) -> None:
    expected = tree("shop: root\n  ...\n    shop: below first")
    send(otlp, FAMILY)
    assert otlp.trace(expecting=expected).wait() == expected


def test_a_trace_that_grows_span_by_span_is_not_laid_beside_the_expected_one_each_time(otlp: OtlpReceiver) -> None:
    expected = tree("shop: root\n  shop: step +\n  shop: last")
    coming = otlp.trace(expecting=expected, timeout=60)
    spans = [a_span(number, 1, "step", end=9_999) for number in range(2, 1_000)]
    began = time.process_time()
    for span in [a_span(1, name="root"), *spans, a_span(2_000, 1, "last")]:
        send(otlp, [span])
    assert coming.wait() == expected
    assert time.process_time() - began < 15, "it takes some 2 s; laid beside 1,000 times it takes 50"


def test_who_is_called_with_a_trace_may_ask_the_receiver_for_more(otlp: OtlpReceiver) -> None:
    seen: list[int] = []
    coming = otlp.trace()
    coming.then(lambda _: seen.append(len(otlp.traces)))
    send(otlp, FAMILY)
    coming.wait()
    assert seen == [1]


def test_a_receiver_can_be_used_again_and_waiting_twice_says_the_same_twice() -> None:
    otlp = OtlpReceiver()
    for _ in range(2):
        with otlp, grpc.insecure_channel(otlp.endpoint.removeprefix("http://")) as channel:
            channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")(WHOLE)
            assert otlp.find(TRACE) == SpanTree(FAMILY)
            late = otlp.trace(trace_id="f" * 32, timeout=0.01)
            for _ in range(2):
                with pytest.raises(NotReceived):
                    late.wait()


def test_a_time_out_names_what_is_missing_and_shows_what_came(otlp: OtlpReceiver) -> None:
    send(otlp, FAMILY[:3])
    with pytest.raises(NotReceived) as late:
        otlp.trace(expecting=tree(EXPECTED), timeout=0.01).wait()
    assert (
        str(late.value)
        == f"""\
the expected trace did not come within 0.01 s. Missing:
  shop: second +

The nearest trace:
the trace is not as expected: 1 missing  (- expected, + found)
  shop: root
    shop: first
      shop: below first
-   shop: second +   ← first difference: missing

What came:

trace {TRACE}
shop: root
  shop: first
    shop: below first"""
    )


async def test_a_time_out_without_any_span_says_where_to_look(otlp: OtlpReceiver) -> None:
    with pytest.raises(NotReceived, match="was it flushed"):
        await otlp.trace(timeout=0.01)
    send(otlp, [a_span(2, 1, "orphan")])
    with pytest.raises(NotReceived, match="the parent 0000000000000001 of shop: orphan has not come"):
        await otlp.trace(timeout=0.01)


async def test_who_waits_no_longer_takes_no_trace(otlp: OtlpReceiver) -> None:
    waiting = asyncio.ensure_future(_awaited(otlp))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.to_thread(send, otlp, FAMILY)
    assert await otlp.trace() == SpanTree(FAMILY)


@pytest.fixture
def receivers() -> Iterator[tuple[OtlpReceiver, OtlpReceiver]]:
    with OtlpReceiver() as one, OtlpReceiver() as other:
        yield one, other


def test_its_environment_wins_over_what_is_said_of_traces_alone_and_of_proxies(
    otlp: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" not in otlp.environment
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://elsewhere.example/v1/traces")
    monkeypatch.setenv("no_proxy", "intranet.example")
    assert otlp.environment["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] == f"{otlp.endpoint}/v1/traces"
    assert otlp.environment["no_proxy"] == "intranet.example,127.0.0.1"
    assert otlp.environment["NO_PROXY"] == "127.0.0.1"


def test_two_receivers_see_their_own_spans_only(receivers: tuple[OtlpReceiver, OtlpReceiver]) -> None:
    one, other = receivers
    send(one, FAMILY)
    assert (len(one.traces), other.traces) == (1, [])
    assert one.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] != other.environment["OTEL_EXPORTER_OTLP_ENDPOINT"]


async def test_a_receiver_ends_also_where_connections_are_open_and_serves_only_in_its_block() -> None:
    async with OtlpReceiver() as otlp:
        endpoint = otlp.endpoint.removeprefix("http://")
        host, port = endpoint.split(":")
        idle = socket.create_connection((host, int(port)))
        channel = grpc.insecure_channel(endpoint)
        channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")(WHOLE)
    assert idle.recv(1) == b""
    idle.close()
    channel.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)))
    with pytest.raises(RuntimeError, match="within its `with` block"):
        _ = OtlpReceiver().endpoint

"""The Java agent under a program of the JDK alone, exporting OTLP over HTTP and over gRPC: calls and failures."""

import http.client
from collections.abc import Iterator

import pytest

from spantree import OtlpReceiver, tree
from tests.spantree.foreign.built import built
from tests.spantree.foreign.programs import request, started

HERE = built("java", "a JDK with Maven")
QUICK_START = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
ORDER = tree("""
    shop: GET /orders (server) {http.response.status_code=200}
      shop: GET (client)
        bank: GET /charges (server)
""")
REJECTED = tree("""
    shop: GET /rejected (server) !500
      shop: GET (client) !500
        bank: GET /declined (server) !500
""")
BROKEN = tree("""
    shop: GET /broken (server) !java.lang.IllegalStateException
""")


@pytest.fixture(scope="module")
def shop(otlp_session: OtlpReceiver) -> Iterator[str]:
    agent = f"-javaagent:{HERE / 'opentelemetry-javaagent.jar'}"
    program = ("java", *QUICK_START, agent, "-cp", HERE, "Shop")
    http_protobuf = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"}
    with (
        started(otlp_session, "bank", *program, **http_protobuf) as bank,
        started(otlp_session, "shop", *program, bank, OTEL_EXPORTER_OTLP_PROTOCOL="grpc") as address,
    ):
        yield address


def test_a_call_between_java_services_is_one_trace(otlp: OtlpReceiver, shop: str) -> None:
    assert request(shop, "GET", "/orders")[0] == 200
    trace = otlp.trace(expecting=ORDER).wait()
    assert trace == ORDER
    assert list(trace.edges()) == [("shop", "bank")]
    assert trace.check() == []


def test_a_failure_in_java_passes_to_its_callers(otlp: OtlpReceiver, shop: str) -> None:
    assert request(shop, "GET", "/rejected")[0] == 500
    trace = otlp.trace(expecting=REJECTED).wait()
    assert trace == REJECTED
    assert trace.check() == []


def test_an_exception_in_java_is_on_its_span(otlp: OtlpReceiver, shop: str) -> None:
    with pytest.raises(http.client.RemoteDisconnected):
        request(shop, "GET", "/broken")
    trace = otlp.trace(expecting=BROKEN).wait()
    assert trace == BROKEN
    assert trace.roots[0].events[0].attributes["exception.message"] == "the till is jammed"

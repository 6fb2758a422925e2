"""Go with otelhttp and otelgrpc, exporting OTLP as gzipped gRPC: calls over both, a failure, a lost context."""

from collections.abc import Iterator

import pytest

from spantree import OtlpReceiver, tree
from tests.spantree.foreign.built import built
from tests.spantree.foreign.programs import request, started

PROGRAM = built("go", "Go") / "shop"
ORDER = tree("""
    shop: POST /orders/{item} (server) {http.response.status_code=200}
      shop: grpc.health.v1.Health/Check (client)
        stock: grpc.health.v1.Health/Check (server) {rpc.response.status_code=OK}
""")
SOLD_OUT = tree("""
    shop: POST /orders/{item} (server) ! {http.response.status_code=500}
      shop: grpc.health.v1.Health/Check (client) ! {rpc.response.status_code=NOT_FOUND}
        stock: grpc.health.v1.Health/Check (server)   # the client's fault is no error of the server
""")
FORGOTTEN = tree("""
    shop: POST /forgetful/{item} (server)
""")
LOST = tree("""
    shop: grpc.health.v1.Health/Check (client)
      stock: grpc.health.v1.Health/Check (server)
""")


@pytest.fixture(scope="module")
def shop(otlp_session: OtlpReceiver) -> Iterator[str]:
    gzip = {"OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"}
    with (
        started(otlp_session, "stock", PROGRAM, "stock", **gzip) as stock,
        started(otlp_session, "shop", PROGRAM, "shop", stock, **gzip) as address,
    ):
        yield address


def test_a_request_in_go_leads_over_grpc_to_another_service(otlp: OtlpReceiver, shop: str) -> None:
    assert request(shop, "POST", "/orders/teapot")[0] == 200
    trace = otlp.trace(expecting=ORDER).wait()
    assert trace == ORDER
    assert list(trace.edges()) == [("shop", "stock")]
    assert trace.check() == []


def test_a_refused_grpc_call_fails_the_request_in_go(otlp: OtlpReceiver, shop: str) -> None:
    assert request(shop, "POST", "/orders/spoon")[0] == 500
    trace = otlp.trace(expecting=SOLD_OUT).wait()
    assert trace == SOLD_OUT
    assert trace.check() == []


def test_a_background_context_in_go_begins_its_own_trace(otlp: OtlpReceiver, shop: str) -> None:
    assert request(shop, "POST", "/forgetful/teapot")[0] == 200
    assert otlp.trace(expecting=FORGOTTEN).wait() == FORGOTTEN
    assert otlp.trace(expecting=LOST).wait() == LOST

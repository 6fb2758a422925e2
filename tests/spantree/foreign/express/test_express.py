"""Node with express and amqplib, exporting OTLP as gzipped JSON and as protobuf: calls, failures, messages, links."""

from collections.abc import Iterator

import pytest

from spantree import OtlpReceiver, tree
from tests.spantree.foreign.built import built
from tests.spantree.foreign.programs import request, started

HERE = built("express", "Node")
ORDER = tree("""
    shop: POST /orders/:queue (server) {http.response.status_code=201}
      shop: request handler {http.route=/orders/:queue}
        shop: "publish <default>" (producer) {messaging.rabbitmq.routing_key=children}
          warehouse: children process (consumer)
""")
SENT = tree("""
    shop: POST /orders/:queue (server)
      shop: request handler
        shop: "publish <default>" (producer) {messaging.rabbitmq.routing_key=links}
""")
PACKED = tree("""
    linking: links process (consumer)
""")
LINKED = tree("""
    shop: POST /orders/:queue (server)
      shop: request handler
        shop: "publish <default>" (producer)
    linking: links process (consumer)
""")
BROKEN = tree("""
    shop: GET /proxy (server) ! {http.response.status_code=500}
      shop: request handler
        shop: GET (client) ! {http.response.status_code=500}
          shop: GET /broken (server) !
            shop: request handler !
""")


@pytest.fixture(scope="module")
def shop(otlp_session: OtlpReceiver, broker: str) -> Iterator[str]:
    program = ("node", "--require", HERE / "tracing.js", HERE / "shop.js")
    json = {"BROKER": broker, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"}
    with (
        started(otlp_session, "warehouse", *program, "warehouse", QUEUE="children", **json),
        started(otlp_session, "linking", *program, "warehouse", QUEUE="links", LINKS="1", **json),
        started(otlp_session, "shop", *program, "shop", BROKER=broker) as address,
    ):
        yield address


def test_an_order_goes_from_express_over_amqplib_to_its_consumer(otlp: OtlpReceiver, shop: str) -> None:
    assert request(shop, "POST", "/orders/children") == (201, '"ordered"')
    trace = otlp.trace(expecting=ORDER).wait()
    assert trace == ORDER
    assert trace.hop("shop", "warehouse").by == "parent"
    assert trace.check() == []


def test_an_amqplib_consumer_that_links_is_joined_with_its_sender(otlp: OtlpReceiver, shop: str) -> None:
    request(shop, "POST", "/orders/links")
    sent, packed = otlp.trace(expecting=SENT).wait(), otlp.trace(expecting=PACKED).wait()
    assert [span.name for span in packed.roots[0].linked] == ["publish <default>"]
    trace = otlp.find(sent.trace_id)
    assert trace is not None
    assert trace == LINKED
    assert trace.check() == []


def test_an_exception_in_express_fails_its_callers(otlp: OtlpReceiver, shop: str) -> None:
    assert request(shop, "GET", "/proxy")[0] == 500
    trace = otlp.trace(expecting=BROKEN).wait()
    assert trace == BROKEN
    thrown = trace.all(name="request handler", error=True)[0].events[0]
    assert thrown.attributes["exception.message"] == "the till is jammed"
    assert trace.check() == []

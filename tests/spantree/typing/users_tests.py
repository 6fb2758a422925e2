"""Tests as users write them, with every public name. Type checkers check this file; nothing runs it."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, assert_type

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import Tracer

import spantree
from spantree import (
    NORMALISED,
    RULES,
    DataPoint,
    Difference,
    Duration,
    Durations,
    Event,
    Exemplar,
    Expectation,
    Finding,
    Hop,
    JaegerUnavailable,
    LateSpans,
    Link,
    LogRecord,
    MalformedJaeger,
    MalformedOtlp,
    Metric,
    Mismatch,
    NoDataPoint,
    NoHop,
    NotOne,
    NotOneLog,
    NotOneMetric,
    NotOneTrace,
    NotReceived,
    OtlpReceiver,
    Pending,
    Placeholder,
    Segment,
    Span,
    Spans,
    SpanTree,
    Tracing,
    delivery,
    escaped,
    in_process_tracing,
    jaeger_json,
    jaeger_spans,
    join_linked,
    ms,
    otlp_json,
    receives,
    sends,
    spans_from_jaeger_json,
    spans_from_json,
    spans_from_protobuf,
    spans_from_sdk,
    tree,
    trees,
    updated_tree_files,
    write_value,
)
from spantree.lint import Severity
from spantree.pytest_plugin import show_if_failed

CHECKOUT = tree("shop: check out (server)\n  shop: charge card")
assert_type(CHECKOUT, Expectation)
assert_type(tree(Path("checkout.tree"), normalise=["id"]), Expectation)
assert_type(tree("shop: {sku}", normalise={"sku": Placeholder(r"\d+", r"\d+")}), Expectation)
assert_type(NORMALISED, Mapping[str, Placeholder])
assert_type(RULES, Mapping[str, Severity])


def test_blocking(otlp: OtlpReceiver) -> None:
    assert_type(otlp.endpoint, str)
    assert_type(otlp.environment, Mapping[str, str])
    pending = otlp.trace(expecting=CHECKOUT, timeout=5)
    assert_type(pending, Pending[SpanTree])
    trace = pending.wait()
    assert_type(trace, SpanTree)
    assert trace == CHECKOUT
    assert trace.matches(CHECKOUT)
    assert_type(trace.difference(CHECKOUT), Difference | None)
    assert_type(otlp.traces, list[SpanTree])
    assert_type(otlp.find("4bf9"), SpanTree | None)


async def test_awaiting(otlp: OtlpReceiver) -> None:
    trace = await otlp.trace(trace_id="4bf9")
    assert_type(trace, SpanTree)
    async with OtlpReceiver(port=0) as receiver:
        assert_type(receiver, OtlpReceiver)


def test_selection(otlp: OtlpReceiver, otlp_session: OtlpReceiver) -> None:
    assert_type(otlp_session.environment_with("metrics", "logs"), Mapping[str, str])
    header = otlp.traceparent()
    assert_type(header, str)
    assert_type(otlp.trace(traceparent=header, settle=0.5).wait(), SpanTree)
    assert_type(otlp.trace(service="shop", name="check out", attributes={"order": 17}).wait(), SpanTree)
    with otlp_session.window() as window:
        assert_type(window, OtlpReceiver)
        window.verify()


def test_metrics_and_logs(otlp: OtlpReceiver) -> None:
    metric = otlp.metrics.wait_for("http.server.request.duration").wait()
    assert_type(metric, Metric)
    assert_type(otlp.metrics.one("shop.orders"), Metric)
    point = metric.point({"http.route": "/orders"})
    assert_type(point, DataPoint)
    for exemplar in point.exemplars:
        assert_type(exemplar, Exemplar)
    record = otlp.logs.one("shop", body="ordered")
    assert_type(record, LogRecord)
    trace = otlp.trace(trace_id=record.trace_id).wait()
    assert_type(trace.find(record.span_id), Span | None)
    assert_type(trace.as_text(logs=otlp.logs), str)


def test_queries(otlp: OtlpReceiver) -> None:
    trace = otlp.trace().wait()
    span = trace.one("shop", name="charge card", kind="client", error=False, attributes={"shop.order.id": "17"})
    assert_type(span, Span)
    assert_type(span.parent, Span | None)
    assert_type(span.children, Sequence[Span])
    assert_type(span.ancestors, Iterator[Span])
    assert_type(span.duration, int)
    assert_type(span.events, tuple[Event, ...])
    assert_type(span.links, tuple[Link, ...])
    assert_type(span.attributes, Mapping[str, Any])
    for each in trace.all(name=re.compile("GET .*"), status=200, where=lambda span: span.before(span)):
        assert_type(each, Span)
    selects = trace.all(name="SELECT")
    assert_type(selects, Spans)
    assert_type(selects.durations(), Durations)
    assert_type(selects.durations().p95, Duration)
    assert selects.durations().p95 < ms(50)
    assert_type(trace.search("order=17"), Spans)
    hop = trace.hop("shop", "warehouse")
    assert_type(hop, Hop)
    assert_type(hop.dwell, int)
    assert_type(trace.hops("shop", "warehouse"), list[Hop])
    assert_type(trace.edges(), dict[tuple[str, str], list[Hop]])
    assert_type(trace.critical_path(), list[Segment])
    for finding in trace.check(ignore=["missing-resource"]):
        assert_type(finding, Finding)
    assert_type(trace.services, Sequence[str])
    assert_type(trace.joined(), SpanTree)
    assert_type(join_linked(trace, [trace]), list[SpanTree])
    assert_type(delivery(span), Hop | None)
    assert_type(receives(span), bool)
    assert_type(sends(span), bool)


def test_in_process(tracing: Tracing) -> None:
    assert_type(tracing.provider, TracerProvider)
    assert_type(tracing.provider_of("bank"), TracerProvider)
    assert_type(tracing.tracer("shop"), Tracer)
    with tracing.as_global(), tracing.tracer().start_as_current_span("order"):
        pass
    assert_type(tracing.trace(), SpanTree)
    assert_type(tracing.trace("shop", name="order"), SpanTree)
    assert_type(tracing.traces, list[SpanTree])
    assert_type(tracing.spans, list[Span])
    with in_process_tracing("shop", deterministic=True) as other:
        assert_type(other, Tracing)


@pytest.mark.tracing(service="shop", deterministic=True)
def test_marked(tracing: Tracing) -> None:
    assert str(tracing.trace()) == "shop: order"


def test_sources(document: str, message: bytes, finished: Iterable[ReadableSpan]) -> None:
    assert_type(trees(spans_from_json(document)), list[SpanTree])
    assert_type(trees(spans_from_jaeger_json(document)), list[SpanTree])
    assert_type(trees(spans_from_protobuf(message)), list[SpanTree])
    assert_type(trees(spans_from_sdk(finished)), list[SpanTree])
    assert_type(trees(jaeger_spans("http://localhost:16686", service="shop")), list[SpanTree])
    spans = spans_from_sdk(finished)
    assert_type(spans, list[Span])
    otlp_json(spans)
    jaeger_json(spans)
    assert_type(escaped("a"), str)
    assert_type(write_value(["a", 1]), str)
    assert_type(spantree.__version__, str)


def test_errors(otlp: OtlpReceiver, tracing: Tracing) -> None:
    for error in (LateSpans, Mismatch, NoDataPoint, NotOne, NotOneLog, NotOneMetric, NotOneTrace, NotReceived, NoHop):
        with pytest.raises(error):
            otlp.trace(timeout=0).wait()
    for malformed in (MalformedJaeger, MalformedOtlp, JaegerUnavailable):
        with pytest.raises(malformed):
            spans_from_json("{}")
    with pytest.raises(Mismatch) as caught:
        tracing.trace().matches(CHECKOUT)
    assert_type(caught.value.difference, Difference)
    assert_type(caught.value.difference.missing, list[str])


@pytest.fixture
def own_receiver(request: pytest.FixtureRequest) -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as receiver:
        show_if_failed(request, lambda: receiver.traces)
        yield receiver


@pytest.fixture
def order(otlp: OtlpReceiver) -> Callable[[str], Pending[SpanTree]]:
    def place(name: str) -> Pending[SpanTree]:
        pending = otlp.trace(expecting=tree(f"shop: {name}"))
        pending.then(lambda trace: trace.matches(CHECKOUT))
        return pending

    token = updated_tree_files.set([])
    updated_tree_files.reset(token)
    return place

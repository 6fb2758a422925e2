"""Metrics through the receiver, from the SDK's own exporters and by hand."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as OverGrpc
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as OverHttp
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import AlwaysOnExemplarFilter, Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from spantree import DataPoint, NoDataPoint, NotOneMetric, OtlpReceiver
from tests.support.otlp import JSON, post

SHOP = Resource({"service.name": "shop"})
DELTA = {Counter: AggregationTemporality.DELTA, Histogram: AggregationTemporality.DELTA}
CUMULATIVE = {Counter: AggregationTemporality.CUMULATIVE, Histogram: AggregationTemporality.CUMULATIVE}
TEMPORALITIES = {"delta": DELTA, "cumulative": CUMULATIVE}
EXPORTERS: dict[str, Callable[[str, Any], MetricExporter]] = {
    "http": lambda url, preferred: OverHttp(endpoint=f"{url}/v1/metrics", preferred_temporality=preferred),
    "grpc": lambda url, preferred: OverGrpc(endpoint=url, insecure=True, preferred_temporality=preferred),
}


def provider_for(otlp: OtlpReceiver, over: str = "http", temporality: str = "cumulative") -> MeterProvider:
    exporter = EXPORTERS[over](otlp.endpoint, TEMPORALITIES[temporality])
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    exponential = View(instrument_name="*.size", aggregation=ExponentialBucketHistogramAggregation(max_size=4))
    return MeterProvider(
        [reader], SHOP, exemplar_filter=AlwaysOnExemplarFilter(), views=[exponential], shutdown_on_exit=False
    )


@pytest.mark.parametrize("temporality", TEMPORALITIES)
@pytest.mark.parametrize("over", EXPORTERS)
def test_both_temporalities_read_the_same_after_two_exports(otlp: OtlpReceiver, over: str, temporality: str) -> None:
    provider = provider_for(otlp, over, temporality)
    meter = provider.get_meter("shop.meter")
    orders = meter.create_counter("shop.orders", "{order}", "Orders so far")
    seconds = meter.create_histogram("shop.duration", "s", explicit_bucket_boundaries_advisory=[1, 5])
    size = meter.create_histogram("shop.size")
    for amounts in ((1, 0.5, 1), (2, 3, 1000)):
        orders.add(amounts[0], {"shop.kind": "book"})
        seconds.record(amounts[1])
        size.record(amounts[2])
        provider.force_flush()
    provider.shutdown()

    metric = otlp.metrics.one("shop.orders", service="shop", type="sum", unit="{order}", meter="shop.meter")
    assert (metric.temporality, metric.monotonic, metric.description) == (temporality, True, "Orders so far")
    assert metric.point({"shop.kind": "book"}).value == 3
    point = otlp.metrics.one("shop.duration", type="histogram").point()
    assert (point.count, point.sum, point.min, point.max) == (2, 3.5, 0.5, 3)
    assert (point.bounds, point.buckets) == ((1, 5), (1, 1, 0))
    exponential = otlp.metrics.one("shop.size", type="exponential_histogram").point()
    assert (exponential.count, exponential.sum, exponential.zero_count) == (2, 1001, 0)
    # The buckets of scale -2 are powers of 16. Delta points have finer ones, which are merged only as far as needed.
    assert {index >> (exponential.scale + 2): count for index, count in exponential.positive.items()} == {-1: 1, 2: 1}


def test_gauges_have_the_latest_value_of_each_set_of_attributes(otlp: OtlpReceiver) -> None:
    stock = {"book": 3.5, "pen": 1}
    provider = provider_for(otlp)

    def observe(_: CallbackOptions) -> list[Observation]:
        return [Observation(value, {"shop.kind": kind}) for kind, value in stock.items()]

    provider.get_meter("shop").create_observable_gauge("shop.stock", [observe])
    provider.force_flush()
    stock["book"] = 2
    provider.shutdown()
    metric = otlp.metrics.one("shop.stock", type="gauge", attributes={"shop.kind": "pen"})
    assert {str(point.attributes["shop.kind"]): point.value for point in metric.points} == {"book": 2, "pen": 1}
    with pytest.raises(NoDataPoint) as several:
        metric.point()
    assert str(several.value) == (
        "2 data points of shop.stock, instead of one. Its points:\n  {shop.kind=book} 2.0\n  {shop.kind=pen} 1"
    ).replace("2.0", str(metric.points[0].value))
    with pytest.raises(NoDataPoint, match=r"0 data points of shop\.stock have \{'shop\.kind': 'hat'\}, instead of one"):
        metric.point({"shop.kind": "hat"})


def test_an_exemplar_leads_to_its_span(otlp: OtlpReceiver) -> None:
    provider, spans = provider_for(otlp), TracerProvider(resource=SHOP, shutdown_on_exit=False)
    spans.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=f"{otlp.endpoint}/v1/traces")))
    seconds = provider.get_meter("shop").create_histogram("shop.duration")
    with spans.get_tracer("shop").start_as_current_span("check out"):
        seconds.record(0.25)
    provider.shutdown()
    spans.shutdown()
    trace = otlp.trace().wait()
    [exemplar] = otlp.metrics.one("shop.duration").point().exemplars
    assert (exemplar.value, exemplar.trace_id) == (0.25, trace.trace_id)
    assert trace.find(exemplar.span_id) == trace.one(name="check out")
    assert trace.find("f" * 16) is None


def test_a_metric_that_is_not_there_is_answered_with_the_closest(otlp: OtlpReceiver) -> None:
    with pytest.raises(NotOneMetric, match="no metric has arrived"):
        otlp.metrics.one("shop.orders")
    provider = provider_for(otlp)
    provider.get_meter("shop").create_counter("shop.orders").add(1)
    provider.shutdown()
    with pytest.raises(NotOneMetric) as none:
        otlp.metrics.one("shop.order", type="sum")
    assert str(none.value) == (
        "none of 1 metrics has name='shop.order', type='sum'. The closest:\n"
        "  <metric shop: shop.orders (sum) {} 1>, but not name"
    )
    with pytest.raises(TypeError, match="there is no criterion 'kind'; the criteria are name, service, type"):
        otlp.metrics.one(kind="sum")  # type: ignore[call-arg]
    with pytest.raises(NotOneMetric, match=r"no such metric arrived within 0\.01 s: none of 1 metrics has name='x'"):
        otlp.metrics.wait_for("x", timeout=0.01).wait()


async def test_a_metric_is_awaited_until_it_has_the_value(otlp: OtlpReceiver) -> None:
    provider = provider_for(otlp)
    orders = provider.get_meter("shop").create_counter("shop.orders")
    pending = otlp.metrics.wait_for("shop.orders", where=lambda metric: metric.point({"n": 2}).value == 1)
    for number in (1, 2):
        orders.add(1, {"n": number})
        await asyncio.to_thread(provider.force_flush)
    assert len((await pending).points) == 2
    await asyncio.to_thread(provider.shutdown)


def json_metric(name: str, **data: object) -> bytes:
    return json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": name, **data}]}]}]}).encode()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            {"summary": {"dataPoints": [{"count": "4", "sum": 8, "quantileValues": [{"quantile": 0.5, "value": 2}]}]}},
            DataPoint(count=4, sum=8, quantiles={0.5: 2}),
        ),
        ({"gauge": {"dataPoints": [{"asInt": "3", "timeUnixNano": "7"}]}}, DataPoint(value=3, time=7)),
        ({"histogram": {"dataPoints": [{"count": 1, "bucketCounts": ["1"]}]}}, DataPoint(count=1, buckets=(1,))),
    ],
    ids=["summary", "gauge", "histogram without a sum"],
)
def test_metrics_are_read_from_json(otlp: OtlpReceiver, data: Mapping[str, object], expected: DataPoint) -> None:
    assert post(otlp, json_metric("m", **data), JSON, "/v1/metrics")[0] == 200
    assert otlp.metrics.one("m", service="unknown_service").point() == expected


@pytest.mark.parametrize(
    ("body", "headers"),
    [(b"whatever", None), (b"{", JSON), (json_metric("m", gauge=3), JSON)],
    ids=["protobuf", "cut", "a number"],
)
def test_malformed_metrics_are_refused(otlp: OtlpReceiver, body: bytes, headers: dict[str, str] | None) -> None:
    status, answer = post(otlp, body, headers or {"Content-Type": "application/x-protobuf"}, "/v1/metrics")
    assert status == 400
    assert b"not an ExportMetricsServiceRequest in " in answer
    assert len(otlp.metrics) == 0

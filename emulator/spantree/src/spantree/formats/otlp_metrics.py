"""Metrics in OTLP, as protobuf or JSON."""

from collections.abc import Mapping
from typing import Any

from spantree.formats.json_messages import parse_json
from spantree.formats.otlp_logs import read_optional_id
from spantree.formats.otlp_protobuf import parse, read_attributes
from spantree.metric import DataPoint, Exemplar, Metric

__all__ = ["metrics_from_json", "metrics_from_protobuf"]

EXPORT = "collector.metrics.v1.metrics_service_pb2", "ExportMetricsServiceRequest"
TEMPORALITIES = {1: "delta", 2: "cumulative"}
"""AggregationTemporality in opentelemetry/proto/metrics/v1/metrics.proto."""


def metrics_from_protobuf(body: bytes) -> list[Metric]:
    """Read the metrics of an ExportMetricsServiceRequest. Raises MalformedOtlp."""
    return _metrics(parse(body, *EXPORT))


def metrics_from_json(body: bytes) -> list[Metric]:
    """Read the metrics of one OTLP JSON document with `resourceMetrics`. Raises MalformedOtlp."""
    return _metrics(parse_json(body, *EXPORT))


def _metrics(request: Any) -> list[Metric]:  # noqa: ANN401 - generated code has no types
    return [
        _metric(metric, of_scope.scope.name, resource)
        for of_resource in request.resource_metrics
        for resource in [read_attributes(of_resource.resource.attributes)]
        for of_scope in of_resource.scope_metrics
        for metric in of_scope.metrics
        if metric.WhichOneof("data")
    ]


def _metric(metric: Any, meter: str, resource: Mapping[str, Any]) -> Metric:  # noqa: ANN401 - as above
    kind = metric.WhichOneof("data")
    data = getattr(metric, kind)
    return Metric(
        name=metric.name,
        type=kind,
        unit=metric.unit,
        description=metric.description,
        temporality=TEMPORALITIES.get(getattr(data, "aggregation_temporality", 0), ""),
        monotonic=getattr(data, "is_monotonic", False),
        meter=meter,
        resource=resource,
        points=tuple(POINT_READERS[kind](point) for point in data.data_points),
    )


def _common(point: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    return {
        "attributes": read_attributes(point.attributes),
        "start": point.start_time_unix_nano,
        "time": point.time_unix_nano,
        "exemplars": tuple(map(_exemplar, getattr(point, "exemplars", ()))),
    }


def _number(point: Any) -> DataPoint:  # noqa: ANN401 - as above
    return DataPoint(**_common(point), value=_value(point))


def _counted(point: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    optional = {name: getattr(point, name) for name in ("sum", "min", "max") if point.HasField(name)}
    return {**_common(point), "count": point.count, **optional}


def _histogram(point: Any) -> DataPoint:  # noqa: ANN401 - as above
    bounds, buckets = tuple(point.explicit_bounds), tuple(point.bucket_counts)
    return DataPoint(**_counted(point), bounds=bounds, buckets=buckets)


def _exponential(point: Any) -> DataPoint:  # noqa: ANN401 - as above
    return DataPoint(
        **_counted(point),
        scale=point.scale,
        zero_count=point.zero_count,
        positive=_by_index(point.positive),
        negative=_by_index(point.negative),
    )


def _by_index(buckets: Any) -> dict[int, int]:  # noqa: ANN401 - as above
    return {index: count for index, count in enumerate(buckets.bucket_counts, start=buckets.offset) if count}


def _summary(point: Any) -> DataPoint:  # noqa: ANN401 - as above
    quantiles = {pair.quantile: pair.value for pair in point.quantile_values}
    return DataPoint(**_common(point), count=point.count, sum=point.sum, quantiles=quantiles)


def _exemplar(exemplar: Any) -> Exemplar:  # noqa: ANN401 - as above
    return Exemplar(
        _value(exemplar),
        exemplar.time_unix_nano,
        read_optional_id(exemplar.trace_id, "exemplars[].trace_id", 16),
        read_optional_id(exemplar.span_id, "exemplars[].span_id", 8),
        read_attributes(exemplar.filtered_attributes),
    )


def _value(point: Any) -> float:  # noqa: ANN401 - as above
    kind = point.WhichOneof("value")
    number: float = 0 if kind is None else getattr(point, kind)
    return number


POINT_READERS = {
    "gauge": _number,
    "sum": _number,
    "histogram": _histogram,
    "exponential_histogram": _exponential,
    "summary": _summary,
}

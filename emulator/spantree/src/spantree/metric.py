"""A metric with its data points, as OpenTelemetry's exporters send it, and how successive exports add up."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from spantree.notation import write_value

__all__ = ["DataPoint", "Exemplar", "Metric", "NoDataPoint", "updated"]


class NoDataPoint(AssertionError):
    """Not exactly one data point has the attributes. The message lists those of the metric."""


@dataclass(frozen=True, slots=True)
class Exemplar:
    """A single measurement and the span in which it was made. Ids are lower-case hex, `""` outside any span."""

    value: float
    time: int
    trace_id: str = ""
    span_id: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DataPoint:
    """What was measured with one set of attributes. What a type of metric does not have is None or empty.

    Gauges and sums have a `value`. Histograms have `count`, `sum`, `min` and `max`; with explicit buckets the upper
    `bounds` of all `buckets` but the last; exponential ones have counts by bucket index in `positive` and `negative`.
    """

    attributes: Mapping[str, Any] = field(default_factory=dict)
    start: int = 0
    time: int = 0
    value: float | None = None
    count: int = 0
    sum: float | None = None
    min: float | None = None
    max: float | None = None
    bounds: tuple[float, ...] = ()
    buckets: tuple[int, ...] = ()
    scale: int = 0
    zero_count: int = 0
    positive: Mapping[int, int] = field(default_factory=dict)
    negative: Mapping[int, int] = field(default_factory=dict)
    quantiles: Mapping[float, float] = field(default_factory=dict)
    exemplars: tuple[Exemplar, ...] = ()

    def __str__(self) -> str:
        attributes = ", ".join(f"{key}={write_value(value)}" for key, value in self.attributes.items())
        return f"{{{attributes}}} {f'count {self.count}' if self.value is None else self.value}"


@dataclass(frozen=True, slots=True, repr=False)
class Metric:
    """A metric of one program, with the latest state of each data point.

    `type` is gauge, sum, histogram, exponential_histogram or summary. Points of delta temporality have been added up,
    so that both temporalities read the same: as the total since the program's start.
    """

    name: str
    type: str
    unit: str = ""
    description: str = ""
    temporality: str = ""
    """How it was exported: `delta` or `cumulative`; `""` for gauges and summaries, which have none."""
    monotonic: bool = False
    meter: str = ""
    resource: Mapping[str, Any] = field(default_factory=dict)
    points: tuple[DataPoint, ...] = ()

    @property
    def service(self) -> str:
        """The `service.name` of the resource."""
        return str(self.resource.get("service.name", "unknown_service"))

    def point(self, attributes: Mapping[str, Any] | None = None) -> DataPoint:
        """Return the only data point with these attributes, among others. Raises NoDataPoint for none or several."""
        __tracebackhide__ = True
        wanted = (attributes or {}).items()
        found = [point for point in self.points if wanted <= point.attributes.items()]
        if len(found) != 1:
            listed = "".join(f"\n  {point}" for point in self.points) or " none"
            asked = f" have {dict(wanted)}" if wanted else ""
            raise NoDataPoint(f"{len(found)} data points of {self.name}{asked}, instead of one. Its points:{listed}")
        return found[0]

    @property
    def identity(self) -> tuple[str, ...]:
        """What is equal in all exports of this metric."""
        return (repr(sorted(self.resource.items(), key=str)), self.meter, self.name, self.type)

    def __str__(self) -> str:
        return f"{self.service}: {self.name} ({self.type}) {' '.join(map(str, self.points))}"

    def __repr__(self) -> str:
        return f"<metric {self}>"

    def __hash__(self) -> int:
        return hash((self.service, self.name))


def updated(before: Metric | None, now: Metric) -> Metric:
    """Return a metric as it is after another export."""
    if before is None:
        return now
    points = {_key(point): point for point in before.points}
    for point in now.points:
        known = points.get(_key(point))
        points[_key(point)] = _added(known, point) if known and now.temporality == "delta" else point
    return replace(now, points=tuple(points.values()))


def _key(point: DataPoint) -> str:
    return repr(sorted(point.attributes.items()))


def _added(before: DataPoint, now: DataPoint) -> DataPoint:
    """Add up two delta points."""
    scale = min(before.scale, now.scale)
    same_buckets = before.bounds == now.bounds
    return replace(
        now,
        start=before.start,
        value=_total(before.value, now.value),
        count=before.count + now.count,
        sum=_total(before.sum, now.sum),
        min=min((value for value in (before.min, now.min) if value is not None), default=None),
        max=max((value for value in (before.max, now.max) if value is not None), default=None),
        buckets=tuple(map(sum, zip(before.buckets, now.buckets, strict=True))) if same_buckets else now.buckets,
        scale=scale,
        zero_count=before.zero_count + now.zero_count,
        positive=_rescaled(before.positive, before.scale - scale) + _rescaled(now.positive, now.scale - scale),
        negative=_rescaled(before.negative, before.scale - scale) + _rescaled(now.negative, now.scale - scale),
        exemplars=before.exemplars + now.exemplars,
    )


def _total(before: float | None, now: float | None) -> float | None:
    return None if before is None or now is None else before + now


def _rescaled(buckets: Mapping[int, int], by: int) -> Counter[int]:
    """Merge 2**by neighbouring buckets into one (metrics data model, "Exponential Scale")."""
    rescaled: Counter[int] = Counter()
    for index, count in buckets.items():
        rescaled[index >> by] += count
    return rescaled

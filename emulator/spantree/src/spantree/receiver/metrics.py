"""The metrics that a receiver got: find them by criteria, or wait until they have a value."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NoReturn, TypedDict, Unpack

from spantree.metric import Metric, updated
from spantree.receiver.arrivals import Arrivals
from spantree.receiver.criteria import Tests, check_criteria, explain, has_attributes, has_text, unmet
from spantree.receiver.pending import Pending

__all__ = ["MetricCriteria", "Metrics", "NotOneMetric"]


class MetricCriteria(TypedDict, total=False):
    """The criteria for finding metrics.

    `type` is gauge, sum, histogram, exponential_histogram or summary. `attributes` are those of one of its data
    points or more. `where` is a function for any other test.
    """

    service: str
    type: str
    unit: str
    meter: str
    attributes: Mapping[str, Any]
    where: Callable[[Metric], bool]


class NotOneMetric(AssertionError):
    """Not exactly one metric meets the criteria, or none did in time. The message lists the closest."""


class Metrics:
    """All metrics so far, each with the latest state of its data points. Two programs have two metrics of a name."""

    def __init__(self) -> None:
        self._by_identity: dict[tuple[str, ...], Metric] = {}
        self._arrivals: Arrivals[Metric] = Arrivals()

    def add(self, metrics: list[Metric]) -> None:
        """Keep metrics that have arrived, in place of what was known of them."""

        def keep() -> Iterable[Metric]:
            for metric in metrics:
                self._by_identity[metric.identity] = updated(self._by_identity.get(metric.identity), metric)
            return (self._by_identity[identity] for identity in {metric.identity: None for metric in metrics})

        self._arrivals.add(keep)

    def all(self, name: str | re.Pattern[str] | None = None, **criteria: Unpack[MetricCriteria]) -> list[Metric]:
        """Return the metrics so far that meet all criteria. A compiled pattern matches the whole name."""
        __tracebackhide__ = True
        values = _values(name, criteria)
        return [metric for metric in self if not unmet(metric, values, TESTS)]

    def one(self, name: str | re.Pattern[str] | None = None, **criteria: Unpack[MetricCriteria]) -> Metric:
        """Return the only metric so far that meets all criteria. Raises NotOneMetric."""
        __tracebackhide__ = True
        found = self.all(name, **criteria)
        if len(found) != 1:
            raise NotOneMetric(explain("metric", list(self), _values(name, criteria), TESTS))
        return found[0]

    def wait_for(
        self,
        name: str | re.Pattern[str] | None = None,
        *,
        timeout: float = 10.0,
        **criteria: Unpack[MetricCriteria],
    ) -> Pending[Metric]:
        """Return the first metric that meets all criteria, to be awaited, or to be waited for by `.wait()`.

        A metric is looked at again after each export, so `where=lambda metric: metric.point().count == 3` waits for the
        third measurement. Raises NotOneMetric after `timeout` seconds.
        """
        __tracebackhide__ = True
        values = _values(name, criteria)

        def fail() -> NoReturn:
            __tracebackhide__ = True
            reason = explain("metric", list(self), values, TESTS)
            raise NotOneMetric(f"no such metric arrived within {timeout:g} s: {reason}")

        return self._arrivals.wait(
            self._by_identity.values, lambda metric: not unmet(metric, values, TESTS), timeout, fail
        )

    def __iter__(self) -> Iterator[Metric]:
        return iter(list(self._by_identity.values()))

    def __len__(self) -> int:
        return len(self._by_identity)

    def __repr__(self) -> str:
        return f"<{len(self)} metrics>"


def _values(name: str | re.Pattern[str] | None, criteria: MetricCriteria) -> dict[str, Any]:
    __tracebackhide__ = True
    values = {"name": name, **criteria}
    check_criteria(values, TESTS)
    return values


TESTS: Tests[Metric] = {
    "name": lambda metric, expected: has_text(metric.name, expected),
    "service": lambda metric, expected: metric.service == expected,
    "type": lambda metric, expected: metric.type == expected,
    "unit": lambda metric, expected: metric.unit == expected,
    "meter": lambda metric, expected: metric.meter == expected,
    "attributes": lambda metric, expected: any(has_attributes(point.attributes, expected) for point in metric.points),
    "where": lambda metric, expected: expected(metric),
}

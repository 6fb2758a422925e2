"""Durations of spans: whole numbers of nanoseconds that print in a readable unit, and their statistics."""

from collections.abc import Iterable
from math import ceil
from typing import Self

from spantree.span import Span

__all__ = ["Duration", "Durations", "ms", "readable"]

UNITS = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"), (1, "ns"))
SLOWEST = 5
"""The most spans that an explanation lists."""


class Duration(int):
    """Nanoseconds. It compares and calculates like a number, and prints in a readable unit: 61.2 ms.

    `what` says how it was calculated from `spans`, such as p95; both are empty for a limit.
    """

    what: str
    spans: tuple[Span, ...]

    def __new__(cls, nanoseconds: float, what: str = "", spans: Iterable[Span] = ()) -> Self:
        made = super().__new__(cls, round(nanoseconds))
        made.what, made.spans = what, tuple(spans)
        return made

    def __repr__(self) -> str:
        return readable(self)

    __str__ = __repr__

    def explain(self, operator: str, limit: float) -> list[str]:
        """Return why a comparison with a limit does not hold, with the slowest spans, or else the fastest."""
        is_slow = operator in {"<", "<=", "=="}
        ordered = sorted(self.spans, key=lambda span: span.duration, reverse=is_slow)
        beyond = sum(span.duration >= limit if is_slow else span.duration <= limit for span in ordered)
        count = f"{len(ordered)} span{'' if len(ordered) == 1 else 's'}"
        where = f"{beyond} of them at {'that or more' if is_slow else 'that or less'}"
        lines = [f"the {self.what} of {count} is {self}, not {operator} {readable(limit)}; {where}:"]
        width = max((len(readable(span.duration)) for span in ordered[:SLOWEST]), default=0)
        lines += [f"  {readable(span.duration):>{width}}  {span}, id {span.span_id}" for span in ordered[:SLOWEST]]
        return lines + ([f"  and {len(ordered) - SLOWEST} more"] if len(ordered) > SLOWEST else [])


class Durations:
    """The durations of some spans. All statistics are nanoseconds; without spans they raise ValueError."""

    def __init__(self, spans: Iterable[Span], asked_for: str = "") -> None:
        self._spans = tuple(sorted(spans, key=lambda span: span.duration))
        self._asked_for = asked_for

    def percentile(self, percent: float) -> Duration:
        """Return the shortest duration that at least so many percent of the spans do not exceed (nearest rank)."""
        if not 0 < percent <= 100:  # noqa: PLR2004 - percent
            raise ValueError(f"percent is {percent}; it must be over 0 and at most 100")
        self._must_exist(f"p{percent:g}")
        rank = ceil(len(self._spans) * percent / 100)
        return Duration(self._spans[rank - 1].duration, f"p{percent:g}", self._spans)

    @property
    def p50(self) -> Duration:
        """The median."""
        return self.percentile(50)

    @property
    def p95(self) -> Duration:
        """What 95 % of the spans do not exceed."""
        return self.percentile(95)

    @property
    def p99(self) -> Duration:
        """What 99 % of the spans do not exceed."""
        return self.percentile(99)

    @property
    def max(self) -> Duration:
        """The longest."""
        self._must_exist("max")
        return Duration(self._spans[-1].duration, "max", self._spans)

    @property
    def min(self) -> Duration:
        """The shortest."""
        self._must_exist("min")
        return Duration(self._spans[0].duration, "min", self._spans)

    @property
    def mean(self) -> Duration:
        """The mean, to the nanosecond."""
        self._must_exist("mean")
        return Duration(self.total / len(self._spans), "mean", self._spans)

    @property
    def total(self) -> Duration:
        """The sum; 0 for no spans. Spans that ran at the same time all count."""
        return Duration(sum(span.duration for span in self._spans), "total", self._spans)

    def __len__(self) -> int:
        return len(self._spans)

    def __repr__(self) -> str:
        if not self._spans:
            return "<durations of 0 spans>"
        return f"<durations of {len(self)} spans: p50 {self.p50}, p95 {self.p95}, max {self.max}, total {self.total}>"

    def _must_exist(self, statistic: str) -> None:
        __tracebackhide__ = True
        if not self._spans:
            raise ValueError(f"there is no {statistic} of no spans: none {self._asked_for or 'was selected'}")


def ms(milliseconds: float) -> Duration:
    """Return a duration of so many milliseconds, to compare with."""
    return Duration(milliseconds * 1_000_000)


def readable(nanoseconds: float) -> str:
    """Return a duration with three digits in the unit that fits: 61.2 ms."""
    size, unit = next((unit for unit in UNITS if abs(nanoseconds) >= unit[0]), UNITS[-1])
    value = nanoseconds / size
    text = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits
    return f"{text} {unit}"

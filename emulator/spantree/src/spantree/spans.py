"""`Spans`: the list of spans that a query returns, with questions about all of them and a readable `repr`."""

from collections import Counter
from collections.abc import Iterable

from spantree.candidates import listed
from spantree.durations import Durations, readable
from spantree.failure_reason import failure_reason
from spantree.span import Span

__all__ = ["Spans"]


class Spans(list[Span]):
    """Some spans of a trace, in order of their starts: a list, equal to any list of the same spans."""

    def __init__(self, spans: Iterable[Span] = (), asked_for: str = "") -> None:
        super().__init__(spans)
        self._asked_for = asked_for

    def durations(self) -> Durations:
        """Return the durations, of which `p50`, `p95`, `p99`, `percentile(q)`, `min`, `max`, `mean`, `total` exist."""
        return Durations(self, self._asked_for)

    @property
    def services(self) -> list[str]:
        """The services, in order of their first spans."""
        return list(dict.fromkeys(span.service for span in self))

    @property
    def names(self) -> list[str]:
        """The names, in order of their first spans."""
        return list(dict.fromkeys(span.name for span in self))

    def counts(self) -> dict[str, int]:
        """Return the number of spans of each name."""
        return dict(Counter(span.name for span in self))

    def explain(self, other: object) -> list[str] | None:
        """Return how the spans differ from a list: those that are too many, and those that are not there."""
        if not isinstance(other, list):
            return None
        extra = [span for span in self if span not in other]
        lacking = [span for span in other if span not in self]
        if not (extra or lacking):
            return [f"the {len(self)} spans are in another order, or some are there more often"]
        said = f": {'it' if len(extra) == 1 else 'each'} {self._asked_for}" if self._asked_for else ""
        found = [f"{_count(extra)} not expected{said}", *listed(map(_describe, extra))] if extra else []
        not_found = [f"{_count(lacking)} not found", *listed(map(str, lacking))] if lacking else []
        return [*found, *not_found]


def _count(spans: list[Span]) -> str:
    return f"{len(spans)} span{' is' if len(spans) == 1 else 's are'}"


def _describe(span: Span) -> str:
    failure = failure_reason(span)
    why = f": {failure}" if failure and failure != span.error_type else ""
    below = f", below {span.parent}" if span.parent is not None else ""
    return f"{span}{why}, {readable(span.duration)}{below}, id {span.span_id}"

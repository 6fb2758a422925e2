"""What a Jaeger with stored traces answers: its storages honour the service, the range of time and the depth.

Made after Jaeger 2.20, internal/storage: v2/memory/tenant.go and v1/cassandra/spanstore/reader.go.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from spantree import OtlpReceiver, Span, jaeger_json, otlp_json
from spantree.span import UNRELATED
from tests.support.jaeger import NO_TRACES, NOT_FOUND, Answer


@dataclass(frozen=True)
class Query:
    """A search: its range of time is in nanoseconds."""

    service: str
    start: int
    end: int
    depth: int


class TooDeep(Exception):
    """The storage does not search so deep."""


class NameRequired(Exception):
    """The storage does not search without the name of a service."""


Storage = Callable[[Sequence[Span], Query], list[str]]
"""Returns the ids of the traces that a search finds. Raises TooDeep and NameRequired."""


def memory(spans: Sequence[Span], query: Query, max_traces: int = 100_000) -> list[str]:
    """Find the traces that arrived last, among as many as are kept."""
    if not 0 < query.depth <= max_traces:
        raise TooDeep("search depth must be greater than 0 and less than max traces")
    matching = {span.trace_id for span in spans if matches(span, query)}
    arrived = dict.fromkeys(span.trace_id for span in spans)
    return [trace_id for trace_id in [*arrived][: -max_traces - 1 : -1] if trace_id in matching][: query.depth]


def cassandra(spans: Sequence[Span], query: Query) -> list[str]:
    """Find the traces of the latest spans: an index has a row for each, and so many are read for a trace."""
    if not query.service:
        raise NameRequired("service name is required")
    inside = [span for span in spans if matches(span, query) and query.start < span.start < query.end]
    rows = sorted(inside, key=lambda span: span.start, reverse=True)[: 3 * query.depth]
    return list(dict.fromkeys(span.trace_id for span in rows))[: query.depth]


def matches(span: Span, query: Query) -> bool:
    return query.service in ("", span.service) and query.start <= span.start <= query.end


@dataclass(frozen=True)
class Stored(Mapping[str, Answer | Callable[[Mapping[str, str]], Answer]]):
    """The answers of a Jaeger that has these spans. Without `v3` it has the legacy API only."""

    spans: Callable[[], Sequence[Span]]
    storage: Storage = memory
    v3: bool = True

    def __getitem__(self, path: str) -> Answer | Callable[[Mapping[str, str]], Answer]:
        root = "/api/v3" if self.v3 else "/api"
        if path == f"{root}/services":
            names = sorted({span.service for span in self.spans()})
            return 200, json.dumps({"services": names, "data": names})
        if path == f"{root}/traces":
            return partial(self._search, v3=self.v3)
        if path.startswith(f"{root}/traces/"):
            return self._write({path.rpartition("/")[2]})
        raise KeyError(path)

    def _search(self, asked: Mapping[str, str], *, v3: bool) -> Answer:
        try:
            found = self.storage(self.spans(), v3_query(asked) if v3 else legacy_query(asked))
        except (TooDeep, NameRequired) as error:
            status = 400 if isinstance(error, NameRequired) else 500
            failure = {"httpCode": status, "message": str(error)} if v3 else [{"code": status, "msg": str(error)}]
            return status, json.dumps({"error": failure} if v3 else {"data": None, "errors": failure})
        return self._write(set(found))

    def _write(self, trace_ids: set[str]) -> Answer:
        found = [span for span in self.spans() if span.trace_id in trace_ids]
        if not found:
            return NO_TRACES if self.v3 else NOT_FOUND
        return 200, json.dumps({"result": otlp_json(found)} if self.v3 else jaeger_json(found))

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def v3_query(asked: Mapping[str, str]) -> Query:
    start, end = (datetime.fromisoformat(asked[f"query.startTime{name}"]).timestamp() for name in ("Min", "Max"))
    depth = int(asked.get("query.searchDepth", 100))
    return Query(asked.get("query.serviceName", ""), round(start * 10**6) * 1000, round(end * 10**6) * 1000, depth)


def legacy_query(asked: Mapping[str, str]) -> Query:
    return Query(
        asked.get("service", ""), int(asked["start"]) * 1000, int(asked["end"]) * 1000, int(asked.get("limit", 100))
    )


def received(receiver: OtlpReceiver, altered: Callable[[Span], Span] = lambda span: span) -> Stored:
    """Return the answers of a Jaeger that has what a receiver has got so far, changed by `altered`."""
    return Stored(lambda: [altered(span) for trace in receiver.traces for span in trace.spans])


def copies(spans: Sequence[Span], trace_id: str, began: int) -> list[Span]:
    """Return spans as another trace, which began at this time."""
    later = began - min(span.start for span in spans)
    return [
        replace(span, trace_id=trace_id, start=span.start + later, end=span.end + later, relations=UNRELATED)
        for span in spans
    ]

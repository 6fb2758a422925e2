"""Who calls whom, how often, how fast and how often it fails, over many traces. Knows no positions or colours."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from spantree import Hop, SpanTree

__all__ = ["Edge", "Node", "ServiceMap", "service_map"]

PERCENTILES = (50, 95, 99)


@dataclass(frozen=True, slots=True)
class Node:
    """A service, how many spans it has, and how many of them failed."""

    service: str
    spans: int
    errors: int

    @property
    def error_rate(self) -> float:
        """The share of spans that failed, from 0 to 1."""
        return self.errors / self.spans if self.spans else 0.0


@dataclass(frozen=True, slots=True)
class Edge:
    """The calls of one service to another, or its `messages` to it.

    The percentiles, in nanoseconds, are of the caller's span, or of the time that a message spent in its queue.
    """

    caller: str
    called: str
    messages: bool
    calls: int
    errors: int
    p50: int
    p95: int
    p99: int

    @property
    def error_rate(self) -> float:
        """The share of calls that failed on either side, from 0 to 1."""
        return self.errors / self.calls


@dataclass(frozen=True, slots=True)
class ServiceMap:
    """The services of some traces in the order in which they appear, and who called whom."""

    traces: int
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


@dataclass(slots=True)
class _EdgeCounts:
    errors: int = 0
    latencies: list[int] = field(default_factory=list)


def service_map(traces: Sequence[SpanTree]) -> ServiceMap:
    """Count the spans of each service, and the hops from service to service by parent or by link, each hop once."""
    spans, errors = Counter[str](), Counter[str]()
    for trace in traces:
        for span in trace.spans:
            spans[span.service] += 1
            errors[span.service] += span.failed
    counts: dict[tuple[str, str, bool], _EdgeCounts] = {}
    for hop in _hops(traces):
        edge = counts.setdefault((hop.cause.service, hop.effect.service, hop.by_message), _EdgeCounts())
        edge.errors += _failed(hop)
        # clock skew can make a caller end before it starts
        edge.latencies.append(hop.dwell if hop.by_message else max(hop.cause.duration, 0))
    # a link may lead to a trace that was not chosen, and so to a service none of whose spans was counted
    services = dict.fromkeys([*spans, *(service for caller, called, _ in counts for service in (caller, called))])
    return ServiceMap(
        len(traces),
        tuple(Node(service, spans[service], errors[service]) for service in services),
        tuple(_edge(*key, edge) for key, edge in counts.items()),
    )


def _hops(traces: Sequence[SpanTree]) -> Iterator[Hop]:
    """Yield the hops between services. Both traces of a link report it, so links are deduplicated."""
    linked: set[tuple[str, str, str, str]] = set()
    for trace in traces:
        for hop in (hop for hops in trace.edges().values() for hop in hops):
            if hop.by == "link":
                key = (hop.cause.trace_id, hop.cause.span_id, hop.effect.trace_id, hop.effect.span_id)
                if key in linked:
                    continue
                linked.add(key)
            yield hop


def _failed(hop: Hop) -> bool:
    """Return whether the callee failed, or the caller says so: a 404 is an error of the client span only."""
    return hop.effect.failed or (hop.cause.kind == "client" and hop.cause.failed)


def _edge(caller: str, called: str, messages: bool, counts: _EdgeCounts) -> Edge:
    ordered = sorted(counts.latencies)
    # nearest rank: the smallest latency that is not exceeded by this percentage of all latencies
    percentiles = (ordered[-(-percentile * len(ordered) // 100) - 1] for percentile in PERCENTILES)
    return Edge(caller, called, messages, len(ordered), counts.errors, *percentiles)

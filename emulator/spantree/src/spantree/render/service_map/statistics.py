"""Who calls whom, how often, how fast and how well, over many traces: a map of services, without any geometry."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from spantree import Hop, SpanTree

__all__ = ["Edge", "Node", "ServiceMap", "service_map"]

PERCENTILES = (50, 95, 99)


@dataclass(frozen=True, slots=True)
class Node:
    """A service: how many spans of it there are, and how many of them failed."""

    service: str
    spans: int
    errors: int

    @property
    def error_rate(self) -> float:
        """The share of spans that failed, from 0 to 1."""
        return self.errors / self.spans if self.spans else 0.0


@dataclass(frozen=True, slots=True)
class Edge:
    """What `caller` asked of `called`, or told it: by calls for whose answers it waited, or by `messages`.

    The percentiles, in nanoseconds, are of the duration of the caller's span, or of a message's time in its queue.
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
        """The share that failed, on either side, from 0 to 1."""
        return self.errors / self.calls


@dataclass(frozen=True, slots=True)
class ServiceMap:
    """The services of so many traces in the order in which they came in, and who called whom."""

    traces: int
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


@dataclass(slots=True)
class Tally:
    """What is counted for an edge."""

    errors: int = 0
    latencies: list[int] = field(default_factory=list)


def service_map(traces: Sequence[SpanTree]) -> ServiceMap:
    """Count the spans of each service, and the steps from one to another by parent or by link, each once."""
    spans, errors = Counter[str](), Counter[str]()
    tallies: dict[tuple[str, str, bool], Tally] = {}
    for trace in traces:
        for span in trace.spans:
            spans[span.service] += 1
            errors[span.service] += span.failed
    for hop in _hops(traces):
        tally = tallies.setdefault((hop.cause.service, hop.effect.service, hop.by_message), Tally())
        tally.errors += _failed(hop)
        tally.latencies.append(hop.dwell if hop.by_message else max(hop.cause.duration, 0))
    services = dict.fromkeys([*spans, *(service for caller, called, _ in tallies for service in (caller, called))])
    return ServiceMap(
        len(traces),
        tuple(Node(service, spans[service], errors[service]) for service in services),
        tuple(_edge(*key, tally) for key, tally in tallies.items()),
    )


def _hops(traces: Sequence[SpanTree]) -> Iterator[Hop]:
    """Yield the steps between services. A link from trace to trace is known to both of them, and counts once."""
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
    """Whether what was called failed, or the caller says that the call did: of a 404 only the caller may say so."""
    return hop.effect.failed or (hop.cause.kind == "client" and hop.cause.failed)


def _edge(caller: str, called: str, messages: bool, tally: Tally) -> Edge:
    ordered = sorted(tally.latencies)
    percentiles = (ordered[-(-percentile * len(ordered) // 100) - 1] for percentile in PERCENTILES)
    return Edge(caller, called, messages, len(ordered), tally.errors, *percentiles)

"""Who calls whom, how often, how fast and how often it fails, over many traces. Knows no positions or colours."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from spantree import Hop, Span, SpanTree, receives, sends
from spantree.render.peers import bus_name, find_callees, is_call, peer_name, stands_for_peer

__all__ = ["Edge", "Node", "ServiceMap", "service_map"]

PERCENTILES = (50, 95, 99)


@dataclass(frozen=True, slots=True)
class Node:
    """A service, how many spans it has, and how many of them failed.

    It is `external` if it is known from the spans of its clients alone, as databases are.
    """

    service: str
    spans: int
    errors: int
    external: bool = False

    @property
    def error_rate(self) -> float:
        """The share of spans that failed, from 0 to 1."""
        return self.errors / self.spans if self.spans else 0.0


@dataclass(frozen=True, slots=True)
class Edge:
    """The calls of one service to another, or its `messages` to it.

    The percentiles, in nanoseconds, are of the client span, or of the called service's span if there is no client span;
    for messages, of the time in the queue, or of the span that publishes if nothing shows their delivery.
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
    """Count the spans of each service, and the hops from service to service by parent or by link, each hop once.

    Calls of, and messages to, peers without spans are counted, too, if attributes name the peer.
    """
    spans, errors = Counter[str](), Counter[str]()
    own: set[str] = set()
    for trace in traces:
        for span in trace.spans:
            spans[span.service] += 1
            errors[span.service] += span.failed
            if not stands_for_peer(span):
                own.add(span.service)
    counts: dict[tuple[str, str, bool], _EdgeCounts] = {}
    for hop in _hops(traces):
        edge = counts.setdefault((hop.cause.service, hop.effect.service, hop.by_message), _EdgeCounts())
        edge.errors += _failed(hop)
        edge.latencies.append(_latency(hop))
    peers: set[str] = set()
    for span, name in _to_peers(traces):
        peers.add(name)
        edge = counts.setdefault((span.service, name, sends(span)), _EdgeCounts())
        edge.errors += span.failed
        edge.latencies.append(max(span.duration, 0))
    # a link may lead to a trace that was not chosen, and so to a service none of whose spans was counted
    services = dict.fromkeys([*spans, *(service for caller, called, _ in counts for service in (caller, called))])
    external = (spans.keys() | peers) - own
    return ServiceMap(
        len(traces),
        tuple(Node(service, spans[service], errors[service], service in external) for service in services),
        tuple(_edge(*key, edge) for key, edge in counts.items()),
    )


def _latency(hop: Hop) -> int:
    """Return how long a call took, or how long a message was queued. Clock skew can make a span end before it starts.

    Only a client span lasts as long as its call: another span that causes one may do much besides.
    """
    if hop.by_message:
        return hop.dwell
    return max((hop.cause if hop.cause.kind == "client" else hop.effect).duration, 0)


def _to_peers(traces: Sequence[SpanTree]) -> Iterator[tuple[Span, str]]:
    """Yield the calls and published messages that no other service's span shows to arrive, and the names of peers."""
    for trace in traces:
        callees = find_callees(trace)
        for span in trace.spans:
            if not (is_call(span) or sends(span)) or span.span_id in callees.answers or stands_for_peer(span):
                continue
            name = bus_name(span) if sends(span) else callees.service(span) or peer_name(span)
            if name not in {"", span.service} and not _arrives(span):
                yield span, name


def _arrives(span: Span) -> bool:
    return any(effect.service != span.service or receives(effect) for effect in (*span.children, *span.followers))


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

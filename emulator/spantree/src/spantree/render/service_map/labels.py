"""The texts of a service map: names, counts, error rates, latencies, and the tooltips with all numbers."""

import math
from collections.abc import Sequence

from spantree import escaped
from spantree.render.captions import duration
from spantree.render.cell_width import cell_width, cut_to_cells
from spantree.render.service_map.statistics import Edge, Node

__all__ = ["call_count", "count", "edge_tooltip", "latency", "node_name", "node_tooltip", "span_count"]

LONGEST_NAME = 32


def node_name(service: str, longest: float = LONGEST_NAME) -> str:
    """Return the name of a service, escaped, and cut if it is too long."""
    name = escaped(service) or "(no name)"
    return name if cell_width(name) <= longest else cut_to_cells(name, int(longest) - 1).rstrip() + "…"


def span_count(node: Node) -> tuple[str, str]:
    """Return the second line of a node, and its red part."""
    if node.external and not node.spans:
        return "sent no spans", ""
    return count(node.spans, "span"), _rate(node.error_rate)


def call_count(edge: Edge) -> tuple[str, str]:
    """Return the first line of an edge's label, and its red part."""
    return count(edge.calls, "message" if edge.messages else "call"), _rate(edge.error_rate)


def latency(edge: Edge) -> str:
    """Return the percentiles of an edge, below a second in one unit: `3.1 / 4.0 / 12.5 ms`; one if all are equal."""
    return _durations((edge.p50,) if edge.p50 == edge.p99 else (edge.p50, edge.p95, edge.p99))


def node_tooltip(node: Node) -> str:
    """Return all numbers of a service."""
    return f"{node_name(node.service, math.inf)}\n{span_count(node)[0]}{_failed(node.errors, node.error_rate)}"


def edge_tooltip(edge: Edge, *, delivered: bool = True) -> str:
    """Return all numbers of an edge. Messages that are not `delivered` have no time in a queue."""
    queued = "in the queue" if delivered else "time to publish"
    measured = queued if edge.messages else "duration of the call"
    return (
        f"{node_name(edge.caller, math.inf)} → {node_name(edge.called, math.inf)}\n"
        f"{call_count(edge)[0]}{_failed(edge.errors, edge.error_rate)}\n"
        f"{measured}, p50 / p95 / p99: {_durations((edge.p50, edge.p95, edge.p99))}"
    )


def count(number: int, noun: str) -> str:
    """Return a number with its noun: `1 span`, `1,500 spans`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _durations(percentiles: Sequence[int]) -> str:
    slowest = max(percentiles)
    if slowest < 1e9:  # noqa: PLR2004 - a second
        digits = 1 if slowest < 1e7 else 0  # noqa: PLR2004 - 10 ms
        return " / ".join(f"{nanoseconds / 1e6:.{digits}f}" for nanoseconds in percentiles) + " ms"
    return " / ".join(duration(round(nanoseconds)) for nanoseconds in percentiles)


def _rate(rate: float) -> str:
    """Return an error rate with up to two digits: ` · 25% failed`, ` · 2.5% failed`, ` · <0.1% failed`; "" for none."""
    if not rate:
        return ""
    percent = f"{100 * rate:.0f}" if rate >= 0.1 else f"{100 * rate:.1f}"  # noqa: PLR2004 - 10 %
    return f" · {'<0.1' if percent == '0.0' else percent}% failed"


def _failed(errors: int, rate: float) -> str:
    return f" · {errors:,} failed ({rate:.1%})" if errors else ""

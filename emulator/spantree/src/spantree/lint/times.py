"""Lint rules about times: impossible orders, and clocks that differ."""

from collections import defaultdict
from collections.abc import Sequence

from spantree.lint.problems import Problems, milliseconds
from spantree.span import Span

__all__ = ["clock_skew", "ends_before_start", "starts_before_parent"]

MICROSECOND = 1_000
MILLISECOND = 1_000_000
COARSEST_TICK = 16 * MILLISECOND
"""How far two exact clocks of one host may seem apart: Windows' system time ticks every 15.6 ms, unless asked for more.

One process may read it while its neighbour asks for the precise time.
"""
SLEWING = 0.001
"""How fast a clock may be corrected while it runs, as a share of the time that passes: twice the 500 ppm of adjtime(3).

SDKs such as Java's and JavaScript's read the host's clock once, and then count by a clock that is not corrected.
"""
PROCESS = ("service.instance.id", "host.id", "host.name", "container.id", "process.pid")
"""Resource attributes that tell processes, and so clocks, of one service apart."""


def starts_before_parent(spans: Sequence[Span]) -> Problems:
    """Find spans that start before their parents in the same process."""
    for span in spans:
        parent = span.parent
        if parent is not None and _latest(span.start) < parent.start and _share_clock(parent, span):
            remedy = (
                "Start a parent before its children, and take explicit start times from the same clock. If these are "
                "two processes, give each a service.instance.id: then their clocks may differ."
            )
            yield span, f"starts {milliseconds(parent.start - span.start)} before its parent {parent}", remedy


def ends_before_start(spans: Sequence[Span]) -> Problems:
    """Find spans with a negative duration."""
    for span in spans:
        if _latest(span.end) < span.start:
            remedy = "Take both times from one clock, in nanoseconds; if the SDK took them, the host's was set back."
            yield span, f"ends {milliseconds(span.start - span.end)} before it starts", remedy


def clock_skew(spans: Sequence[Span]) -> Problems:
    """Find pairs of services whose clocks differ; the largest difference of each pair is reported.

    The times of a call go one way, from the parent's start to the child's, and prove one thing only: a child cannot
    start before its parent. When it ends proves nothing. Servers clean up after they have responded, and clients may
    stop at the headers; a span that starts after its caller has ended may have lain in a queue.
    """
    begun = min((span.start for span in spans), default=0)
    between: defaultdict[frozenset[str], list[tuple[int, Span, Span]]] = defaultdict(list)
    for span in spans:
        parent = span.parent
        if parent is None or span.start >= parent.start or _share_clock(parent, span):
            continue
        early = parent.start - _latest(span.start)
        if early > COARSEST_TICK + SLEWING * max(0, parent.start - begun):
            between[frozenset({parent.service, span.service})].append((early, parent, span))
    for services, skews in between.items():
        _, parent, span = max(skews, key=lambda skew: skew[0])
        problem = (
            f"starts {milliseconds(parent.start - span.start)} before its parent {parent}: the clock of {span.service} "
            f"is behind that of {parent.service} by at least as much"
        )
        remedy = (
            f"Synchronise the clocks of {' and '.join(sorted(services))} (NTP, PTP). Until then trust no order or gap "
            "between the two."
        )
        yield span, problem, remedy


def _latest(time: int) -> int:
    """Return the latest time for which this one may stand: JavaScript's SDK and Jaeger cut off what is smaller."""
    if time % MILLISECOND == 0:
        return time + MILLISECOND - 1
    return time + MICROSECOND - 1 if time % MICROSECOND == 0 else time


def _share_clock(one: Span, other: Span) -> bool:
    """Return whether both are certainly of one process.

    They are not if their services or instances differ, or if a request or message went from one to the other and
    nothing tells the instances of the service apart.
    """
    if one.service != other.service:
        return False
    known = [key for key in PROCESS if key in one.resource and key in other.resource]
    if any(one.resource[key] != other.resource[key] for key in known):
        return False
    by_wire = (one.kind, other.kind) in {("client", "server"), ("producer", "consumer")}
    return not by_wire or "service.instance.id" in known or "process.pid" in known

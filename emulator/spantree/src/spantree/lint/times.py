"""Lint rules about times: impossible orders, and clocks that differ."""

from collections import defaultdict
from collections.abc import Sequence

from spantree.lint.calls import got_response
from spantree.lint.problems import Problems, milliseconds
from spantree.span import Span

__all__ = ["clock_skew", "ends_before_start", "starts_before_parent"]

LATE_END = 1_000_000
"""Nanoseconds by which a server span may outlast its client span without being a sign of clock skew."""


def starts_before_parent(spans: Sequence[Span]) -> Problems:
    """Find spans that start before their parents in the same process."""
    for span in spans:
        parent = span.parent
        if parent is not None and span.start < parent.start and _share_clock(parent, span):
            remedy = (
                "Start a parent before its children, and take explicit start times from the same clock. If these are "
                "two processes, give each a service.instance.id: then their clocks may differ."
            )
            yield span, f"starts {milliseconds(parent.start - span.start)} before its parent {parent}", remedy


def ends_before_start(spans: Sequence[Span]) -> Problems:
    """Find spans with a negative duration."""
    for span in spans:
        if span.end < span.start:
            remedy = "Take both times from one clock, in nanoseconds; if the SDK took them, the host's was set back."
            yield span, f"ends {milliseconds(span.start - span.end)} before it starts", remedy


def clock_skew(spans: Sequence[Span]) -> Problems:
    """Find pairs of services whose clocks differ; the largest difference of each pair is reported."""
    between: defaultdict[tuple[object, ...], list[tuple[Span, Span]]] = defaultdict(list)
    for span in spans:
        parent = span.parent
        if parent is not None and not _share_clock(parent, span):
            between[_clock(parent) + _clock(span)].append((parent, span))
    skews = sorted(map(_skew, between.values()), key=lambda skew: abs(skew[0]), reverse=True)
    reported: set[frozenset[str]] = set()
    for skew, parent, span in skews:
        services = frozenset({parent.service, span.service})
        if skew and services not in reported:
            reported.add(services)
            does, than, offset = ("starts", "before", "behind") if skew < 0 else ("ends", "after", "ahead of")
            problem = (
                f"{does} {milliseconds(skew)} {than} its parent {parent}: the clock of {span.service} is {offset} "
                f"that of {parent.service} by at least as much"
            )
            remedy = "Synchronise the hosts' clocks (NTP, PTP). Until then trust no order or gap between the two."
            yield span, problem, remedy


def _skew(pairs: list[tuple[Span, Span]]) -> tuple[int, Span, Span]:
    """Return by how many nanoseconds the children's clock is ahead of their parents', and the pair that shows it best.

    The result is the least skew that explains the times, 0 if none is needed. A child that starts before its parent
    is proof. A server span that ends after its client span is not: servers clean up after responding, and clients may
    stop at the headers. It counts only if, with the clocks corrected, all children still start after their parents;
    for a single call this means that the server span would fit into the client span.
    """
    parent, span = min(pairs, key=lambda pair: pair[1].start - pair[0].start)
    slack = span.start - parent.start
    if slack < 0:
        return slack, parent, span
    calls = [(parent, span) for parent, span in pairs if (parent.kind, span.kind) == ("client", "server")]
    ends = [(span.end - parent.end, parent, span) for parent, span in calls if got_response(parent)]
    late, parent, span = max(ends, key=lambda end: end[0], default=(0, parent, span))
    return late if LATE_END < late <= slack else 0, parent, span


def _clock(span: Span) -> tuple[str, str]:
    return span.service, str(span.resource.get("service.instance.id", ""))


def _share_clock(one: Span, other: Span) -> bool:
    """Return whether both are of one process: of one service, and of one instance if both name theirs."""
    if one.resource is other.resource:
        return True
    (service, instance), (other_service, other_instance) = _clock(one), _clock(other)
    return service == other_service and (instance == other_instance or not instance or not other_instance)

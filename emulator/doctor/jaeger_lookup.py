"""Finds the span in Jaeger and compares it with what was sent."""

from collections.abc import Iterator

from emulator.doctor.check_result import CheckFailed, CheckResult, ok, warning
from emulator.doctor.retry import with_timeout
from spantree import JaegerUnavailable, Span, jaeger_spans

__all__ = ["compare", "find_trace", "known_services", "query"]

ANSWERS, FOUND, SAME = "jaeger answers", "span found", "span unaltered"
TOLERANCE_NANOSECONDS = 2_000
"""Jaeger stores whole microseconds."""
MOST_NAMES = 8
LATEST = 100
"""How many of the latest traces are enough to say which services have any."""
SEARCH_SECONDS = 5.0


def query(url: str, trace_id: str, seconds: float) -> list[Span]:
    """Return the spans of a trace, or none if Jaeger does not have it. Raises CheckFailed if no Jaeger answers."""
    try:
        return jaeger_spans(url, trace_id=trace_id, timeout=seconds)
    except JaegerUnavailable as error:
        reason = str(error)
        retryable = isinstance(error.__cause__, OSError) or "HTTP 5" in reason
        remedy = "set --jaeger-url to the URL of Jaeger's UI, like http://localhost:16686, with its base path"
        if "HTTP 401" in reason or "HTTP 403" in reason:
            remedy = "put user:password@ before the host in --jaeger-url"
        raise CheckFailed(ANSWERS, f"no Jaeger answers: {reason}", remedy, retryable=retryable) from error


def find_trace(url: str, trace_id: str, seconds: float) -> list[Span]:
    """Return the spans of a trace. Raises CheckFailed if Jaeger does not have it."""
    found = query(url, trace_id, seconds)
    if not found:
        raise CheckFailed(FOUND, f"Jaeger does not have trace {trace_id} yet", "", retryable=True)
    return found


def ignore(_: str) -> None:
    """Not all traces are needed."""


def known_services(url: str) -> str:
    """Return a clause that names the services of which this Jaeger has traces, if it answers in time."""
    try:
        found = with_timeout(SEARCH_SECONDS, lambda: jaeger_spans(url, limit=LATEST, timeout=1, incomplete=ignore))
        services = sorted({span.service for span in found})
    except (JaegerUnavailable, TimeoutError):
        return "it did not list its services"
    if not services:
        return "it has no traces of the last hour"
    more = f" and {len(services) - MOST_NAMES} more" if len(services) > MOST_NAMES else ""
    return f"it has traces of the last hour from {', '.join(services[:MOST_NAMES])}{more}"


def compare(sent: Span, found: list[Span]) -> Iterator[CheckResult]:
    """Report what changed on the way. Raises CheckFailed if the span is not among those found."""
    received = next((span for span in found if span.span_id == sent.span_id), None)
    if received is None:
        message = f"trace {sent.trace_id} has {len(found)} other span(s), but not the one that was sent"
        raise CheckFailed(FOUND, message, "look for a processor in the collector that creates or drops spans")
    yield ok(FOUND, f"trace {sent.trace_id}")
    differences = list(_differences(sent, received))
    remedy = "look for processors in the collector: resource, attributes, transform, redaction"
    yield warning(SAME, "; ".join(differences), remedy) if differences else ok(SAME, "it arrived as it was sent")


def _differences(sent: Span, received: Span) -> Iterator[str]:
    for field, before, after in (
        ("service.name", sent.service, received.service),
        ("name", sent.name, received.name),
        ("kind", sent.kind, received.kind),
    ):
        if before != after:
            yield f"{field} was {before} and is {after}"
    if received.parent_id:
        yield f"it has a parent, {received.parent_id}, and was sent without one"
    shift = received.start - sent.start
    if abs(shift) > TOLERANCE_NANOSECONDS:
        yield f"it starts {abs(shift) / 1e9:g} s {'later' if shift > 0 else 'earlier'}"
    lost = [key for key, value in sent.attributes.items() if received.attributes.get(key) != value]
    if lost:
        yield f"attributes are missing or changed: {', '.join(lost)}"

"""The span at its end: asked for at Jaeger, and compared with what was sent."""

from collections.abc import Iterator

from emulator.doctor.finding import Finding, Trouble, ok, warning
from emulator.doctor.retry import within
from spantree import JaegerUnavailable, Span, jaeger_spans

__all__ = ["ask", "compare", "find", "whats_there"]

ANSWERS, FOUND, SAME = "jaeger answers", "span found", "span unaltered"
TOLERANCE_NANOSECONDS = 2_000
"""Jaeger keeps whole microseconds."""
MOST_NAMES = 8
LONGEST_SEARCH = 5.0


def ask(url: str, trace_id: str, seconds: float) -> list[Span]:
    """Return the spans of a trace, none if Jaeger does not have it. Raises Trouble if no Jaeger answers."""
    try:
        return jaeger_spans(url, trace_id=trace_id, timeout=seconds)
    except JaegerUnavailable as error:
        said = str(error)
        may_heal = isinstance(error.__cause__, OSError) or "HTTP 5" in said
        remedy = "let --jaeger-url name Jaeger's UI, http://localhost:16686 say, with its base path"
        if "HTTP 401" in said or "HTTP 403" in said:
            remedy = "put user and password into --jaeger-url, with a : between them and an @ before the host"
        raise Trouble(ANSWERS, f"no Jaeger answers: {said}", remedy, may_heal=may_heal) from error


def find(url: str, trace_id: str, seconds: float) -> list[Span]:
    """Return the spans of a trace that must be there. Raises Trouble."""
    found = ask(url, trace_id, seconds)
    if not found:
        raise Trouble(FOUND, f"Jaeger does not have trace {trace_id} yet", "", may_heal=True)
    return found


def whats_there(url: str) -> str:
    """Tell which services this Jaeger knows, if it does soon."""
    try:
        found = within(LONGEST_SEARCH, lambda: jaeger_spans(url, limit=1, timeout=1))
        services = sorted({span.service for span in found})
    except (JaegerUnavailable, TimeoutError):
        return "it does not tell what it has"
    if not services:
        return "it has not a trace of the last hour"
    more = f" and {len(services) - MOST_NAMES} more" if len(services) > MOST_NAMES else ""
    return f"of the last hour it has traces of {', '.join(services[:MOST_NAMES])}{more}"


def compare(sent: Span, found: list[Span]) -> Iterator[Finding]:
    """Tell what happened to a span on its way. Raises Trouble if it is not among those found."""
    came = next((span for span in found if span.span_id == sent.span_id), None)
    if came is None:
        said = f"trace {sent.trace_id} came without the span that was sent, but with {len(found)} others"
        raise Trouble(FOUND, said, "look for a processor in the collector that makes or drops spans")
    yield ok(FOUND, f"trace {sent.trace_id}")
    differences = list(_differences(sent, came))
    remedy = "look for processors in the collector: resource, attributes, transform, redaction"
    yield warning(SAME, "; ".join(differences), remedy) if differences else ok(SAME, "it came as it was sent")


def _differences(sent: Span, came: Span) -> Iterator[str]:
    for what, was, became in (
        ("service.name", sent.service, came.service),
        ("its name", sent.name, came.name),
        ("its kind", sent.kind, came.kind),
    ):
        if was != became:
            yield f"{what} was {was} and is {became}"
    if came.parent_id:
        yield f"it has a parent, {came.parent_id}, and was sent without one"
    if abs(came.start - sent.start) > TOLERANCE_NANOSECONDS:
        yield f"it begins {abs(came.start - sent.start) / 1e9:g} s {'later' if came.start > sent.start else 'earlier'}"
    lost = [key for key, value in sent.attributes.items() if came.attributes.get(key) != value]
    if lost:
        yield f"attributes are lost or other: {', '.join(lost)}"

"""The words in pictures: what a span is called, the steps it stands for, how long it took, what a trace is."""

from spantree import Span, SpanTree, escaped
from spantree.render.paths import request_path

__all__ = ["duration", "failure", "headline", "step_number", "title"]

STEP = "openstack.boot.step"
MILLISECOND, SECOND, MINUTE, HOUR, DAY = 10**6, 10**9, 60 * 10**9, 3600 * 10**9, 86400 * 10**9
UNITS = (
    (10 * MILLISECOND, MILLISECOND, ".1f", "ms"),
    (SECOND, MILLISECOND, ".0f", "ms"),
    (1000 * SECOND, SECOND, ".2f", "s"),
    (1000 * MINUTE, MINUTE, ".1f", "min"),
    (1000 * HOUR, HOUR, ".1f", "h"),
)
"""Up to which duration it is said in which unit, and with how many digits: more where it matters."""


def duration(nanoseconds: int) -> str:
    """Word a duration: `0.4 ms`, `37 ms`, `2.13 s`, `20.5 min`. One below zero, by a clock that was set, has a sign."""
    sign, size = "-" if nanoseconds < 0 else "", abs(nanoseconds)
    for most, unit, digits, name in UNITS:
        if size < most:
            return f"{sign}{size / unit:{digits}} {name}"
    return f"{sign}{size / DAY:.0f} d"


def headline(tree: SpanTree) -> str:
    """Say in a line what a trace is: its id, and how many spans and services it has."""
    return f"trace {tree.trace_id} · {_count(len(tree), 'span')} · {_count(len(tree.services), 'service')}"


def step_number(span: Span) -> str:
    """Return the steps of Figure 1.8 that a span stands for, `(1)(2)` for one; "" for most."""
    steps = escaped(str(span.attributes.get(STEP, "")))
    return "".join(f"({number})" for number in steps.split(",") if number)


def title(span: Span) -> str:
    """Call a span by its name. A client span is called by its method alone: say whom it asks for what."""
    path = request_path(span) if span.kind == "client" else ""
    status = span.attributes.get("http.response.status_code") if span.kind == "client" else None
    return escaped(" ".join(str(part) for part in (span.name, path, status) if part))


def failure(span: Span) -> str:
    """Say how a span failed, `!NoValidHost` for one; "" for a span that did not, and where its title has the status."""
    is_said = span.kind == "client" and str(span.attributes.get("http.response.status_code")) == span.error_type
    return escaped(f"!{span.error_type.rpartition('.')[2]}") if span.failed and not is_said else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"

"""The texts in pictures: titles of spans, their steps and errors, durations, and a line about each trace."""

from collections.abc import Sequence

from spantree import Span, SpanTree, visible
from spantree.render.paths import request_path
from spantree.render.vocabulary import PLAIN, Vocabulary

__all__ = [
    "duration",
    "failure",
    "fault_name",
    "headline",
    "operation_name",
    "step_label",
    "steps",
    "title",
    "trace_to_show",
]

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


def steps(span: Span, vocabulary: Vocabulary = PLAIN) -> list[str]:
    """Return the numbers of the steps that a span stands for, by the vocabulary's attribute; [] for most spans."""
    numbers = visible(str(_attribute(span, vocabulary.step_attribute)))
    return [number for number in numbers.split(",") if number]


def step_label(span: Span, vocabulary: Vocabulary = PLAIN) -> str:
    """Return the steps of a span as they are printed: `(1)(2)`; "" for most spans."""
    return "".join(f"({number})" for number in steps(span, vocabulary))


def fault_name(span: Span, vocabulary: Vocabulary = PLAIN) -> str:
    """Return the name of the fault that was injected into a span, by the vocabulary's attribute; "" for most spans."""
    return str(_attribute(span, vocabulary.fault_attribute))


def operation_name(span: Span, vocabulary: Vocabulary = PLAIN) -> str:
    """Return what a message asks for, by the vocabulary's attribute; "" for most spans."""
    return str(_attribute(span, vocabulary.operation_attribute))


def title(span: Span) -> str:
    """Call a span by its name. A client span is called by its method alone: say whom it asks for what."""
    path = request_path(span) if span.kind == "client" else ""
    status = span.attributes.get("http.response.status_code") if span.kind == "client" else None
    return visible(" ".join(str(part) for part in (span.name, path, status) if part))


def failure(span: Span) -> str:
    """Say how a span failed, `!OutOfStock` for one; "" for a span that did not, and where its title has the status."""
    is_said = span.kind == "client" and str(span.attributes.get("http.response.status_code")) == span.error_type
    return visible(f"!{span.error_type.rpartition('.')[2]}") if span.failed and not is_said else ""


def trace_to_show(traces: Sequence[SpanTree]) -> tuple[SpanTree, str]:
    """Return the first trace with an error, else the longest, and why it was chosen. Raises ValueError for none."""
    failed = next((trace for trace in traces if any(span.failed for span in trace.spans)), None)
    if failed is not None:
        return failed, "the first with a span that failed"
    return max(traces, key=lambda trace: trace.duration), "the longest"


def _attribute(span: Span, name: str | None) -> object:
    return "" if name is None else span.attributes.get(name) or ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"

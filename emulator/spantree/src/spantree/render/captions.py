"""The texts in pictures: titles of spans, their steps and errors, durations, short ids, and a headline for a trace."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from spantree import Span, SpanTree, escaped
from spantree.render.peers import is_call, peer
from spantree.render.vocabulary import PLAIN, Vocabulary

__all__ = [
    "duration",
    "failure",
    "fault_name",
    "headline",
    "operation_name",
    "request_path",
    "shorten",
    "shorten_name",
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
"""For durations below the first number: the unit to print them in, its number format, and its name."""

UUID = re.compile(
    r"(?<![0-9a-f])([0-9a-f]{8})(?:-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{24})(?![0-9a-f])"
)
LONGEST_INPUT = 2000
"""Only so many characters of a text are read. An attribute may hold megabytes, and pictures show one line of it."""


def duration(nanoseconds: int) -> str:
    """Format a duration: `0.4 ms`, `37 ms`, `2.13 s`, `20.5 min`. It may be negative, if a clock was set back."""
    sign, size = "-" if nanoseconds < 0 else "", abs(nanoseconds)
    for limit, unit, digits, name in UNITS:
        if size < limit:
            return f"{sign}{size / unit:{digits}} {name}"
    return f"{sign}{size / DAY:.0f} d"


def headline(tree: SpanTree) -> str:
    """Return a line about a trace: its id, and how many spans and services it has."""
    return f"trace {tree.trace_id} · {_count(len(tree), 'span')} · {_count(len(tree.services), 'service')}"


def trace_to_show(traces: Sequence[SpanTree]) -> tuple[SpanTree, str]:
    """Return the first trace with an error, or else the longest, and the reason. Raises ValueError if there is none."""
    failed = next((trace for trace in traces if any(span.failed for span in trace.spans)), None)
    if failed is not None:
        return failed, "the first with a span that failed"
    return max(traces, key=lambda trace: trace.duration), "the longest"


def title(span: Span) -> str:
    """Return the name of a span; of a client's request with its path and status, `GET /v1/items 200`.

    The semantic conventions let a client span be named by its method alone, which says too little in a picture. If its
    name ends in a template, as `GET /v1/items/{id}`, the path takes that place: the server's span below it shows the
    template. Another call is followed by its peer, `SELECT → mysql`, unless it is clear who answers.
    """
    if span.kind != "client":
        return escaped(span.name)
    path, name = request_path(span), span.name
    template = str(span.attributes.get("url.template") or "")
    if path and template:
        name = name.removesuffix(template).rstrip()
    shown = "" if path and path in name.split() else path
    return escaped(" ".join(str(part) for part in (name, shown, span.status, _unanswering_peer(span)) if part))


def failure(span: Span) -> str:
    """Return the error of a span, `!OutOfStock`; "" if it has none, or if its title already ends in that status."""
    in_title = span.kind == "client" and str(span.status) == span.error_type
    return escaped(f"!{span.error_type.rpartition('.')[2]}") if span.failed and not in_title else ""


def request_path(span: Span) -> str:
    """Return the path of a request, without its query and with its ids shortened; "" if the span has none."""
    # http.url and http.target are the names from before the conventions became stable, which much code still emits:
    # https://opentelemetry.io/docs/specs/semconv/non-normative/http-migration/
    url = str(span.attributes.get("url.full", span.attributes.get("http.url", "")))
    target = span.attributes.get("url.path", span.attributes.get("http.target", ""))
    return _cut_ids(_path(url) or str(target).partition("?")[0])


def steps(span: Span, vocabulary: Vocabulary = PLAIN) -> list[str]:
    """Return the numbers of the steps that a span stands for, by the vocabulary's attribute; [] for most spans."""
    numbers = escaped(str(_attribute(span, vocabulary.step_attribute)))
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


def shorten(text: object, limit: int) -> str:
    """Return a text as one line of at most `limit` printable characters, with its ids shortened."""
    line = escaped(_cut_ids(" ".join(str(text)[:LONGEST_INPUT].split())))
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def shorten_name(text: object, limit: int) -> str:
    """Return a text as `shorten` does, or `unnamed` if nothing of it is left."""
    return shorten(text, limit) or "unnamed"


def _cut_ids(text: str) -> str:
    """Cut UUIDs to their first eight digits, which are enough to tell them apart in one trace."""
    return UUID.sub(r"\1…", text)


def _unanswering_peer(span: Span) -> str:
    """Return `→ mysql` for a call whose peer left no span and is named neither by the span nor by its service."""
    name = "" if request_path(span) or not is_call(span) else peer(span)
    if not name or name.lower() in f"{span.name} {span.service}".lower().split():
        return ""
    answered = any(child.kind == "server" or child.service != span.service for child in span.children)
    return "" if answered else f"→ {name}"


def _path(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:  # urlsplit refuses `http://[::1`, and a span may hold anything
        return ""
    return (parts.path or "/") if parts.netloc else ""


def _attribute(span: Span, name: str | None) -> object:
    return "" if name is None else span.attributes.get(name) or ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"

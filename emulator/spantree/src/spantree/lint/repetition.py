"""The lint rule about calls that are made one by one: "N+1", after the query for a list and one more for each item."""

import re
from collections import defaultdict
from collections.abc import Sequence
from urllib.parse import urlsplit

from spantree.lint.problems import Problems
from spantree.span import Span

__all__ = ["n_plus_one"]

STRING = re.compile(r"'(?:[^']|'')*'")
NUMBER = re.compile(r"\b\d+(?:\.\d+)?\b")
LIST = re.compile(r"\(\s*(?:\?|%s)(?:\s*,\s*(?:\?|%s))+\s*\)")
NO_QUERY = re.compile(r"(BEGIN|START|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SET|SHOW|PRAGMA)\b|SELECT \?$", re.IGNORECASE)
"""Transactions, settings, and the `SELECT 1` of connection pools."""
ID = re.compile(r"/(?:\d+|[0-9a-f]{8,}(?:-[0-9a-f]+)*)(?=/|$)", re.IGNORECASE)
SHOWN = 120


def n_plus_one(spans: Sequence[Span], times: int) -> Problems:
    """Find the same query, or URLs of the same template, at least so many times below one parent, one after another."""
    alike: defaultdict[tuple[str, str], list[Span]] = defaultdict(list)
    for span in spans:
        if span.kind == "client" and span.parent_id and (called := _query(span) or _template(span)):
            alike[span.parent_id, called].append(span)
    for (_, called), calls in alike.items():
        if len(calls) < times or _is_poll(calls):
            continue
        sequence = _one_after_another(calls)
        if len(sequence) >= times:
            first, short = sequence[0], called if len(called) <= SHOWN else f"{called[:SHOWN]}…"
            problem = f"is one of {len(sequence)} calls, one after another below {first.parent or 'one parent'}"
            remedy = f"Ask for all at once (a join, IN, a batch) what this asks for one by one: {short}"
            yield first, problem, remedy


def _query(span: Span) -> str:
    """Return the query of a span without its literals."""
    text = span.attributes.get("db.query.text", span.attributes.get("db.statement"))
    if text is None:
        return str(span.attributes.get("db.query.summary", ""))
    query = " ".join(NUMBER.sub("?", STRING.sub("?", str(text))).split())
    return "" if NO_QUERY.match(query) else LIST.sub("(?)", query)


def _template(span: Span) -> str:
    """Return the method and the template of the URL that a span calls; `""` if it is no HTTP request."""
    method = span.attributes.get("http.request.method", span.attributes.get("http.method"))
    if method is None:
        return ""
    url = urlsplit(_url(span))
    path = span.attributes.get("url.template", ID.sub("/{id}", url.path))
    return f"{method} {url.scheme}://{url.netloc}{path}"


def _url(span: Span) -> str:
    return str(span.attributes.get("url.full", span.attributes.get("http.url", "")))


def _is_poll(calls: Sequence[Span]) -> bool:
    """Return whether all calls are for one URL: they wait for something, rather than ask for many things."""
    return len({_url(call) for call in calls}) == 1 and bool(_url(calls[0]))


def _one_after_another(calls: Sequence[Span]) -> list[Span]:
    """Return as many of these calls as do not overlap, in order of time."""
    sequence: list[Span] = []
    for call in sorted(calls, key=lambda call: (call.end, call.start)):
        if not sequence or sequence[-1].before(call):
            sequence.append(call)
    return sequence

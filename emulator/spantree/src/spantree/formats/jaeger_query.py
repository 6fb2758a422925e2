"""Reads spans from a running Jaeger over its HTTP query API: one trace, or all of a range of time, and linked ones."""

import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from spantree.formats.jaeger_api import (
    LEGACY,
    V3,
    Api,
    Jaeger,
    JaegerUnavailable,
    NotServed,
    TooDeep,
    Window,
    get_trace,
    list_services,
    parse_url,
    search_traces,
    unavailable,
)
from spantree.formats.jaeger_links import find_linked
from spantree.formats.jaeger_search import ANY_SERVICE, Found, SpanId, find_traces, newest, number_of_traces
from spantree.span import Span

__all__ = ["JaegerUnavailable", "jaeger_spans"]

CLOCK_TOLERANCE = 600 * 10**6
"""Microseconds by which the clocks of Jaeger and of the services may be ahead of ours."""


def jaeger_spans(
    url: str,
    *,
    trace_id: str | None = None,
    service: str | None = None,
    linked: bool = False,
    limit: int = 1000,
    lookback_seconds: float = 3600,
    timeout: float = 10,
    incomplete: Callable[[str], None] = warnings.warn,
) -> list[Span]:
    """Read spans from the Jaeger at `url`: `http://localhost:16686`, or the URL of one trace's page in its UI.

    With `trace_id` (hex): the spans of that trace, none if Jaeger does not have it. With `service`: those of all traces
    in which it took part during the last `lookback_seconds`, at most the latest `limit`. With neither: those of the
    traces of every service except Jaeger's own, at most the latest `limit`. With `linked`: in addition, those of the
    traces, at most `limit`, that are linked with these in either direction, directly or through one another.

    If a limit left something out, `incomplete` is called with a sentence that says so; by default it warns. Each span
    is returned once. `timeout` is how many seconds Jaeger may take to begin or continue an answer.

    A Jaeger without API v3 is read over the legacy API, with the losses that `spans_from_jaeger_json` names.

    Raises JaegerUnavailable.
    """
    jaeger, trace_of_page = parse_url(url, timeout)
    now = time.time_ns() // 1000
    window = Window(max(0, now - int(lookback_seconds * 10**6)), now + CLOCK_TOLERANCE)
    wanted = Wanted(trace_of_page if trace_id is None else trace_id, service, window, limit, linked)
    try:
        spans, missing = _read_any(jaeger, wanted)
    except TooDeep as error:
        raise unavailable(jaeger.url, error) from error
    for sentence in missing:
        incomplete(sentence)
    return list(spans.values())


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to read: one trace, or at most `limit` of a window; and whether linked traces, too."""

    trace_id: str | None
    service: str | None
    window: Window
    limit: int
    linked: bool


def _read_any(jaeger: Jaeger, wanted: Wanted) -> tuple[dict[SpanId, Span], list[str]]:
    try:
        return _read(jaeger, V3, wanted)
    except NotServed:
        return _read(jaeger, LEGACY, wanted)


def _read(jaeger: Jaeger, api: Api, wanted: Wanted) -> tuple[dict[SpanId, Span], list[str]]:
    """Return the spans, and what the limits left out, one sentence each."""
    missing = []
    limit = wanted.limit
    if wanted.trace_id is not None:
        spans = {(span.trace_id, span.span_id): span for span in get_trace(jaeger, api, wanted.trace_id)}
    else:
        found = _search_services(jaeger, api, wanted.service, limit, wanted.window)
        spans = newest(found.spans, limit)
        if not found.complete:
            has = "has" if number_of_traces(found.spans.values()) > limit else "may have"
            read = number_of_traces(spans.values())
            missing.append(f"{jaeger.url} {has} more such traces than the {read:,} latest ones, which were read")
    if wanted.linked and spans:
        found = find_linked(
            spans, partial(get_trace, jaeger, api), partial(_search_services, jaeger, api, None, limit), limit
        )
        spans = found.spans
        if not found.complete:
            missing.append(
                f"{jaeger.url} has more traces linked with these, or near them, than the {limit:,} that may be read"
            )
    return spans, missing


def _search_services(jaeger: Jaeger, api: Api, service: str | None, limit: int, window: Window) -> Found:
    """Search for the traces of a service, or of all services. A trace of several is counted once."""
    if service is not None:
        return _search(jaeger, api, limit, window, service)
    known = list_services(jaeger, api)
    # Jaeger traces itself, too, and its own traces would crowd out all others.
    names = [name for name in known if not name.startswith("jaeger")]
    if names == known and len(names) > 1:
        with suppress(JaegerUnavailable):  # if that is not because of the missing name, it is raised below
            found = _search(jaeger, api, limit, window, ANY_SERVICE)
            if found.spans:
                return found
    spans: dict[SpanId, Span] = {}
    complete = True
    for name in names:
        found = _search(jaeger, api, limit, window, name)
        spans |= found.spans
        complete = complete and found.complete
    return Found(spans, complete and number_of_traces(spans.values()) <= limit)


def _search(jaeger: Jaeger, api: Api, limit: int, window: Window, service: str) -> Found:
    return find_traces(partial(search_traces, jaeger, api, service), service, window, limit)

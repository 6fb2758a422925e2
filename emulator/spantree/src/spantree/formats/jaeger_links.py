"""Finds the traces that are linked with known ones, in either direction, directly or through one another.

A trace that a known span links to is asked for by its id. One that links to a known span cannot be asked for: no
storage of Jaeger's has an index of links. It is searched for among the traces that ran at about the same time.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from spantree.formats.jaeger_api import Window
from spantree.formats.jaeger_search import Found, SpanId
from spantree.span import Span

__all__ = ["find_linked"]

MINUTE = 60 * 10**6
"""Microseconds. Time is searched by whole minutes, each once."""
SLACK = MINUTE
"""How long a message may wait for its consumer to begin a trace, and how far the clocks of services may differ."""
MOST_MINUTES = 24 * 60
"""The part of a trace around which linked traces are searched for; with a wrong clock it may seem to last for years."""


Traces = dict[str, list[Span]]


def find_linked(
    known: dict[SpanId, Span], fetch: Callable[[str], list[Span]], search: Callable[[Window], Found], limit: int
) -> Found:
    """Return the known spans and those of linked traces, asking for at most `limit` by id and adding at most `limit`.

    `fetch` returns the spans of one trace, and `search` those of the traces in a window. What either raises is raised.
    """
    traces = by_trace(known.values())
    most, complete = len(traces) + limit, True
    searched, asked, candidates = set[int](), set[str](), Traces()
    waiting = dict(traces)
    while waiting:
        for window in _windows(waiting.values(), searched):
            nearby = search(window)
            complete = complete and nearby.complete
            candidates |= {key: spans for key, spans in by_trace(nearby.spans.values()).items() if _targets(spans)}
        unknown = {target for spans in waiting.values() for target in _targets(spans)} - traces.keys() - asked
        within = sorted(unknown)[: limit - len(asked)]
        asked.update(within)
        linked = {key: candidates.get(key) or fetch(key) for key in within}
        linked |= {key: spans for key, spans in candidates.items() if not _targets(spans).isdisjoint(traces)}
        new = [key for key, spans in linked.items() if spans and key not in traces]
        waiting = {key: linked[key] for key in new[: most - len(traces)]}
        complete = complete and len(within) == len(unknown) and len(waiting) == len(new)
        traces |= waiting
    return Found({(span.trace_id, span.span_id): span for spans in traces.values() for span in spans}, complete)


def by_trace(spans: Iterable[Span]) -> Traces:
    """Return spans by trace id."""
    traces: defaultdict[str, list[Span]] = defaultdict(list)
    for span in spans:
        traces[span.trace_id].append(span)
    return dict(traces)


def _targets(spans: Iterable[Span]) -> set[str]:
    """Return the ids of the other traces that these spans of one trace link to."""
    return {link.trace_id for span in spans for link in span.links if link.trace_id != span.trace_id}


def _windows(traces: Iterable[Sequence[Span]], searched: set[int]) -> Iterator[Window]:
    """Yield the time around these traces as windows, without the minutes that have been searched; add it to those."""
    minutes = sorted({minute for spans in traces for minute in _minutes(spans)} - searched)
    searched.update(minutes)
    # Numbers in a row have the same difference to their places in the list.
    for _, row in groupby(enumerate(minutes), lambda numbered: numbered[1] - numbered[0]):
        following = [minute for _, minute in row]
        yield Window(following[0] * MINUTE, (following[-1] + 1) * MINUTE)


def _minutes(spans: Sequence[Span]) -> range:
    first = (min(span.start for span in spans) // 1000 - SLACK) // MINUTE
    last = (max(span.end for span in spans) // 1000 + SLACK) // MINUTE
    return range(max(first, 0), max(min(last, first + MOST_MINUTES), 0) + 1)

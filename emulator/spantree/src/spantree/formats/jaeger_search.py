"""Reads every trace that a service took part in within a range of time, although Jaeger's searches have no pages.

A search takes a time range and a depth, and answers with at most about that many traces, in one document. How storages
differ, in Jaeger's source (2.20, internal/storage) and in `TraceQueryParameters` of jaeger-idl's query_service.proto:

- There is no cursor and no promised order, and "some implementations might not support precise limits". So the only way
  to the rest is to ask deeper, or for a part of the time range.
- Memory answers 500 to a depth above its `max_traces`, ClickHouse to one above its `max_search_depth` (10,000).
- Cassandra reads three times the depth in rows of an index that has a row for each span, so it returns fewer traces
  than it was asked for although there are more.
- A trace matches if a span of the service began in the range: traces are found in several parts of it.
- Jaeger builds the whole answer before it sends the first byte, so large answers cost its memory and our timeout.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from spantree.formats.jaeger_api import Answer, TooDeep, Window
from spantree.span import Span

__all__ = ["ANY_SERVICE", "Found", "Search", "SpanId", "find_traces", "newest", "number_of_traces"]

FIRST_DEPTH = 100
"""What Jaeger itself searches by default (apiv3/query_parser.go); most checks need no more."""
FITTING_BYTES = 16 * 2**20
"""The size up to which answers are asked for, as far as one can tell from the answer before. A boot takes 100 kB."""
ROWS_PER_TRACE = 3
"""`limitMultiple` in cassandra/spanstore/reader.go."""
ANY_SERVICE = ""
"""Not every storage searches without a service: see `SearchCapabilities` in Jaeger's tracestore/capabilities.go."""
DEEPEST = 2**31 - 1
"""The depth is an int32 in query_service.proto."""
SHORTEST = 1000
"""Microseconds. A shorter range of time is not divided, because the clocks that it depends on are not that good."""
MOST_SEARCHES = 1000
"""After so many searches for the traces of one service, the rest is given up: the server does not honour depths."""

SpanId = tuple[str, str]
Search = Callable[[Window, int], Answer]
"""Searches a window to a depth. Raises TooDeep."""


@dataclass(frozen=True, slots=True)
class Found:
    """The spans of the traces that were found, by trace id and span id, and whether these are all there are."""

    spans: dict[SpanId, Span]
    complete: bool


def find_traces(search: Search, service: str, whole: Window, limit: int) -> Found:
    """Return the latest `limit` traces with a span of `service` in `whole`, or some more if there are more.

    Asks deeper as long as the answer is likely to fit: traces that ran at the same time are in every part of a divided
    range. Then it divides the range, and reads the later part first. Raises what `search` raises.
    """
    found: dict[SpanId, Span] = {}
    complete, windows = True, [(whole, 0)]
    depth, accepted, deepest = min(FIRST_DEPTH, limit + 1), 0, DEEPEST
    for _ in range(MOST_SEARCHES):
        if not windows:
            return Found(found, complete)
        window, own_depth = windows.pop()
        asked = own_depth or depth
        answer = _try(search, window, asked)
        if answer is None:
            deepest = max(accepted, asked // 2)
            depth = min(depth, deepest)
            windows.append((window, 0))
            continue
        accepted = max(accepted, asked)
        traces, rows = number_of_traces(answer.spans), _rows(answer, service, window)
        if traces <= limit and (traces >= asked or _rows_may_be_cut(rows, service, asked)):
            deeper = min(deepest, _deeper(answer, rows, asked, limit))
            parts = _divide(window, [row.start // 1000 for row in _last_of_each_trace(rows)])
            if deeper > asked and traces >= asked:
                depth = deeper
                windows.append((window, 0))
                continue
            if deeper > asked or parts:
                windows += [(window, deeper)] if deeper > asked else [(part, 0) for part in parts]
                continue
            complete = False
        found.update({(span.trace_id, span.span_id): span for span in answer.spans})
        if number_of_traces(found.values()) > limit:
            break
    return Found(found, complete=False)


def newest(spans: dict[SpanId, Span], limit: int) -> dict[SpanId, Span]:
    """Return the spans of the `limit` traces that began last."""
    starts: dict[str, int] = {}
    for span in spans.values():
        starts[span.trace_id] = min(span.start, starts.get(span.trace_id, span.start))
    kept = set(sorted(starts, key=lambda trace_id: starts[trace_id])[-limit:])
    return {key: span for key, span in spans.items() if span.trace_id in kept}


def number_of_traces(spans: Iterable[Span]) -> int:
    """Return how many traces these spans are of."""
    return len({span.trace_id for span in spans})


def _try(search: Search, window: Window, depth: int) -> Answer | None:
    """Return the answer, None if there may be one at a smaller depth."""
    try:
        return search(window, depth)
    except TooDeep:
        if depth == 1:
            raise
        return None


def _rows(answer: Answer, service: str, window: Window) -> list[Span]:
    """Return the spans by which these traces were found, the latest first. Cassandra's index has a row for each."""
    found = (span for span in answer.spans if service in (ANY_SERVICE, span.service))
    inside = (span for span in found if window.start <= span.start // 1000 <= window.end)
    return sorted(inside, key=lambda span: span.start, reverse=True)


def _rows_may_be_cut(rows: Sequence[Span], service: str, depth: int) -> bool:
    """Return whether Cassandra may have read no more rows than those that led to these traces.

    It reads the latest ones, so it would not have found a trace whose rows are all older. It keeps a single row for
    some spans that began in the same microsecond, so that it may reach back a little further.
    """
    if service == ANY_SERVICE or len(rows) < ROWS_PER_TRACE * depth:  # Cassandra needs the name of a service
        return False
    return number_of_traces(rows[: (ROWS_PER_TRACE + 1) * depth]) == number_of_traces(rows)


def _last_of_each_trace(rows: Sequence[Span]) -> Iterable[Span]:
    return {row.trace_id: row for row in reversed(rows)}.values()


def _deeper(answer: Answer, rows: Sequence[Span], depth: int, limit: int) -> int:
    """Return the depth at which the whole window may be answered, or as much of it as fits."""
    traces = number_of_traces(answer.spans)
    if traces < depth:  # if these are all, then this many rows are enough, and the answer is no larger
        return len(rows)
    fitting = FITTING_BYTES * traces // answer.size
    if fitting > limit:
        return limit + 1
    return fitting if fitting > 1.5 * depth else depth  # a little deeper would not be worth another answer


def _divide(window: Window, times: Sequence[int]) -> list[Window]:
    """Return two parts of a window, the later one last; nothing if it is too short.

    The later part has three quarters of these times, so that it is answered in full where a storage finds the latest
    traces first, as most do; and dense times are divided, however long the window is. The parts overlap by 2 µs,
    because bounds are inclusive in one storage and exclusive in another.
    """
    if window.end - window.start <= SHORTEST:
        return []
    quarter = sorted(times)[len(times) // 4] if times else 0
    inside = window.start + SHORTEST // 2 < quarter < window.end - SHORTEST // 2
    at = quarter if inside else (window.start + window.end) // 2
    return [Window(window.start, at + 1), Window(at - 1, window.end)]

"""The lines of the screen: a headline, the list, the waterfall or the details, and the keys."""

from datetime import UTC, datetime

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from spantree import escaped
from spantree.render import duration, failure, title
from spantree.tail.opened_trace import MARGIN, OpenedTrace
from spantree.tail.received_trace import ReceivedTrace
from spantree.tail.span_details import span_details
from spantree.tail.state import State

__all__ = ["clock", "count", "frame", "mark"]

NANOSECONDS = 10**9
LONGEST_SERVICE = 20
WIDE = 60
"""Columns from which the list shows services and numbers of spans."""
MOST_SPANS_DIGITS = 5

LIST_KEYS = "↑↓ choose  Enter open  / filter  e errors only  g newest  q quit"
WATERFALL_KEYS = "↑↓ choose  Enter details  n/N next/previous error  x expand  Esc back  q quit"
DETAILS_KEYS = "↑↓ scroll  ←→ previous/next span  Esc back  q quit"


def frame(state: State) -> list[Text]:
    """Return the lines of the screen, as many as it is high. None is wider than the screen."""
    if state.opened is None:
        lines = [_summary(state), *_list(state)]
        keys = _keys(state)
    elif state.opened.details is None:
        lines = [_headline(state, state.opened), *_waterfall(state, state.opened)]
        keys = Text(WATERFALL_KEYS, "dim")
    else:
        lines = [_headline(state, state.opened), *_details(state, state.opened, state.opened.details)]
        keys = Text(DETAILS_KEYS, "dim")
    body = lines[: max(state.height - 1, 0)]
    body += [Text()] * (state.height - 1 - len(body))
    return [_cut(line, state.width) for line in (*body, keys)]


def clock(nanoseconds: int) -> str:
    """Return the local time of day."""
    return f"{datetime.fromtimestamp(nanoseconds // NANOSECONDS, UTC).astimezone():%H:%M:%S}"


def mark(trace: ReceivedTrace) -> str:
    """Return the mark of a trace: whether a span failed, or else whether one is missing."""
    return "✗" if trace.errors else "✓" if trace.complete else "…"


def count(number: int, noun: str) -> str:
    """Return a number with its noun: `1 span`, `2 spans`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _summary(state: State) -> Text:
    kept = state.kept.by_id.values()
    failed = sum(bool(trace.errors) for trace in kept)
    parts = [
        state.title,
        count(len(kept), "trace"),
        f"{failed} with errors" if failed else "",
        f"{len(state.listed)} shown" if state.filter or state.errors_only else "",
        "errors only" if state.errors_only else "",
        f"filter {state.filter}" if state.filter and not state.typing else "",
        f"{state.kept.dropped} older dropped" if state.kept.dropped else "",
        f"{state.lost} spans lost" if state.lost else "",
    ]
    return Text(escaped(" · ".join(filter(None, parts))), "bold")


def _keys(state: State) -> Text:
    if state.typing:
        return Text(f"filter: {escaped(state.filter)}_  (Enter keeps it, Esc clears it)")
    return Text(escaped(state.notice), "red") if state.notice else Text(LIST_KEYS, "dim")


def _list(state: State) -> list[Text]:
    if not state.kept.by_id:
        return [Text(), *(Text(line) for line in _welcome(state))]
    heading = Text(_columns(state, "time", "", "service", ("root span", ""), "spans", "duration"), "dim")
    first = state.cursor.top
    rows = [_row(state, number) for number in range(first, min(first + state.page, len(state.listed)))]
    return [heading, *(rows or [Text("  No trace passes the filter. Esc ends it.", "dim")])]


def _welcome(state: State) -> list[str]:
    return [
        "No trace has arrived yet. Send OTLP, over HTTP or gRPC, to",
        *(f"  {endpoint}" for endpoint in state.endpoints),
        "",
        "Most programs with OpenTelemetry do so when started with",
        *(f"  OTEL_EXPORTER_OTLP_ENDPOINT={endpoint}" for endpoint in state.endpoints[-1:]),
    ]


def _row(state: State, number: int) -> Text:
    trace = state.listed[number]
    name = f"(no root yet) {title(trace.root)}" if trace.root.parent_id else title(trace.root)
    line = _columns(
        state,
        clock(trace.start),
        mark(trace),
        escaped(trace.root.service),
        (name, f" {failure(trace.root)}".rstrip()),
        str(len(trace.spans) + trace.refused),
        duration(trace.duration),
    )
    return _chosen(Text(line, "red" if trace.errors else ""), state.width, chosen=number == state.cursor.row)


def _columns(state: State, time: str, symbol: str, service: str, name: tuple[str, str], spans: str, took: str) -> str:
    """Return a row of the list. In a narrow terminal it has no service and no number of spans.

    The second part of the name is its end, the error, for which the first is cut.
    """
    before = f"{' ' * MARGIN}{time:<8} {symbol or ' '} "
    after = f" {took:>9}"
    if state.width >= WIDE:
        before += _fit(service, min(LONGEST_SERVICE, state.width // 4)) + " "
        after = f" {spans:>{MOST_SPANS_DIGITS}}{after}"
    room = max(state.width - cell_len(before) - len(after), 0)
    ending = _short(name[1], max(room // 2, room - cell_len(name[0])))
    return before + _fit(_short(name[0], room - cell_len(ending)) + ending, room) + after


def _headline(state: State, opened: OpenedTrace) -> Text:
    trace = opened.trace
    parts = [
        f"trace {trace.trace_id}",
        count(len(trace.spans), "span"),
        f"{trace.errors} failed" if trace.errors else "",
        duration(trace.duration),
        f"{trace.refused} spans not kept" if trace.refused else "",
        "" if trace.complete else "incomplete",
        "" if trace.trace_id in state.kept.by_id else "dropped",
        clock(trace.start),
    ]
    return Text(" · ".join(filter(None, parts)), "bold")


def _waterfall(state: State, opened: OpenedTrace) -> list[Text]:
    waterfall, first = opened.waterfall, opened.cursor.top
    lines = [Text(" " * MARGIN + waterfall.ruler, "dim")]
    for number in range(first, min(first + state.page, len(waterfall.lines))):
        line = Text(" " * MARGIN)
        line.append_tokens(waterfall.parts(number))
        lines.append(_chosen(line, state.width, chosen=number == opened.cursor.row))
    return lines


def _details(state: State, opened: OpenedTrace, first: int) -> list[Text]:
    return span_details(opened, state.kept, state.width)[first:]


def _chosen(line: Text, width: int, *, chosen: bool) -> Text:
    """Mark the chosen row, also for terminals without colours and reverse video."""
    if not chosen:
        return line
    marked = Text("> ") + line[MARGIN:]
    marked.pad_right(max(width - marked.cell_len, 0))
    marked.stylize("reverse")
    return marked


def _cut(line: Text, width: int) -> Text:
    line.truncate(width)
    return line


def _fit(text: str, width: int) -> str:
    return text if cell_len(text) == width else set_cell_size(_short(text, width), width)


def _short(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, max(width - 1, 0)) + "…" * (width > 0)

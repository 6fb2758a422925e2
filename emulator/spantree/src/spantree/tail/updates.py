"""What happens to the state: spans arrive, the terminal gets another size, and keys are pressed."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from spantree import Span
from spantree.tail.cursor import moved, scrolled, target
from spantree.tail.kept_traces import receive
from spantree.tail.opened_trace import OpenedTrace, at_error, open_trace, redrawn
from spantree.tail.received_trace import ReceivedTrace
from spantree.tail.search import has_text
from spantree.tail.span_details import span_details
from spantree.tail.state import State

__all__ = ["with_key", "with_size", "with_spans"]


def with_spans(state: State, arrived: Iterable[Span], now: float) -> State:
    """Add spans. What is chosen stays chosen; `now` is in seconds of the monotonic clock."""
    before, kept = state.kept, receive(state.kept, arrived, now)
    passed = {trace.trace_id for trace in state.listed}

    def passes(trace: ReceivedTrace) -> bool:
        """Search only what is new: more spans do not take away a text or an error."""
        if trace.trace_id in passed or before.by_id.get(trace.trace_id) is trace:
            return trace.trace_id in passed
        return _passes(state, trace)

    listed = [trace for trace in reversed(kept.by_id.values()) if passes(trace)]
    state, opened = _listing(replace(state, kept=kept), listed), state.opened
    if opened is None:
        return state
    trace = kept.by_id.get(opened.trace.trace_id, opened.trace)
    if trace.spans is opened.trace.spans:  # nothing to draw; a huge trace may get spans that are not kept all the time
        return replace(state, opened=replace(opened, trace=trace))
    return _redraw(state, opened, trace=trace)


def with_size(state: State, width: int, height: int) -> State:
    """Fit everything into another size of the terminal."""
    state = replace(state, width=width, height=height)
    state = replace(state, cursor=moved(state.cursor, state.cursor.row, len(state.listed), state.page))
    return state if state.opened is None else _redraw(state, state.opened)


def with_key(state: State, key: str) -> State:
    """Do what a key asks for. A key that has no meaning here changes nothing."""
    if state.typing:
        return _with_key_in_filter(state, key)
    if key == "q":
        return replace(state, ended=True)
    if state.opened is None:
        return _with_key_in_list(state, key)
    if state.opened.details is None:
        return _with_key_in_waterfall(state, state.opened, key)
    return _with_key_in_details(state, state.opened, key)


def _with_key_in_list(state: State, key: str) -> State:
    row = target(key, state.cursor.row, len(state.listed), state.page)
    if row is not None:
        return replace(state, cursor=moved(state.cursor, row, len(state.listed), state.page))
    if key in {"enter", "right", "l"} and state.listed:
        trace = state.listed[state.cursor.row]
        return replace(state, opened=open_trace(trace, state.width, state.vocabulary))
    if key == "/":
        return replace(state, typing=True)
    if key == "e":
        return _filtered(replace(state, errors_only=not state.errors_only))
    return _filtered(replace(state, filter="", errors_only=False)) if key == "escape" else state


def _with_key_in_filter(state: State, key: str) -> State:
    if key == "enter":
        return replace(state, typing=False)
    if key == "escape":
        return _filtered(replace(state, typing=False, filter=""))
    if key == "backspace":
        return _filtered(replace(state, filter=state.filter[:-1], typing=bool(state.filter)))
    if key == "erase":
        return _filtered(replace(state, filter=""))
    return _filtered(replace(state, filter=state.filter + key)) if len(key) == 1 else state


def _with_key_in_waterfall(state: State, opened: OpenedTrace, key: str) -> State:
    row = target(key, opened.cursor.row, len(opened.waterfall.lines), state.page)
    if row is not None:
        return replace(state, opened=opened.moved(row, state.page))
    if key == "x":
        return _redraw(state, opened, expand=not opened.expand)
    actions: Mapping[str, Callable[[], OpenedTrace | None]] = {
        **dict.fromkeys(("escape", "backspace", "left", "h"), lambda: None),
        **dict.fromkeys(("enter", "right", "l"), lambda: replace(opened, details=0)),
        "n": lambda: at_error(opened, state.page, backwards=False),
        "N": lambda: at_error(opened, state.page, backwards=True),
    }
    return replace(state, opened=actions[key]()) if key in actions else state


def _with_key_in_details(state: State, opened: OpenedTrace, key: str) -> State:
    if key in {"escape", "backspace", "enter"}:
        return replace(state, opened=replace(opened, details=None))
    if key in {"left", "h", "right", "l"}:
        step = -1 if key in {"left", "h"} else 1
        return replace(state, opened=opened.moved(opened.cursor.row + step, state.page))
    page = state.page + 1  # details have no line with the names of columns
    count = len(span_details(opened, state.kept, state.width))
    top = target(key, opened.details or 0, count - page + 1, page)
    if top is None:
        return state
    return replace(state, opened=replace(opened, details=max(min(top, count - page), 0)))


def _passes(state: State, trace: ReceivedTrace) -> bool:
    return (not state.errors_only or bool(trace.errors)) and has_text(trace, state.filter)


def _filtered(state: State) -> State:
    return _listing(state, [trace for trace in reversed(state.kept.by_id.values()) if _passes(state, trace)])


def _listing(state: State, listed: list[ReceivedTrace]) -> State:
    """List these traces. The chosen one stays chosen, unless it is the newest or is not among them."""
    row = state.cursor.row
    if row:
        chosen = state.listed[row].trace_id
        row = next((number for number, trace in enumerate(listed) if trace.trace_id == chosen), row)
    return replace(state, listed=tuple(listed), cursor=scrolled(state.cursor, row, len(listed), state.page))


def _redraw(
    state: State, opened: OpenedTrace, *, trace: ReceivedTrace | None = None, expand: bool | None = None
) -> State:
    drawn = redrawn(
        opened,
        trace or opened.trace,
        state.width,
        state.page,
        state.vocabulary,
        expand=opened.expand if expand is None else expand,
    )
    return replace(state, opened=drawn)

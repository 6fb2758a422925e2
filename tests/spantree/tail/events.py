"""Builds states of the live view from what happens: spans, keys and sizes, in this order."""

from dataclasses import replace
from typing import Any

from spantree import Span
from spantree.tail import KeptTraces, State
from spantree.tail.frame import frame
from spantree.tail.updates import with_key, with_size, with_spans
from tests.support.spans import a_span

WIDTH, HEIGHT = 80, 24


def a_root(number: int, name: str = "order", service: str = "shop", **more: Any) -> Span:
    """The root of trace `number`."""
    return a_span(1, name=name, service=service, trace_id=f"{number:032x}", **more)


def after(*events: list[Span] | str | tuple[int, int], state: State | None = None, limit: int = 1000) -> State:
    """Return the state after these events: spans that arrive, a key such as `enter`, or a size of the terminal."""
    state = with_size(state or State(KeptTraces(limit)), WIDTH, HEIGHT) if state is None else state
    for event in events:
        if isinstance(event, str):
            state = with_key(state, event)
        elif isinstance(event, tuple):
            state = with_size(state, *event)
        else:
            state = with_spans(state, event, 0.0)
    return state


def screen(state: State) -> list[str]:
    """Return the lines of the screen, without styles."""
    return [line.plain.rstrip() for line in frame(state)]


def listed(state: State) -> list[str]:
    """Return the names of the roots in the list."""
    return [trace.root.name for trace in state.listed]


def chosen(state: State) -> str:
    """Return what stands in the chosen row."""
    [row] = [line for line in screen(state) if line.startswith("> ")]
    return row


def with_loss(state: State, lost: int, notice: str) -> State:
    """Return a state whose receiver had trouble."""
    return replace(state, lost=lost, notice=notice)

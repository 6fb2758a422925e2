"""Shows the progress of boots on stderr, for a user who waits at a terminal. The display disappears at the end."""

import logging
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from emulator.client import BootRequest, OnProgress

__all__ = ["progress"]

FINAL_STATES = ("ACTIVE", "ERROR", "REFUSED")
BAR_WIDTH = 24


@contextmanager
def progress(requests: Sequence[BootRequest], *, shown: bool = True) -> Iterator[OnProgress]:
    """Show the states of the boots while the block lasts; yields the function to call with each new state.

    Nothing is shown if stderr is not a terminal that can move its cursor, or in CI.
    """
    terminal = sys.stderr.isatty() and os.environ.get("TERM") not in {"dumb", "unknown"}
    if not shown or not terminal or os.environ.get("CI"):
        yield lambda _request, _state: None
        return
    from rich.console import Console  # imported here: rich.progress is slow to import, and few runs need it
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

    console = Console(stderr=True)
    spinner = SpinnerColumn("dots" if console.encoding.startswith("utf") else "line")
    bar = [BarColumn(BAR_WIDTH)] if len(requests) > 1 else []
    text = TextColumn("{task.description}, {task.elapsed:.1f} s", markup=False)
    states = dict.fromkeys([request.name for request in requests], "requested")
    with Progress(spinner, *bar, text, console=console, transient=True) as display, _logs_above():
        task = display.add_task(_description(states), total=len(requests))

        def on_progress(request: BootRequest, state: str) -> None:
            states[request.name] = state
            ended = sum(each in FINAL_STATES for each in states.values())
            display.update(task, description=_description(states), completed=ended)

        yield on_progress


def _description(states: Mapping[str, str]) -> str:
    """Return the state of the only server, or how many of several are in each state."""
    if len(states) == 1:
        [(name, state)] = states.items()
        return f"{name}: {state}"
    numbers = Counter(state if state in FINAL_STATES else "in progress" for state in states.values())
    return ", ".join(f"{numbers[state]} {state}" for state in (*FINAL_STATES, "in progress") if numbers[state])


@contextmanager
def _logs_above() -> Iterator[None]:
    """Print log records above the display: rich has replaced stderr by a stream that does so."""
    handlers = [handler for handler in logging.getLogger().handlers if isinstance(handler, logging.StreamHandler)]
    before = [handler.setStream(sys.stderr) for handler in handlers]
    try:
        yield
    finally:
        for handler, stream in zip(handlers, before, strict=True):
            handler.setStream(stream or sys.stderr)

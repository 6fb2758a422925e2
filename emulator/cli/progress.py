"""How boots get on, on stderr, for whoever waits for them at a terminal. It disappears when they have ended."""

import logging
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from emulator.client import BootRequest, OnProgress

__all__ = ["progress"]

ENDED = ("ACTIVE", "ERROR", "REFUSED")
BAR_WIDTH = 24


@contextmanager
def progress(orders: Sequence[BootRequest], *, wanted: bool = True) -> Iterator[OnProgress]:
    """Show while the block lasts how orders get on; yield who is to be told of their states.

    Nothing is shown where stderr is no terminal that can move its cursor, or belongs to a CI.
    """
    if not wanted or not sys.stderr.isatty() or os.environ.get("CI") or os.environ.get("TERM") in {"dumb", "unknown"}:
        yield lambda _order, _state: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn  # late, as few need it and it takes time

    console = Console(stderr=True)
    spinner = SpinnerColumn("dots" if console.encoding.startswith("utf") else "line")
    bar = [BarColumn(BAR_WIDTH)] if len(orders) > 1 else []
    words = TextColumn("{task.description}, {task.elapsed:.1f} s", markup=False)
    states = dict.fromkeys([order.name for order in orders], "asked for")
    with Progress(spinner, *bar, words, console=console, transient=True) as shown, _logs_above():
        task = shown.add_task(_words(states), total=len(orders))

        def tell(order: BootRequest, state: str) -> None:
            states[order.name] = state
            shown.update(task, description=_words(states), completed=sum(each in ENDED for each in states.values()))

        yield tell


def _words(states: Mapping[str, str]) -> str:
    """Say the state of the only server, or how many of several are in which."""
    if len(states) == 1:
        [(name, state)] = states.items()
        return f"{name}: {state}"
    numbers = Counter(state if state in ENDED else "under way" for state in states.values())
    return ", ".join(f"{numbers[state]} {state}" for state in (*ENDED, "under way") if numbers[state])


@contextmanager
def _logs_above() -> Iterator[None]:
    """Let what is logged stand above what is shown: both go to stderr, which the display has replaced by its own."""
    handlers = [handler for handler in logging.getLogger().handlers if isinstance(handler, logging.StreamHandler)]
    before = [handler.setStream(sys.stderr) for handler in handlers]
    try:
        yield
    finally:
        for handler, stream in zip(handlers, before, strict=True):
            handler.setStream(stream or sys.stderr)

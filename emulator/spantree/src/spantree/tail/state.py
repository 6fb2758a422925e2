"""All that the live view shows, as one value: what has arrived, what is chosen, and the size of the screen."""

from dataclasses import dataclass

from spantree.render import PLAIN, Vocabulary
from spantree.tail.cursor import START, Cursor
from spantree.tail.kept_traces import KeptTraces
from spantree.tail.opened_trace import OpenedTrace
from spantree.tail.received_trace import ReceivedTrace

__all__ = ["State"]

LINES_AROUND = 3
"""The lines around a list: a headline, the names of its columns, and the keys."""


@dataclass(frozen=True, slots=True)
class State:
    """What is shown. `updates` makes the next state of it, `frame` the lines of the screen."""

    kept: KeptTraces
    title: str = "spantree tail"
    endpoints: tuple[str, ...] = ()
    vocabulary: Vocabulary = PLAIN
    width: int = 80
    height: int = 24

    listed: tuple[ReceivedTrace, ...] = ()
    """The traces that the filter lets through, the newest first."""
    cursor: Cursor = START
    """While it is on the first row, it stays there when traces arrive, and so follows the newest."""
    filter: str = ""
    typing: bool = False
    """Whether keys are added to the filter."""
    errors_only: bool = False
    opened: OpenedTrace | None = None

    lost: int = 0
    """Spans that were dropped before they could be looked at."""
    notice: str = ""
    ended: bool = False

    @property
    def page(self) -> int:
        """How many rows of a list fit on the screen, at least one."""
        return max(self.height - LINES_AROUND, 1)

"""A trace beside an expected tree: which span stands for which line."""

from dataclasses import dataclass

from spantree.expectation.comparison import Reasons
from spantree.expectation.parser import Item, Level
from spantree.span import Span

__all__ = ["Alignment", "Row"]


@dataclass(frozen=True, slots=True)
class Row:
    """An expected line, a span, or both side by side. `why` names differences of the two; `place` is the line's place.

    A span without a line is too much, unless it is `allowed` by `...`; so is a missing line that is optional.
    """

    item: Item | None
    span: Span | None
    place: int
    why: Reasons = ()
    below: "Alignment | None" = None
    allowed: bool = False

    @property
    def differs(self) -> bool:
        """Whether the row itself, not what is below it, is not as expected."""
        return not self.allowed and (self.item is None or self.span is None or bool(self.why))


@dataclass(frozen=True, slots=True)
class Alignment:
    """A level of an expected tree beside the spans that are there. `cost` is 0 if all is as expected."""

    level: Level
    rows: tuple[Row, ...]
    cost: int

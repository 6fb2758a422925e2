"""Costs of levels and spans that have no name in common: these depend on the shape alone, not on any name.

The shape of a level is its lines with only service, kind and counts, and that of spans only service, kind and which
started at the same time, with everything below. A thousand lines of one name, each with other lines below, make a
million pairs, but nearly all of them have two shapes.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from spantree.expectation.classes import Classes
from spantree.expectation.parser import AnyOrder, ExpectedSpan, Level
from spantree.span import Span

__all__ = ["Shapes"]

LARGEST = 50
"""The most lines, and spans, whose shape is looked at; each pair of larger ones is compared."""
LEVELS = 8


@dataclass(frozen=True, slots=True)
class Shape:
    """What levels or spans have in common, by number, and the names that make the difference."""

    number: int
    names: frozenset[str]


@dataclass(slots=True)
class Shapes:
    """The shapes of levels and of spans by their class; None for those without one."""

    classes: Classes
    levels: dict[int, Shape | None] = field(default_factory=dict)
    families: dict[int, Shape | None] = field(default_factory=dict)
    numbers: dict[Hashable, int] = field(default_factory=dict)

    def key(self, level: Level, span: Span) -> tuple[int, int] | None:
        """Return the key of the cost of a level and what is below a span, if they have no name in common."""
        if self.classes.sizes[span.span_id] > LARGEST:
            return None
        kind = self.classes.levels[level]
        if kind not in self.levels:
            self.levels[kind] = self._of_level(level)
        below = self.levels[kind]
        if below is None:
            return None
        family = self.classes.families[span.span_id]
        if family not in self.families:
            self.families[family] = self._of_spans(span)
        found = self.families[family]
        if found is None or not below.names.isdisjoint(found.names):
            return None
        return below.number, found.number

    def _of_level(self, level: Level) -> Shape | None:
        names: list[str] = []
        shape = _level_shape(level, names, LEVELS)
        if shape is None or any("{" in name for name in names):
            return None
        return Shape(self.numbers.setdefault(shape, len(self.numbers)), frozenset(names))

    def _of_spans(self, above: Span) -> Shape | None:
        names: list[str] = []
        shape = _spans_shape(above.children, names, LEVELS)
        return None if shape is None else Shape(self.numbers.setdefault(shape, len(self.numbers)), frozenset(names))


def _level_shape(level: Level, names: list[str], levels: int) -> Hashable | None:
    """Return a shape, and add the names to a list; None if there are too many levels or lines."""
    if (level.items or level.deep) and not levels:
        return None
    shapes: list[Hashable] = [level.rest]
    for item in (*level.items, AnyOrder(level.deep, [])):
        members = item.items if isinstance(item, AnyOrder) else [item]
        shapes.append(isinstance(item, AnyOrder))
        for line in members:
            names.append(line.line.name)
            below = None if len(names) > LARGEST else _level_shape(line.below, names, levels - 1)
            if below is None:
                return None
            shapes.append((*_line_shape(line), below))
    return tuple(shapes)


def _line_shape(line: ExpectedSpan) -> tuple[Hashable, ...]:
    return line.line.service, line.line.kind, line.least, line.most


def _spans_shape(spans: Sequence[Span], names: list[str], levels: int) -> Hashable | None:
    if spans and not levels:
        return None
    shapes: list[Hashable] = [tuple(one.start == other.start for one, other in pairwise(spans))]
    for span in spans:
        names.append(span.name)
        below = _spans_shape(span.children, names, levels - 1)
        if below is None:
            return None
        shapes.append((span.service, span.kind, below))
    return tuple(shapes)

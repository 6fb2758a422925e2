"""What the lines of a level want: equal lines of an item together, and found by what a span must have to fit them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from spantree.expectation.classes import Classes
from spantree.expectation.comparison import text_of_an_attribute
from spantree.expectation.parser import AnyOrder, ExpectedSpan, Level
from spantree.notation import write_value
from spantree.span import Span

__all__ = ["ANY_NUMBER", "Want", "Wants"]

ANY_NUMBER = 1 << 40
"""More than any number of spans."""


class Want(NamedTuple):
    """Equal lines of an item, by number: how many spans they need and accept together.

    Equal lines in a row are one item here. `items` has the item of each in its level.
    """

    item: int
    numbers: list[int]
    line: ExpectedSpan
    least: int
    most: int
    items: list[int]


@dataclass(slots=True)
class Wants:
    """The wants of the items of a level, then those of the lines below `...`, which have the item after the last."""

    level: Level
    classes: Classes
    all: list[Want] = field(default_factory=list)
    by_item: list[list[int]] = field(default_factory=list)
    deep: list[int] = field(default_factory=list)
    least: list[int] = field(default_factory=list)
    most: list[int] = field(default_factory=list)
    """How many spans the items before an item need, and accept, and all of them at the end."""
    found: dict[tuple[str, ...], list[int]] = field(default_factory=dict)
    """The wants by the service and the name, and perhaps something else that a span must have to fit."""
    patterns: list[int] = field(default_factory=list)
    """The wants whose name has placeholders."""
    keys: set[str] = field(default_factory=set)
    looks_below: bool = False

    def __post_init__(self) -> None:
        """Collect the wants."""
        number = 0
        for place, item in enumerate(self.level.items):
            lines = item.items if isinstance(item, AnyOrder) else [item]
            if not (number and isinstance(item, ExpectedSpan) and self._joins(item, number, place)):
                self.by_item.append(self._add(lines, number, place))
            number += len(lines)
        self.deep = self._add(self.level.deep, number, len(self.level.items))
        self.least = [0, *accumulate(sum(self.all[want].least for want in wants) for wants in self.by_item)]
        self.most = [0, *accumulate(sum(self.all[want].most for want in wants) for wants in self.by_item)]
        names = Counter(name for want in self.all for name in _names_below(want.line))
        for index, want in enumerate(self.all):
            line = want.line.line
            if "{" in line.name:
                self.patterns.append(index)
                continue
            more: tuple[str, ...] = ()
            if (attribute := text_of_an_attribute(line)) is not None:
                self.keys.add(attribute[0])
                more = ("attribute", *attribute)
            elif below := _names_below(want.line):
                self.looks_below = True
                more = ("below", *min(below, key=names.__getitem__))
            self.found.setdefault((line.service, line.name, *more), []).append(index)

    def _add(self, lines: Iterable[ExpectedSpan], first: int, place: int) -> list[int]:
        equal: dict[int, list[tuple[int, ExpectedSpan]]] = {}
        for number, line in enumerate(lines, start=first):
            equal.setdefault(self.classes.lines[line], []).append((number, line))
        begin = len(self.all)
        for same in equal.values():
            line, numbers = same[0][1], [number for number, _ in same]
            most = ANY_NUMBER if line.most is None else line.most * len(same)
            want = Want(len(self.by_item), numbers, line, line.least * len(same), most, [place] * len(same))
            self.all.append(want)
        return list(range(begin, len(self.all)))

    def _joins(self, line: ExpectedSpan, number: int, place: int) -> bool:
        """Add a line to the item before it, if that has equal lines only."""
        if len(self.by_item[-1]) != 1:
            return False
        want = self.all[-1]
        if self.classes.lines[want.line] != self.classes.lines[line]:
            return False
        most = ANY_NUMBER if line.most is None else want.most + line.most
        want.numbers.append(number)
        want.items.append(place)
        self.all[-1] = want._replace(least=want.least + line.least, most=most)
        return True

    def candidates(self, span: Span) -> Iterator[int]:
        """Yield the wants that a span may fit."""
        yield from self.patterns
        name = (span.service, span.name)
        yield from self.found.get(name, ())
        for key in self.keys:
            if key in span.attributes:
                yield from self.found.get((*name, "attribute", key, write_value(span.attributes[key])), ())
        if self.looks_below:
            for below in {(child.service, child.name) for child in span.children}:
                yield from self.found.get((*name, "below", *below), ())

    def accept(self, spans: Sequence[Span]) -> bool:
        """Return whether there are neither too few nor too many spans."""
        return self.least[-1] <= len(spans) and (self.level.rest or len(spans) <= self.most[-1])


def _names_below(line: ExpectedSpan) -> set[tuple[str, str]]:
    """Return service and name of the spans that are required directly below a line."""
    lines = [below.line for below in line.below.spans() if below.least]
    return {(below.service, below.name) for below in lines if "{" not in below.name}

"""Numbers lines and spans so that equal numbers mean: nothing in the comparison can tell them apart.

What is below counts as well. Levels, and the spans below a span, have numbers of their own.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field

from spantree.expectation.comparison import compared_attributes
from spantree.expectation.parser import AnyOrder, ExpectedSpan, Level
from spantree.notation import write_value
from spantree.span import Span

__all__ = ["Classes", "walk"]


@dataclass(slots=True)
class Classes:
    """The numbers of the lines of a tree and of the spans of a trace."""

    top: Level
    spans: Sequence[Span]
    keys: list[str] = field(default_factory=list)
    """The attributes that some line mentions."""
    lines: dict[ExpectedSpan, int] = field(default_factory=dict)
    levels: dict[Level, int] = field(default_factory=dict)
    strict: set[ExpectedSpan] = field(default_factory=set)
    """The lines below which a fixed number of spans is expected."""
    looks: dict[str, int] = field(default_factory=dict)
    """The numbers of spans by id, without what is below them."""
    trees: dict[str, int] = field(default_factory=dict)
    """The numbers of spans by id, with everything below them."""
    families: dict[str, int] = field(default_factory=dict)
    """The numbers of the spans below a span, by its id."""
    sizes: dict[str, int] = field(default_factory=dict)
    """The number of spans from a span down, by its id."""
    numbers: dict[Hashable, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Number everything from the bottom up."""
        levels = _levels(self.top)
        strict = set[Level]()
        for level in reversed(levels):
            for line in (*level.spans(), *level.deep):
                self.strict |= {line} if line.below in strict else set()
                self.lines[line] = self._number("line", str(line.line), line.least, line.most, self.levels[line.below])
            self.levels[level] = self._number("level", self._items(level), level.rest, self._numbers(level.deep))
            is_strict = not level.rest and all(
                line in self.strict and line.least == line.most for line in level.spans()
            )
            strict |= {level} if is_strict else set()
        lines = [line.line for line in self.lines]
        # A budget may be a share of another span's time, so that no two spans are alike.
        all_differ = any(line.budgets for line in lines)
        self.keys = keys = sorted({key for line in lines for key in compared_attributes(line)})
        for span in reversed(list(walk(self.spans))):
            children = span.children
            name = span.span_id
            look = span_look(span, keys)
            self.looks[name] = self._number("look", name) if all_differ else self._number("look", *look)
            self.families[name] = self.family(children)
            self.trees[name] = self._number("tree", self.looks[name], self.families[name])
            self.sizes[name] = 1 + sum(self.sizes[child.span_id] for child in children)

    def family(self, spans: Sequence[Span]) -> int:
        """Return the number of siblings; it depends on which of them started at the same time."""
        starts = [span.start for span in spans]
        tied = tuple(place for place in range(1, len(starts)) if starts[place] == starts[place - 1])
        return self._number("family", tuple(self.trees[span.span_id] for span in spans), tied)

    def _items(self, level: Level) -> tuple[Hashable, ...]:
        return tuple(
            (self._numbers(item.items),) if isinstance(item, AnyOrder) else self.lines[item] for item in level.items
        )

    def _numbers(self, lines: Sequence[ExpectedSpan]) -> tuple[int, ...]:
        return tuple(self.lines[line] for line in lines)

    def _number(self, *key: Hashable) -> int:
        return self.numbers.setdefault(key, len(self.numbers))


def span_look(span: Span, keys: Sequence[str]) -> tuple[Hashable, ...]:
    """Return all that `compare` sees of a span, for lines that have no other attributes than these."""
    attributes = span.attributes
    # A comparison with a number tells 5 from "5".
    values = tuple((key, write_value(attributes[key]), type(attributes[key])) for key in keys if key in attributes)
    return span.service, span.name, span.kind, span.failed, span.error_type, values


def walk(spans: Sequence[Span]) -> Iterator[Span]:
    """Yield spans and everything below them, parents before their children."""
    for span in spans:
        yield span
        yield from span.descendants


def _levels(top: Level) -> list[Level]:
    """Return a level and all below it, parents before their children."""
    levels = [top]
    for level in levels:
        levels += [line.below for line in (*level.spans(), *level.deep)]
    return levels

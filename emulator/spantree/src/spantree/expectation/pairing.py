"""The cost of each line of a level with each of its spans, everything below included.

Costs are worked out for classes of spans, and those of the levels below are asked for by yielding `Request`s.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from spantree.expectation.classes import Classes
from spantree.expectation.comparison import DIFFERENT, RENAMED, compare, text_of_an_attribute, weight
from spantree.expectation.parser import AnyOrder, ExpectedSpan, Level
from spantree.expectation.placeholders import Placeholder, fits
from spantree.expectation.plan import Request
from spantree.expectation.shapes import Shapes
from spantree.notation import write_value
from spantree.span import Span

__all__ = ["MISSING", "Hub", "Pairing", "Siblings"]

MISSING, UNEXPECTED = 2, 3
"""The cost of an expected span that is missing, and of a span that nothing expects."""

Hub: TypeAlias = tuple[str, str, str, bool]
"""Service, kind or `any name`, name or `any kind`, and whether only spans without children are meant.

All pairs of lines and spans that a hub connects cost the same, unless they fit.
"""


@dataclass(slots=True)
class Siblings:
    """Spans side by side, in classes of those that are alike. `of` has the class of each span."""

    spans: Sequence[Span]
    classes: Classes
    alike: list[Span] = field(default_factory=list)
    of: list[int] = field(default_factory=list)
    leaves: set[int] = field(default_factory=set)
    """The classes of spans without children."""
    by_name: dict[str, list[int]] = field(default_factory=dict)
    by_kind: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    """The classes of spans by service and kind."""
    by_child: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    """The classes of spans by service and name of a child."""
    by_attribute: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    """The classes of spans by the key and the text of an attribute."""

    def __post_init__(self) -> None:
        """Find the classes."""
        known: dict[int, int] = {}
        for span in self.spans:
            number = known.setdefault(self.classes.trees[span.span_id], len(known))
            self.of.append(number)
            if number == len(self.alike):
                self.alike.append(span)
                self.leaves |= {number} if self.classes.sizes[span.span_id] == 1 else set()
                self.by_name.setdefault(span.name, []).append(number)
                self.by_kind.setdefault(span.service, {}).setdefault(span.kind, []).append(number)
                for child in span.children:
                    self.by_child.setdefault((child.service, child.name), set()).add(number)
                for key in self.classes.keys:
                    if key in span.attributes:
                        text = write_value(span.attributes[key])
                        self.by_attribute.setdefault((key, text), set()).add(number)

    def at(self, costs: Mapping[int, int]) -> Mapping[int, int]:
        """Return the costs of the spans, by index, from the costs of the classes."""
        if len(self.alike) == len(self.spans):
            return costs
        return {index: costs[number] for index, number in enumerate(self.of) if number in costs}


@dataclass(slots=True)
class Pairing:
    """Compares lines with spans, and remembers the results by class. `known` has the costs of levels below."""

    classes: Classes
    placeholders: Mapping[str, Placeholder]
    known: dict[tuple[int, int], int] = field(default_factory=dict)
    weights: dict[tuple[int, int], int | None] = field(default_factory=dict)
    renamed: dict[tuple[str, str, bool, str, str], int | None] = field(default_factory=dict)
    sums: dict[int, int] = field(default_factory=dict)
    shapes: Shapes = field(init=False)
    by_shape: dict[tuple[int, int], int] = field(default_factory=dict)
    """The costs of levels below that have no name in common with the spans there, by shape."""

    def __post_init__(self) -> None:
        self.shapes = Shapes(self.classes)

    def weight(self, line: ExpectedSpan, span: Span) -> int | None:
        """Return the weight of the differences between a line and a span; None if they have nothing in common."""
        key = (self.classes.lines[line], self.classes.looks[span.span_id])
        if key not in self.weights:
            reasons = compare(line, span, self.placeholders)
            self.weights[key] = None if reasons is None else weight(reasons)
        return self.weights[key]

    def cost(self, line: ExpectedSpan, span: Span, weight: int) -> Generator[Request, None, int]:
        """Return the cost of a line and a span whose own differences have this weight."""
        below = self.simple(line.below, span)
        if below is None:
            shape = self.shapes.key(line.below, span)
            below = self.by_shape.get(shape) if shape is not None else None
            if below is None:
                below = yield from self._cost_below(line, span)
                if shape is not None:
                    self.by_shape[shape] = below
        return weight + below

    def _cost_below(self, line: ExpectedSpan, span: Span) -> Generator[Request, None, int]:
        if (known := self._only_child(line.below, span)) is not None:
            return known
        request = self.below(line, span)
        if request.key not in self.known:
            yield request
        return self.known[request.key]

    def below(self, line: ExpectedSpan, span: Span) -> Request:
        """Return what is below a line and a span."""
        key = (self.classes.levels[line.below], self.classes.families[span.span_id])
        return Request(line.below, span.children, key)

    def simple(self, level: Level, span: Span) -> int | None:
        """Return the cost of what is below, if either side has nothing there; None otherwise."""
        if not (level.items or level.deep):
            return 0 if level.rest else self._all_unexpected(span)
        return None if self.classes.sizes[span.span_id] > 1 else _all_missing(level)

    def _only_child(self, level: Level, span: Span) -> int | None:
        """Return the cost of a level with one line and one span, which is the most frequent one; None for others."""
        if self.classes.sizes[span.span_id] != 2 or len(level.items) != 1 or level.rest:  # noqa: PLR2004
            return None
        line = level.items[0]
        if (
            isinstance(line, AnyOrder)
            or not line.least == line.most == line.size == 1
            or line not in self.classes.strict
        ):
            return None
        known = self.weight(line, span.children[0])
        return MISSING + UNEXPECTED if known is None else known

    def unexpected(self, span: Span) -> int:
        """Return the cost of a span that nothing expects, with everything below it."""
        return UNEXPECTED * self.classes.sizes[span.span_id]

    def costs(
        self, line: ExpectedSpan, siblings: Siblings, *, in_order: bool
    ) -> Generator[Request, None, dict[int, int]]:
        """Return the cost of a line with each class of spans that it may stand for.

        Where the order says nothing, a span with another name is the one that was meant only if everything below it
        fits. Those without anything below are left to `hubs`.
        """
        found: dict[int, int] = {}
        if not line.repeats:
            for numbers in siblings.by_kind.get(line.line.service, {}).values():
                if (renamed := self._renamed(line, siblings, numbers)) is not None:
                    yield from self._add_renamed(found, line, siblings, numbers, renamed, in_order=in_order)
        for name in self.names(line, siblings):
            yield from self._add_same_name(found, line, siblings, siblings.by_name[name], in_order=in_order)
        return found

    def names(self, line: ExpectedSpan, siblings: Siblings) -> list[str]:
        """Return the names of spans that fit the name of a line."""
        name = line.line.name
        if "{" not in name:
            return [name] if name in siblings.by_name else []
        return [found for found in siblings.by_name if fits(name, found, self.placeholders)]

    def hubs(self, line: ExpectedSpan, siblings: Siblings) -> list[Hub]:
        """Return the hubs through which spans come to a line without anything below it, if they do not fit."""
        if line.below.items or line.below.deep:
            return []
        service, is_leaf = line.line.service, not line.below.rest
        hubs = [(service, "any kind", name, is_leaf) for name in self.names(line, siblings)]
        if not line.repeats:
            kinds = siblings.by_kind.get(service, {}).items()
            hubs += [
                (service, kind, "any name", is_leaf)
                for kind, numbers in kinds
                if self._renamed(line, siblings, numbers) is not None
            ]
        return hubs

    def hub_costs(self, span: Span) -> dict[Hub, int]:
        """Return the hubs of a span, and what each costs."""
        leaf = [False] if self.classes.sizes[span.span_id] > 1 else [False, True]
        renamed = {(span.service, span.kind, "any name", is_leaf): RENAMED for is_leaf in leaf}
        return renamed | {(span.service, "any kind", span.name, is_leaf): DIFFERENT for is_leaf in leaf}

    def _add_same_name(
        self,
        found: dict[int, int],
        line: ExpectedSpan,
        siblings: Siblings,
        numbers: Sequence[int],
        *,
        in_order: bool,
    ) -> Generator[Request, None, None]:
        """Add the spans with the name of a line. One that lacks an attribute differs; it need not be compared."""
        wanted = text_of_an_attribute(line.line)
        fitting = siblings.by_attribute.get(wanted, ()) if wanted is not None else None
        is_empty = not (line.below.items or line.below.deep)
        for number in numbers:
            found.pop(number, None)
            span = siblings.alike[number]
            weight: int | None = DIFFERENT
            if fitting is None or number in fitting or span.service != line.line.service:
                weight = self.weight(line, span)
            elif is_empty and (line.below.rest or number in siblings.leaves):
                if in_order:
                    found[number] = DIFFERENT
                continue
            if weight is not None:
                cost = yield from self.cost(line, span, weight)
                if weight < RENAMED or self._has_likeness(line, span, cost - weight):
                    found[number] = cost

    def _has_likeness(self, line: ExpectedSpan, span: Span, below: int) -> bool:
        """Return whether anything below a line and a span fits, as far as there is anything."""
        others = 0 if line.below.rest else self._all_unexpected(span)
        return below == 0 or below < _all_missing(line.below) + others

    def _renamed(self, line: ExpectedSpan, siblings: Siblings, numbers: Sequence[int]) -> int | None:
        """Return the weight of another name than that of the line, for spans of one service and kind.

        Only these two matter then: a name that is another says that the rest cannot be compared.
        """
        for number in numbers:
            span = siblings.alike[number]
            key = (line.line.service, line.line.kind, line.repeats, span.service, span.kind)
            if key in self.renamed:
                return self.renamed[key]
            if not fits(line.line.name, span.name, self.placeholders):
                self.renamed[key] = self.weight(line, span)
                return self.renamed[key]
        return None

    def _add_renamed(
        self,
        found: dict[int, int],
        line: ExpectedSpan,
        siblings: Siblings,
        numbers: Sequence[int],
        weight: int,
        *,
        in_order: bool,
    ) -> Generator[Request, None, None]:
        level = line.below
        if level.rest and not (level.items or level.deep):
            if in_order:
                found.update(dict.fromkeys(numbers, weight))
            return
        if not (level.items or level.deep):
            if in_order:
                found.update({number: weight for number in numbers if number in siblings.leaves})
            return
        if not in_order and (required := _required_below(level)) is not None:
            numbers = sorted(siblings.by_child.get(required, set()).intersection(numbers))
        for number in numbers:
            span = siblings.alike[number]
            simple = self.simple(level, span)
            if simple == 0:
                found[number] = weight
            elif simple is None and (in_order or _may_fit(level, span)):
                cost = yield from self.cost(line, span, weight)
                if self._has_likeness(line, span, cost - weight) and (in_order or cost == weight):
                    found[number] = cost

    def _all_unexpected(self, span: Span) -> int:
        family = self.classes.families[span.span_id]
        if family not in self.sums:
            self.sums[family] = sum(map(self.unexpected, span.children))
        return self.sums[family]


def _all_missing(level: Level) -> int:
    return MISSING * sum(line.size * line.least for line in (*level.spans(), *level.deep))


def _required_below(level: Level) -> tuple[str, str] | None:
    """Return service and name of a span that a level requires; None if any name may do."""
    lines = (line for line in level.spans() if line.least and "{" not in line.line.name)
    return next(((line.line.service, line.line.name) for line in lines), None)


def _may_fit(level: Level, span: Span) -> bool:
    """Return whether the children of a span might fit, by their number and names."""
    children = span.children
    least = most = 0
    for line in level.spans():
        least, most = least + line.least, most + (len(children) if line.most is None else line.most)
    if least > len(children) or (most < len(children) and not level.rest):
        return False
    names = {(child.service, child.name) for child in children}
    return all(
        (line.line.service, line.line.name) in names
        for line in level.spans()
        if line.least and "{" not in line.line.name
    )

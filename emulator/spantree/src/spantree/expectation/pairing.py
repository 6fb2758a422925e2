"""The cost of each line of a level with each of its spans, everything below included.

Costs are worked out for classes of spans, and those of the levels below are asked for by yielding `Request`s.
"""

from collections import defaultdict
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from spantree.expectation.classes import Classes
from spantree.expectation.comparison import RENAMED, compare, weight
from spantree.expectation.parser import ExpectedSpan, Level
from spantree.expectation.placeholders import Placeholder, fits
from spantree.span import Span

__all__ = ["MISSING", "Pairing", "Request", "Siblings", "Step"]

MISSING, UNEXPECTED = 2, 2
"""The cost of an expected span that is missing, and of each span of a tree of spans that nothing expects."""

Hub: TypeAlias = tuple[str, str, bool]
"""Service, kind, and whether only spans without children are meant."""


class Step(NamedTuple):
    """A row of an alignment by numbers: the item at which it stands, the line and the span, if any."""

    item: int
    line: int | None
    span: int | None


class Request(NamedTuple):
    """A level and the spans to align with it; the answer is known by its key from then on."""

    level: Level
    spans: Sequence[Span]
    key: tuple[int, int]


@dataclass(slots=True)
class Siblings:
    """Spans side by side, in classes of those that are alike. `of` has the class of each span."""

    spans: Sequence[Span]
    classes: Classes
    alike: list[Span] = field(default_factory=list)
    of: list[int] = field(default_factory=list)
    by_name: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    by_kind: defaultdict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        """Find the classes."""
        known: dict[int, int] = {}
        for span in self.spans:
            number = known.setdefault(self.classes.trees[span.span_id], len(known))
            self.of.append(number)
            if number == len(self.alike):
                self.alike.append(span)
                self.by_name[span.name].append(number)
                self.by_kind[span.service, span.kind].append(number)

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
            request = self.below(line, span)
            if request.key not in self.known:
                yield request
            below = self.known[request.key]
        return weight + below

    def below(self, line: ExpectedSpan, span: Span) -> Request:
        """Return what is below a line and a span."""
        key = (self.classes.levels[line.below], self.classes.families[span.span_id])
        return Request(line.below, span.children, key)

    def simple(self, level: Level, span: Span) -> int | None:
        """Return the cost of what is below, if either side has nothing there; None otherwise."""
        if not (level.items or level.deep):
            return 0 if level.rest else self._all_unexpected(span)
        return None if self.classes.sizes[span.span_id] > 1 else _all_missing(level)

    def unexpected(self, span: Span) -> int:
        """Return the cost of a span that nothing expects, with everything below it."""
        return UNEXPECTED * self.classes.sizes[span.span_id] + 1

    def costs(
        self, line: ExpectedSpan, siblings: Siblings, *, in_order: bool
    ) -> Generator[Request, None, dict[int, int]]:
        """Return the cost of a line with each class of spans that it may stand for.

        Where the order says nothing, a span with another name is the one that was meant only if everything below it
        fits. Those without anything below are left to `hubs`.
        """
        found: dict[int, int] = {}
        same_name = [name for name in siblings.by_name if fits(line.line.name, name, self.placeholders)]
        if not line.repeats:
            for (service, kind), numbers in siblings.by_kind.items():
                if (renamed := self._renamed(line, siblings, numbers)) is not None:
                    yield from self._add_renamed(found, line, siblings, numbers, renamed, in_order=in_order)
        for name in same_name:
            for number in siblings.by_name[name]:
                found.pop(number, None)
                span = siblings.alike[number]
                if (known := self.weight(line, span)) is not None:
                    found[number] = yield from self.cost(line, span, known)
        return found

    def hubs(self, line: ExpectedSpan, siblings: Siblings) -> list[Hub]:
        """Return the hubs through which spans with another name come to a line."""
        if line.repeats or line.below.items or line.below.deep:
            return []
        kinds = siblings.by_kind.items()
        return [
            (*key, not line.below.rest) for key, numbers in kinds if self._renamed(line, siblings, numbers) is not None
        ]

    def hub_costs(self, span: Span) -> dict[Hub, int]:
        """Return the hubs of a span, and what each costs."""
        hubs = {(span.service, span.kind, False): RENAMED}
        return hubs if self.classes.sizes[span.span_id] > 1 else {**hubs, (span.service, span.kind, True): RENAMED}

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
        for number in numbers:
            span = siblings.alike[number]
            has_simple = self.simple(level, span)
            if in_order and has_simple is not None:
                found[number] = weight + has_simple
            elif in_order or (has_simple is None and _may_fit(level, span)):
                cost = yield from self.cost(line, span, weight)
                if in_order or cost == weight:
                    found[number] = cost
            elif has_simple == 0 and (level.items or level.deep):
                found[number] = weight

    def _all_unexpected(self, span: Span) -> int:
        family = self.classes.families[span.span_id]
        if family not in self.sums:
            self.sums[family] = sum(map(self.unexpected, span.children))
        return self.sums[family]


def _all_missing(level: Level) -> int:
    return MISSING * sum(line.size * line.least for line in (*level.spans(), *level.deep))


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

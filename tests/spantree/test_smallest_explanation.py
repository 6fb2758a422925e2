"""The explanation of a mismatch is a smallest one: compared with trying everything, on small trees of all features."""

import random
from collections.abc import Iterator, Sequence
from itertools import combinations
from math import inf

from hypothesis import given, settings
from hypothesis import strategies as st

from spantree import NORMALISED, Span, SpanTree
from spantree.expectation.alignment import align
from spantree.expectation.comparison import RENAMED, Alignment, compare, weight
from spantree.expectation.parser import AnyOrder, ExpectedSpan, Level, parse
from spantree.expectation.placeholders import fits
from tests.support.spans import a_span

MISSING, UNEXPECTED = 2, 3
COUNTS = [(1, 1)] * 4 + [(0, 1), (0, None), (1, None), (2, 2), (2, 3), (0, 2)]


class Counted(ExpectedSpan):
    """A line with any range of counts."""

    counts: tuple[int, int | None] = (1, 1)

    @property
    def least(self) -> int:
        return self.counts[0]

    @property
    def most(self) -> int | None:
        return self.counts[1]


def a_line(rng: random.Random, depth: int, *, once: bool = False) -> ExpectedSpan:
    name, kind, error = rng.choice("aab{"), rng.choice(["", "", " (any)", " (client)"]), rng.choice(["", "", "", " !"])
    attributes = rng.choice(["", "", " {k}", " {k=1}"])
    text = f"{rng.choice(['s', 's', 't'])}: {'x{id}' if name == '{' else name}{kind}{error}{attributes}"
    [parsed] = parse(text)[0].spans()
    line = Counted(parsed.line, text, [], a_level(rng, depth - 1))
    line.counts = rng.choice([(1, 1), (1, 1), (0, 1)]) if once else rng.choice(COUNTS)
    line.size = 1 + sum(below.size * below.least for below in line.below.spans())
    return line


def a_level(rng: random.Random, depth: int) -> Level:
    level = Level()
    if depth < 0:
        return level
    for _ in range(rng.randint(0, 3)):
        if rng.random() < 0.3:
            level.items.append(AnyOrder([a_line(rng, depth) for _ in range(rng.randint(1, 3))], []))
        else:
            level.items.append(a_line(rng, depth))
    level.rest = rng.random() < 0.3
    if level.rest:
        level.deep = [a_line(rng, depth, once=True) for _ in range(rng.choice([0, 0, 1, 2]))]
    return level


def a_trace(rng: random.Random, size: int) -> Sequence[Span]:
    parents = [0, *(rng.choice([1, 1, rng.randint(1, number - 1)]) for number in range(2, size + 1))]
    spans = [
        a_span(
            number,
            parent,
            rng.choice(["a", "a", "b", "x1", "c"]),
            rng.choice("sst"),
            kind=rng.choice(["internal", "internal", "client"]),
            failed=rng.random() < 0.2,
            attributes=rng.choice([{}, {}, {"k": 1}, {"k": 2}]),
        )
        for number, parent in enumerate(parents, start=1)
    ]
    return SpanTree(spans).roots[0].children


def size(span: Span) -> int:
    return 1 + len(list(span.descendants))


def least_cost(level: Level, spans: Sequence[Span]) -> float:
    """Try all explanations."""
    everything = [below for span in spans for below in (span, *span.descendants)]
    return min(
        cost + least_deep(level.deep, [span for span in everything if span.span_id not in taken])
        for cost, taken in explanations(level, level.items, spans)
    )


def explanations(
    level: Level, items: Sequence[ExpectedSpan | AnyOrder], spans: Sequence[Span]
) -> Iterator[tuple[float, frozenset[str]]]:
    """Yield the cost of each way to place the items, and the spans that have a line."""
    if not items:
        yield sum(unexpected(level, span) for span in spans), frozenset()
        return
    item = items[0]
    for end in range(len(spans) + 1):
        own = list(
            in_any_order(level, item.items, spans[:end])
            if isinstance(item, AnyOrder)
            else runs(level, item, spans[:end])
        )
        for cost, taken in explanations(level, items[1:], spans[end:]):
            for more, others in own:
                yield cost + more, taken | others


def runs(level: Level, line: ExpectedSpan, spans: Sequence[Span]) -> Iterator[tuple[float, frozenset[str]]]:
    most = len(spans) if line.most is None else line.most
    for count in range(min(most, len(spans)) + 1):
        for chosen in combinations(spans, count):
            cost = sum(pair(line, span) for span in chosen) + max(0, line.least - count) * MISSING * line.size
            others = sum(unexpected(level, span) for span in spans if span not in chosen)
            if cost < inf:
                yield cost + others, frozenset(span.span_id for span in chosen)


def in_any_order(
    level: Level, lines: Sequence[ExpectedSpan], spans: Sequence[Span]
) -> Iterator[tuple[float, frozenset[str]]]:
    if not lines:
        yield sum(unexpected(level, span) for span in spans), frozenset()
        return
    line = lines[0]
    most = len(spans) if line.most is None else line.most
    for count in range(min(most, len(spans)) + 1):
        for chosen in combinations(spans, count):
            cost = sum(pair(line, span, in_order=False) for span in chosen)
            cost += max(0, line.least - count) * MISSING * line.size
            if cost < inf:
                rest = [span for span in spans if span not in chosen]
                for more, taken in in_any_order(level, lines[1:], rest):
                    yield cost + more, taken | {span.span_id for span in chosen}


def least_deep(lines: Sequence[ExpectedSpan], spans: Sequence[Span]) -> float:
    if not lines:
        return 0
    line, others = lines[0], lines[1:]
    best = line.least * MISSING * line.size + least_deep(others, spans)
    for span in spans:
        reasons = compare(line, span, NORMALISED)
        if reasons is not None and weight(reasons) < RENAMED:
            rest = [other for other in spans if other is not span]
            best = min(best, pair(line, span) + least_deep(others, rest))
    return best


def unexpected(level: Level, span: Span) -> int:
    return 0 if level.rest else UNEXPECTED * size(span)


def pair(line: ExpectedSpan, span: Span, *, in_order: bool = True) -> float:
    reasons = compare(line, span, NORMALISED)
    if reasons is None:
        return inf
    below = least_cost(line.below, span.children)
    nothing_fits = MISSING * sum(each.size * each.least for each in (*line.below.spans(), *line.below.deep))
    nothing_fits += sum(unexpected(line.below, child) for child in span.children)
    if weight(reasons) >= RENAMED and below and below >= nothing_fits:
        return inf
    if not in_order and below and not fits(line.line.name, span.name, NORMALISED):
        return inf
    return weight(reasons) + below


def cost_of(alignment: Alignment) -> int:
    """Add up the rows, to show that they are what the cost says."""
    total = 0
    for row in alignment.rows:
        if row.expected is None:
            assert row.span is not None
            total += 0 if row.allowed else UNEXPECTED * size(row.span)
        elif row.span is None:
            total += 0 if row.allowed else MISSING * row.expected.size
        else:
            assert row.below is not None
            total += weight(row.reasons) + cost_of(row.below)
    return total


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**64))
def test_no_explanation_is_smaller_than_the_one_found(seed: int) -> None:
    rng = random.Random(seed)
    level, spans = a_level(rng, rng.choice([0, 1, 1, 2])), a_trace(rng, rng.randint(1, 7))
    found = align(level, spans, NORMALISED)
    assert cost_of(found) == found.cost
    assert found.cost == least_cost(level, spans)
    shown = [row.span.span_id for row in found.rows if row.span is not None and row.expected not in level.deep]
    assert sorted(shown) == sorted(span.span_id for span in spans), "each span has one row"
    for expected in level.spans():
        rows = [row for row in found.rows if row.expected is expected]
        assert len(rows) >= expected.least
        assert expected.most is None or len(rows) <= expected.most

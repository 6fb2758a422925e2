"""Whether spans fit is decided exactly: compared with trying everything, on small trees of all features."""

import random
import time
from collections.abc import Iterator, Sequence
from itertools import combinations, groupby, permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spantree import NORMALISED, Span, SpanTree, tree
from spantree.expectation.alignment import align, fits_level
from spantree.expectation.comparison import compare
from spantree.expectation.parser import AnyOrder, ExpectedSpan, Level, parse
from tests.spantree.test_comparison_scale import (
    ALL,
    CASES,
    ROOT,
    SIZE,
    Case,
    any_order,
    attributes,
    below_root,
    lines,
    named,
    ordered,
)
from tests.spantree.test_smallest_explanation import COUNTS, Counted, cost_of
from tests.support.cpu_time import cpu_seconds
from tests.support.spans import a_span

SECONDS = cpu_seconds(10)
"""The bound for CPU time; the goal is one second on a quiet machine."""


def a_line(rng: random.Random, depth: int, *, once: bool = False) -> ExpectedSpan:
    """Return one of few lines, so that spans often fit."""
    text = rng.choice(["s: a", "s: a", "s: b", "s: x{id}", "s: a {k}", "s: a {k=1}"])
    [parsed] = parse(text)[0].spans()
    line = Counted(parsed.line, text, [], a_level(rng, depth - 1))
    line.counts = rng.choice([(1, 1), (1, 1), (0, 1)]) if once else rng.choice(COUNTS)
    line.size = 1 + sum(below.size * below.least for below in line.below.spans())
    return line


def a_level(rng: random.Random, depth: int) -> Level:
    level = Level()
    if depth < 0 or (depth < 1 and rng.random() < 0.5):
        return level
    for _ in range(rng.randint(0, 3)):
        group = AnyOrder([a_line(rng, depth) for _ in range(rng.randint(1, 3))], [])
        level.items.append(group if rng.random() < 0.4 else group.items[0])
    level.rest = rng.random() < 0.35
    if level.rest:
        level.deep = [a_line(rng, depth, once=True) for _ in range(rng.choice([0, 0, 1, 2]))]
    return level


def a_trace(rng: random.Random, size: int) -> Sequence[Span]:
    """Return spans of which several often start at the same time."""
    step = rng.choice([1, 2, 3, 10])
    spans = [a_span(1, 0, "root")]
    for number in range(2, size + 2):
        parent = rng.choice([1, 1, 1, rng.randint(1, number - 1)])
        values = rng.choice([{}, {}, {"k": 1}, {"k": 2}])
        name = rng.choice(["a", "a", "b", "x1"])
        spans.append(a_span(number, parent, name, "s", start=number // step, attributes=values))
    return SpanTree(spans).roots[0].children


def fits(level: Level, spans: Sequence[Span], *, lenient: bool = False) -> bool:
    """Try everything: all orders that the starts allow, and all ways to place the items."""
    if lenient and not level.rest:
        spans = [span for span in spans if any(compare_name(line, span) for line in level.spans())]
    blocks = [list(tied) for _, tied in groupby(spans, key=lambda span: span.start)]
    everything = [below for span in spans for below in (span, *span.descendants)]
    for order in product(*(permutations(block) for block in blocks)):
        for taken in placed(level, level.items, [span for block in order for span in block], lenient):
            if all_deep(level.deep, [span for span in everything if span.span_id not in taken], lenient):
                return True
    return False


def compare_name(line: ExpectedSpan, span: Span) -> bool:
    return bool(
        line.line.service == span.service
        and (line.line.name == span.name or ("{" in line.line.name and span.name == "x1"))
    )


def pair(line: ExpectedSpan, span: Span, lenient: bool) -> bool:
    return compare(line, span, NORMALISED) == () and fits(line.below, span.children, lenient=lenient)


def placed(
    level: Level, items: Sequence[ExpectedSpan | AnyOrder], spans: Sequence[Span], lenient: bool
) -> Iterator[frozenset[str]]:
    if not items:
        if level.rest or not spans:
            yield frozenset()
        return
    members = items[0].items if isinstance(items[0], AnyOrder) else [items[0]]
    for end in range(len(spans) + 1):
        for taken in grouped(level, members, spans[:end], lenient):
            for others in placed(level, items[1:], spans[end:], lenient):
                yield taken | others


def grouped(
    level: Level, members: Sequence[ExpectedSpan], spans: Sequence[Span], lenient: bool
) -> Iterator[frozenset[str]]:
    if not members:
        if level.rest or not spans:
            yield frozenset()
        return
    line = members[0]
    fitting = [span for span in spans if pair(line, span, lenient)]
    most = len(fitting) if line.most is None else min(line.most, len(fitting))
    for count in range(line.least, most + 1):
        for chosen in combinations(fitting, count):
            rest = [span for span in spans if span not in chosen]
            for others in grouped(level, members[1:], rest, lenient):
                yield others | {span.span_id for span in chosen}


def all_deep(deep: Sequence[ExpectedSpan], spans: Sequence[Span], lenient: bool) -> bool:
    if not deep:
        return True
    if deep[0].least == 0 and all_deep(deep[1:], spans, lenient):
        return True
    return any(
        pair(deep[0], span, lenient) and all_deep(deep[1:], [other for other in spans if other is not span], lenient)
        for span in spans
    )


@settings(max_examples=1_000, deadline=None)
@given(st.integers(0, 2**64))
def test_spans_fit_exactly_if_trying_everything_finds_how(seed: int) -> None:
    rng = random.Random(seed)
    level, spans = a_level(rng, rng.choice([0, 0, 1])), a_trace(rng, rng.randint(0, 6))
    expected = fits(level, spans)
    assert fits_level(level, spans, NORMALISED) == expected
    assert fits_level(level, spans, NORMALISED, ignoring_strangers=True) == fits(level, spans, lenient=True)
    found = align(level, spans, NORMALISED)
    assert (found.cost == 0) == expected
    assert cost_of(found) == found.cost
    shown = [row.span.span_id for row in found.rows if row.span is not None and row.expected not in level.deep]
    assert sorted(shown) == sorted(span.span_id for span in spans), "each span has one row"
    for line in level.spans():
        rows = [row for row in found.rows if row.expected is line]
        assert line.least <= len(rows) <= (line.most or len(rows))


def call(number: int, name: str = "to") -> tuple[str, list[str]]:
    return f"shop: call\n      shop: {name} {number}\n      shop: {name} {number + 1}", [
        f"to {number}",
        f"to {number + 1}",
    ]


def calls(order: Sequence[int]) -> Case:
    """Lines of one name with two others below each, in any order, and such spans in another."""
    spans = [ROOT]
    for number in order:
        parent = len(spans) + 1
        spans.append(a_span(parent, 1, "call"))
        spans += [a_span(parent + more, parent, name) for more, name in enumerate(call(number)[1], start=1)]
    return any_order(call(number)[0] for number in range(333)), spans


FITTING: dict[str, Case] = {
    "one name, others below": calls(range(332, -1, -1)),
    "in reverse": (any_order(lines("a", ALL)), below_root(reversed(named("a", ALL)))),
    "ever stricter": (any_order(f"shop: GET {{id>{n}}}" for n in range(300)), attributes(range(1, 301))),
    "optional lines": (ordered(f"shop: a{n % 7} *" for n in ALL), below_root(named("a", [n % 7 for n in ALL]))),
    "equal optional lines": (ordered(["shop: a *"] * SIZE), below_root(["a"] * SIZE)),
    "groups with counts": (any_order(*[["shop: a +", "shop: b *"]] * 50), below_root(["a", "b"] * 500)),
    "other spans between": (
        ordered([*lines("a", [n % 7 for n in ALL]), "..."]),
        below_root(named("a", [n % 7 for n in range(1_500)])),
    ),
    "all at the same time": (ordered(lines("a", ALL)), below_root(reversed(named("a", ALL)), start=7)),
}


@pytest.mark.parametrize("name", FITTING)
def test_a_thousand_spans_that_fit_are_soon_known_to(name: str) -> None:
    text, spans = FITTING[name]
    expected, roots = tree(text), SpanTree(spans).roots
    began = time.process_time()
    assert expected.has_arrived(roots, incomplete=False)
    assert expected.has_arrived(roots, incomplete=True)
    assert time.process_time() - began < SECONDS
    assert expected.difference(roots) is None


@pytest.mark.parametrize("name", CASES)
def test_a_thousand_spans_that_differ_are_soon_known_to(name: str) -> None:
    (text, spans), _ = CASES[name]
    expected, roots = tree(text), SpanTree(spans).roots
    began = time.process_time()
    assert not expected.has_arrived(roots, incomplete=True)
    assert time.process_time() - began < SECONDS

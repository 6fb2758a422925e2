"""No update of an expected tree drops what it promises, whatever the tree and the trace. Hypothesis generates both."""

import random
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from spantree import SpanTree, tree
from tests.support.spans import a_span

MARKS = ["", " !", " {k}", " {k>1}", " {not k}", " {k=/1/}"]
BUDGETS = ["", " <9ns", " >1ms <90%"]
COUNTS = ["", " +", " *", " ?", " ×2", " ×1..2", " x2.."]


def a_tree(rng: random.Random) -> str:
    return "\n".join(["shop: root <1us", *_lines(rng, 1, 2)])


def _lines(rng: random.Random, depth: int, levels: int) -> list[str]:
    """Return the lines of one level, and of up to so many levels below it."""
    lines, pad = list[str](), "  " * depth
    for _ in range(rng.randint(0, 3)):
        in_group = rng.random() < 0.3
        lines += [f"{pad}in any order:"] if in_group else []
        for _ in range(rng.randint(1, 2) if in_group else 1):
            parts = "".join(map(rng.choice, (["a", "b", "c"], MARKS, BUDGETS, COUNTS)))
            lines.append(f"{pad}{'  ' * in_group}shop: {parts}")
            lines += _lines(rng, depth + 1 + in_group, levels - 1) if levels and rng.random() < 0.4 else []
    if rng.random() < 0.3:
        lines += [f"{pad}...", f"{pad}  shop: {rng.choice('abc')}"]
    if rng.random() < 0.3:
        lines += [f"{pad}never:", f"{pad}  bank: forbidden {rng.randint(0, 99)} !"]
    return lines


def a_trace(rng: random.Random) -> SpanTree:
    spans = [a_span(1, name="root")]
    for number in range(2, rng.randint(2, 9)):
        attributes = rng.choice([{}, {"k": 1}, {"k": 5}])
        parent = rng.randint(1, number - 1)
        spans.append(a_span(number, parent, rng.choice("abc"), attributes=attributes, failed=rng.random() < 0.2))
    return SpanTree(spans)


def without_budgets(text: str) -> str:
    return re.sub(r" [<>][\d.]+(?:us|ns|ms|%)", "", text)


def forbidden(text: str) -> list[str]:
    return sorted(re.findall("bank: .*", text))


@settings(deadline=None, max_examples=200)
@given(st.randoms(use_true_random=False))
def test_an_update_fits_but_for_its_promises_and_keeps_them(rng: random.Random) -> None:
    text, trace = a_tree(rng), a_trace(rng)
    updated = tree(text).updated(trace.roots)
    assert trace == tree(without_budgets(updated))
    assert forbidden(updated) == forbidden(text)
    assert updated.startswith("shop: root <1us\n")
    assert tree(updated).updated(trace.roots) == updated

"""`Expectation.can_still_fit`: what no later span can change is known at once, and nothing else is."""

import random
import time
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spantree import Span, SpanTree, tree
from tests.support.cpu_time import cpu_seconds
from tests.support.spans import a_span

ROOT = a_span(1, name="root")
SHOP = """
shop: root
  shop: first
    shop: below
  in any order:
    shop: left
    shop: right {side}
  shop: poll +
"""
LEFT, RIGHT = a_span(5, 1, "left"), a_span(6, 1, "right", attributes={"side": 1})


@pytest.mark.parametrize(
    "below",
    [
        [],
        [a_span(3, 1, "first")],
        [RIGHT],
        [RIGHT, replace(LEFT, start=7)],
        [a_span(9, 1, "poll")],
        [a_span(9, 1, "poll"), a_span(10, 1, "poll")],
        [LEFT, a_span(9, 1, "poll"), replace(RIGHT, start=9)],
    ],
    ids=["the root alone", "a parent", "one of two", "another order", "the last", "repeated", "a tie"],
)
def test_a_trace_that_lacks_spans_can_still_become_right(below: list[Span]) -> None:
    assert tree(SHOP).can_still_fit(SpanTree([ROOT, *below]).roots)


@pytest.mark.parametrize(
    "spans",
    [
        [replace(ROOT, failed=True)],
        [replace(ROOT, kind="server")],
        [ROOT, a_span(3, 1, "frist")],
        [ROOT, replace(RIGHT, attributes={})],
        [ROOT, a_span(3, 1, "first"), a_span(4, 3, "elsewhere")],
        [ROOT, LEFT, a_span(7, 5, "below a leaf")],
        [ROOT, LEFT, a_span(6, 1, "left")],
        [ROOT, a_span(2, 1, "poll"), LEFT],
        [ROOT, a_span(2)],
    ],
    ids=["failed", "kind", "name", "attribute", "child", "leaf", "one too many", "order", "two roots"],
)
def test_what_no_later_span_can_change_is_told_at_once(spans: list[Span]) -> None:
    assert not tree(SHOP).can_still_fit(SpanTree(spans).roots)


def test_spans_that_dots_accept_never_decide() -> None:
    open_tree = tree("shop: root\n  ...\n    shop: pay")
    assert open_tree.can_still_fit(SpanTree([ROOT, a_span(2, 1, "pya"), a_span(3, 2, "pay", failed=True)]).roots)


def test_a_verdict_on_a_thousand_spans_takes_less_than_a_second() -> None:
    siblings = [a_span(n, 1, f"step {n % 20}", end=9_999) for n in range(2, 1_000)]
    lines = [f"    shop: step {n % 20}" for n in range(2, 1_000)]
    random.Random(1).shuffle(lines)
    trace = SpanTree([ROOT, *siblings, a_span(1_001, 1, "step 5", end=9_999)])
    began = time.process_time()
    assert not tree("\n".join(["shop: root", "  in any order:", *lines])).can_still_fit(trace.roots)
    assert time.process_time() - began < cpu_seconds(1)


NAMES = st.sampled_from(["GET", "PUT", "GET /{id}", "GET /123456"])


@st.composite
def grown(draw: st.DrawFn) -> tuple[str, list[Span], list[Span]]:
    """An expected tree, a trace that may fit it, and a part of that trace: every span's ancestors are in it, too."""
    rng = random.Random(draw(st.integers(0, 2**32 - 1)))
    names = draw(st.lists(NAMES, min_size=1, max_size=4))
    spans = [ROOT]
    for number in range(2, 2 + draw(st.integers(0, 8))):
        parent = rng.randint(1, number - 1)
        span = a_span(number, parent, rng.choice(names), start=rng.randint(2, 12), failed=rng.random() < 0.1)
        spans.append(replace(span, attributes={"k": rng.randint(0, 1)}))
    text = written(SpanTree(spans), rng)
    part: list[Span] = []
    for span in spans:
        known = not span.parent_id or any(one.span_id == span.parent_id for one in part)
        part += [span] if known and (not part or rng.random() < 0.7) else []
    return text, spans, part


def written(trace: SpanTree, rng: random.Random) -> str:
    """Write a trace as a tree, loosened or altered here and there."""
    lines = []

    def write(spans: list[Span], indent: int) -> None:
        spans = [span for span in spans if rng.random() >= 0.15]
        shuffled = len(spans) > 1 and rng.random() < 0.4
        if shuffled:
            lines.append(f"{' ' * indent}in any order:")
            rng.shuffle(spans)
        for span in spans:
            mark = rng.choice(["", "", "", " +", " ?", " *"])
            attributes = rng.choice(["", f" {{k={span.attributes.get('k')}}}"]) if span.parent_id else ""
            lines.append(f"{' ' * (indent + 2 * shuffled)}{span}{attributes}{mark}")
            write(list(span.children), indent + 2 + 2 * shuffled)
        if rng.random() < 0.1:
            lines.append(f"{' ' * indent}...")

    [root] = trace.roots
    lines.append(str(root))
    write(list(root.children), 2)
    return "\n".join(lines)


@given(grown())
@settings(deadline=None, max_examples=400)
def test_a_trace_of_which_a_larger_one_fits_is_never_given_up(grown: tuple[str, list[Span], list[Span]]) -> None:
    text, spans, part = grown
    expected = tree(text)
    assume(expected.cost(SpanTree(spans).roots) == 0)
    assert expected.can_still_fit(SpanTree(part).roots)

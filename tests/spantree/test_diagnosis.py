"""What a difference says happened, as the full text that a reader of a failed CI job gets."""

from dataclasses import replace
from time import process_time

import pytest

from spantree import Event, Mismatch, Span, SpanTree, tree, trees
from tests.support.spans import a_span, link_to

OTHER = "5a64f00d" + "0" * 24


def spans_of(text: str) -> list[Span]:
    """Return the spans of a trace that is drawn as an expected tree, in order of their starts."""
    spans: list[Span] = []
    above: list[int] = []
    for number, line in enumerate(text.strip().splitlines(), start=1):
        depth = (len(line) - len(line.lstrip())) // 2
        service, _, name = line.strip().partition(": ")
        name, _, kind = name.removesuffix(")").partition(" (")
        del above[depth:]
        spans.append(a_span(number, above[-1] if above else 0, name, service, kind=kind or "internal"))
        above.append(number)
    return spans


def report(expected: str, spans: list[Span]) -> list[str]:
    """Return the report of the first of these traces, without the summary's legend."""
    with pytest.raises(Mismatch) as mismatch:
        trees(spans)[0].matches(tree(expected))
    summary, *lines = str(mismatch.value).splitlines()
    return [summary.partition("  (")[0].removeprefix("the trace is not as expected: "), *lines]


SCENARIOS = {
    "moved": (
        "shop: checkout\n  shop: charge\n    bank: pay\n      bank: SELECT\n  shop: render",
        "shop: checkout\n  shop: render\n    shop: charge\n      bank: pay\n        bank: SELECT",
        """\
1 moved
  shop: checkout
>   shop: charge   ← first difference: moved below shop: render
      bank: pay
        bank: SELECT
    shop: render""",
    ),
    "several moved together": (
        "shop: checkout\n  shop: a\n  shop: b\n  shop: render",
        "shop: checkout\n  shop: render\n    shop: a\n    shop: b",
        """\
2 moved
  shop: checkout
>   shop: a   ← first difference: these 2 moved below shop: render
>   shop: b
    shop: render""",
    ),
    "moved, and different inside": (
        "shop: checkout\n  shop: charge\n    bank: pay\n    bank: book\n  shop: render",
        "shop: checkout\n  shop: render\n    shop: charge\n      bank: pay",
        """\
1 missing, 1 moved
  shop: checkout
>   shop: charge   ← first difference: moved below shop: render
      bank: pay
-     bank: book   ← missing
    shop: render""",
    ),
    "a span in between": (
        "shop: checkout\n  shop: a\n  shop: b",
        "shop: checkout\n  shop: middleware\n    shop: a\n    shop: b",
        """\
1 not expected
  shop: checkout
+   shop: middleware   ← first difference: not expected in between: its unmarked lines are expected below shop: checkout
      shop: a
      shop: b""",
    ),
    "no span in between": (
        "shop: checkout\n  shop: middleware\n    shop: a\n    shop: b",
        "shop: checkout\n  shop: a\n  shop: b",
        """\
1 missing
  shop: checkout
-   shop: middleware   ← first difference: missing in between: its unmarked lines were found below shop: checkout
      shop: a
      shop: b""",
    ),
    "out of order": (
        "shop: checkout\n  shop: a\n  shop: b\n  shop: c",
        "shop: checkout\n  shop: b\n  shop: c\n  shop: a",
        """\
1 moved
  shop: checkout
>   shop: a   ← first difference: out of order: it started after shop: c; `in any order:` would allow it
    shop: b
    shop: c""",
    ),
    "swapped": (
        "shop: checkout\n  shop: a\n    shop: x\n    shop: y\n  shop: b\n    shop: x\n    shop: y",
        "shop: checkout\n  shop: b\n    shop: x\n    shop: y\n  shop: a\n    shop: x\n    shop: y",
        """\
1 moved
  shop: checkout
    shop: a
      shop: x
      shop: y
>   shop: b   ← first difference: out of order: it started before shop: a; `in any order:` would allow it
      shop: x
      shop: y""",
    ),
    "moved out of a group in any order": (
        "shop: checkout\n  in any order:\n    shop: a\n    shop: b\n  shop: c",
        "shop: checkout\n  shop: b\n  shop: c\n    shop: a",
        """\
1 moved
  shop: checkout
    shop: b
>   shop: a   ← first difference: moved below shop: c
    shop: c""",
    ),
    "moved below a span that dots allow": (
        "shop: checkout\n  shop: a\n  ...",
        "shop: checkout\n  shop: x\n    shop: a\n  shop: y",
        """\
1 moved
  shop: checkout
>   shop: a   ← first difference: moved below shop: x
    ... 2 others, as allowed""",
    ),
    "a strict leaf has children": (
        "shop: checkout\n  shop: a\n  shop: b",
        "shop: checkout\n  shop: a\n    shop: GET\n    shop: GET\n    shop: SELECT\n  shop: b\n    shop: x",
        """\
4 not expected
  shop: checkout
    shop: a   ← first difference: has children; add `...` below it to allow them
+     shop: GET ×2
+     shop: SELECT
    shop: b   ← has children
+     shop: x""",
    ),
    "repeated too often": (
        "shop: checkout\n  shop: SELECT\n  shop: render",
        "shop: checkout\n" + "  shop: SELECT\n" * 500 + "  shop: render",
        """\
499 not expected
  shop: checkout
    shop: SELECT
+   shop: SELECT ×499   ← first difference: not expected: 1 expected, 500 found; `+` would allow any number
    shop: render""",
    ),
    "repeated too seldom": (
        "shop: checkout\n  shop: SELECT ×3\n  shop: render",
        "shop: checkout\n  shop: SELECT\n  shop: render",
        """\
2 missing
  shop: checkout
    shop: SELECT ×3
-   shop: SELECT ×3   ← first difference: missing: 1 of 3 found
    shop: render""",
    ),
    "extra spans that repeat with what is below": (
        "shop: checkout\n  shop: a",
        "shop: checkout\n  shop: a\n" + "  shop: poll\n    shop: GET\n" * 499,
        """\
998 not expected
  shop: checkout
    shop: a
+   shop: poll ×499   ← first difference: not expected; `...` here would allow others
+     shop: GET""",
    ),
    "renamed": (
        "shop: checkout\n  shop: GET /old",
        "shop: checkout\n  shop: GET /new",
        """\
1 different
  shop: checkout
~   shop: GET /old   ← first difference: its name is GET /new""",
    ),
    "another trace": (
        "shop: checkout\n  shop: a",
        "bank: other",
        """\
2 missing, 1 not expected
- shop: checkout   ← first difference: missing
-   shop: a
+ bank: other   ← not expected""",
    ),
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_report_says_what_happened(scenario: str) -> None:
    expected, found, text = SCENARIOS[scenario]
    assert report(expected, spans_of(found)) == text.splitlines()


def test_an_orphan_is_said_to_lack_its_parent() -> None:
    assert report("shop: checkout\n  shop: a", [a_span(1, 0, "checkout"), a_span(2, 77, "a")]) == [
        "1 moved",
        "  shop: checkout",
        ">   shop: a   ← first difference: moved to the top: its parent 000000000000004d is not in the trace",
    ]


def test_a_wrong_attribute_is_shown_with_both_values() -> None:
    spans = [a_span(1, 0, "checkout", attributes={"order": 18, "shop.kind": "b2b"})]
    assert report("shop: checkout {order=17, shop.kind=b2b}", spans) == [
        "1 different",
        "~ shop: checkout {order=17, shop.kind=b2b}   ← first difference: order is 18, not 17",
    ]


REFUSED = {"exception.type": "ConnectionError", "exception.message": "refused by \x1b[31mpeer\nand a stack"}


@pytest.mark.parametrize(
    ("span", "reason"),
    [
        ({"message": "card expired"}, "card expired"),
        ({"message": "card\x07 expired", "attributes": {"error.type": "Declined"}}, "Declined: card\\u0007 expired"),
        ({"message": "Declined: card expired", "attributes": {"error.type": "Declined"}}, "Declined: card expired"),
        ({"attributes": {"http.response.status_code": 503}}, "HTTP 503"),
        ({"attributes": {"http.response.status_code": 503, "error.type": "503"}}, "503"),
        ({"events": (Event("exception", 1, REFUSED),)}, "ConnectionError: refused by \\u001b[31mpeer…"),
        ({"message": "x" * 1_000}, "x" * 120 + "…"),
        ({}, "without an error.type"),
    ],
    ids=["status", "type and status", "said twice", "HTTP code", "HTTP code as type", "exception", "long", "nothing"],
)
def test_a_failed_span_says_why_it_failed(span: dict[str, object], reason: str) -> None:
    failed = a_span(1, 0, "charge", failed=True, **span)  # type: ignore[arg-type]
    assert report("shop: charge", [failed])[1] == f"~ shop: charge   ← first difference: it failed: {reason}"


def test_an_unexpected_span_that_failed_says_why() -> None:
    failed = a_span(2, 1, "charge", failed=True, message="no route", attributes={"error.type": "Down"})
    assert report("shop: checkout\n  bank: a ?", [a_span(1, 0, "checkout"), failed])[2] == (
        "+   shop: charge !Down   ← first difference: not expected; `...` here would allow others; "
        "it failed: Down: no route"
    )


ORDERS = "shop: checkout\n  shop: publish (producer)\n    bank: process (consumer)\n      bank: pack"
PUBLISHED = [a_span(1, 0, "checkout"), a_span(2, 1, "publish", kind="producer")]
CONSUMED = [
    a_span(3, 0, "process", "bank", kind="consumer", trace_id=OTHER),
    a_span(4, 3, "pack", "bank", trace_id=OTHER),
]


def test_a_consumer_in_another_trace_is_said_to_have_lost_its_context() -> None:
    assert report(ORDERS, [*PUBLISHED, *CONSUMED]) == [
        "2 in other traces",
        "  shop: checkout",
        "    shop: publish (producer)",
        "-     bank: process (consumer)   ← first difference: context lost: these 2 came as trace 5a64f00d…",
    ]


def test_a_consumer_that_links_is_to_be_joined() -> None:
    linking = [replace(CONSUMED[0], links=link_to(PUBLISHED[1])), CONSUMED[1]]
    assert report(ORDERS, [*PUBLISHED, *linking])[-1] == (
        "-     bank: process (consumer)   ← first difference: these 2 came as trace 5a64f00d…, which links to "
        "shop: publish: compare trace.joined(), or write this line as a second root"
    )
    assert trees([*PUBLISHED, *linking])[0].joined() == tree(ORDERS)


def test_a_consumer_that_came_nowhere_is_missing() -> None:
    unrelated = a_span(5, 0, "process", "mint", kind="consumer", trace_id=OTHER)
    assert report(ORDERS, [*PUBLISHED, unrelated])[-2:] == [
        "-     bank: process (consumer)   ← first difference: missing",
        "-       bank: pack",
    ]


def test_a_large_report_is_cut_and_counted() -> None:
    lines = "\n".join(f"  shop: step {number}" for number in range(1_000))
    difference = tree(f"shop: root\n{lines}").difference(SpanTree([a_span(1, 0, "root")]).roots)
    assert difference is not None
    text = str(difference).splitlines()
    assert text[0].startswith("the trace is not as expected: 1000 missing")
    assert len(text) == 63
    assert text[-1] == "  ⋮ 940 more that differ"
    assert len(difference.missing) == 1_000
    assert len(difference.render(limit=None).splitlines()) == 1_002


def test_a_long_subtree_leaves_room_for_other_differences() -> None:
    lines = "\n".join(f"    shop: step {number}" for number in range(100))
    text = report(f"shop: root\n  shop: a\n{lines}\n  shop: b", [a_span(1, 0, "root")])
    assert text[-3:] == ["-     shop: step 10", "  ⋮ 89 more that differ", "-   shop: b"]


def test_the_first_difference_is_a_few_lines_with_colours_on_request() -> None:
    expected, found, _ = SCENARIOS["moved"]
    difference = SpanTree(spans_of(found)).difference(tree(expected))
    assert difference is not None
    assert difference.first()[1:] == [
        "  shop: checkout",
        ">   shop: charge   ← first difference: moved below shop: render",
        "      bank: pay",
    ]
    assert any(line.startswith("\033[36m>") for line in difference.first(colour=True))


@pytest.mark.parametrize("scenario", ["missing", "not expected", "repeated", "moved"])
def test_a_large_difference_is_reported_in_linear_time(scenario: str) -> None:
    def seconds(size: int) -> float:
        flat = "shop: root\n" + "\n".join(f"  shop: step {number}" for number in range(size))
        expected, found = {
            "missing": (flat, "shop: root"),
            "not expected": ("shop: root", flat),
            "repeated": ("shop: root\n  shop: poll", "shop: root\n" + "  shop: poll\n" * size),
            "moved": (flat, flat.replace("\n", "\n  ").replace("root", "root\n  shop: middleware")),
        }[scenario]
        difference = SpanTree(spans_of(found)).difference(tree(expected))
        started = process_time()
        assert str(difference)
        return process_time() - started

    assert seconds(20_000) < max(seconds(2_000), 0.01) * 40, "ten times the lines; quadratic work takes 100 times"

"""Expected trees: their notation, which traces fit them, and how a difference is reported."""

from dataclasses import replace
from pathlib import Path

import pytest

from spantree import NORMALISED, Mismatch, Placeholder, Span, SpanTree, tree
from tests.support.spans import a_span

FAMILY = [a_span(1, name="root"), a_span(2, 1, "first"), a_span(3, 2, "below first"), a_span(4, 1, "second")]

EXPECTED = """
shop: root
  # a comment
  shop: first
    shop: below first   # another one
  shop: second
"""


def test_a_trace_as_expected_is_equal_and_matches() -> None:
    assert SpanTree(FAMILY) == tree(EXPECTED)
    assert tree(EXPECTED) == SpanTree(FAMILY)
    assert SpanTree(FAMILY).matches(tree(EXPECTED))


@pytest.mark.parametrize(
    ("spans", "report"),
    [
        (
            FAMILY[:3],
            """\
the trace is not as expected: 1 missing  (- expected, + found)
  shop: root
    shop: first
      shop: below first
-   shop: second   ← first difference: missing""",
        ),
        (
            [*FAMILY, a_span(5, 1, "third"), a_span(6, 5, "below third")],
            """\
the trace is not as expected: 2 not expected  (- expected, + found)
  shop: root
    shop: first
      shop: below first
    shop: second
+   shop: third   ← first difference: not expected; `...` here would allow others
+     shop: below third""",
        ),
        (
            [*FAMILY[:3], replace(FAMILY[3], kind="client")],
            """\
the trace is not as expected: 1 different  (- expected, + found, ~ different)
  shop: root
    shop: first
      shop: below first
~   shop: second   ← first difference: its kind is client""",
        ),
        (
            [*FAMILY[:2], replace(FAMILY[2], name="else"), FAMILY[3]],
            """\
the trace is not as expected: 1 different  (- expected, + found, ~ different)
  shop: root
    shop: first
~     shop: below first   ← first difference: its name is else
    shop: second""",
        ),
        (
            [replace(FAMILY[0], resource={"service.name": "bank"}), *FAMILY[1:]],
            """\
the trace is not as expected: 1 different  (- expected, + found, ~ different)
~ shop: root   ← first difference: its service is bank
    shop: first
      shop: below first
    shop: second""",
        ),
    ],
    ids=["missing", "not expected", "another kind", "another name", "another service"],
)
def test_a_difference_shows_both_trees_in_one_with_marks(spans: list[Span], report: str) -> None:
    with pytest.raises(Mismatch) as mismatch:
        SpanTree(spans).matches(tree(EXPECTED))
    assert str(mismatch.value) == report
    assert SpanTree(spans) != tree(EXPECTED)


def test_a_difference_is_coloured_on_request() -> None:
    difference = tree("shop: root\n  shop: else (client)").difference(SpanTree(FAMILY[:2]).roots)
    assert difference is not None
    assert "\033[31m-   shop: else (client)" in difference.render(colour=True)
    assert "\033[32m+   shop: first" in difference.render(colour=True)
    assert "\033[" not in str(difference)


def test_a_small_difference_in_a_large_trace_is_shown_with_context() -> None:
    spans = [a_span(1), *(a_span(number, 1, f"step {number}") for number in range(2, 1000))]
    expected = tree(str(SpanTree(spans)).replace("step 500", "step five hundred"))
    with pytest.raises(Mismatch) as mismatch:
        SpanTree(spans).matches(expected)
    assert str(mismatch.value).splitlines() == [
        "the trace is not as expected: 1 different  (- expected, + found, ~ different)",
        "  shop: work",
        "  ⋮ 496 lines as expected",
        "    shop: step 498",
        "    shop: step 499",
        "~   shop: step five hundred   ← first difference: its name is step 500",
        "    shop: step 501",
        "    shop: step 502",
        "  ⋮ 497 lines as expected",
    ]


@pytest.mark.parametrize(
    ("line", "span", "fits"),
    [
        ("shop: work {a}", {"attributes": {"a": "1,2"}}, True),
        ("shop: work {a}", {}, False),
        ('shop: work {a="1,2", b=3}', {"attributes": {"a": "1,2", "b": 3}}, True),
        ("shop: work {a=1}", {"attributes": {"a": 2}}, False),
        ('shop: work {a=true, b="[1,2]"}', {"attributes": {"a": True, "b": (1, 2)}}, True),
        ('shop: work {a="b\\"{c}"}', {"attributes": {"a": 'b"{c}'}}, True),
        ("shop: work !500", {"failed": True, "attributes": {"error.type": "500"}}, True),
        ("shop: work !500", {"failed": True, "attributes": {"error.type": "404"}}, False),
        ("shop: work !", {"failed": True, "attributes": {"error.type": "404"}}, True),
        ("shop: work !", {}, False),
        ("shop: work", {"failed": True}, False),
        ("shop: work (any)", {"kind": "client"}, True),
        ("shop: work (client)", {}, False),
        ('shop: "work (client)"', {"name": "work (client)"}, True),
        ('"a: b": "c # d"', {"name": "c # d", "resource": {"service.name": "a: b"}}, True),
    ],
)
def test_only_what_a_line_has_is_compared(line: str, span: dict[str, object], fits: bool) -> None:
    assert (SpanTree([a_span(1, **span)]) == tree(line)) is fits  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("below", "names", "fits"),
    [
        ("poll +", ["poll"], True),
        ("poll +", ["poll", "poll", "poll"], True),
        ("poll +", [], False),
        ("poll *", [], True),
        ("poll *", ["poll", "poll"], True),
        ("poll ?", [], True),
        ("poll ?", ["poll"], True),
        ("poll ?", ["poll", "poll"], False),
        ("poll +|poll", ["poll", "poll"], True),
        ("poll +|poll", ["poll"], False),
        ("a|b", ["b", "a"], False),
        ("in any order:|  a|  b", ["b", "a"], True),
        ("in any order:|  a|  b", ["b"], False),
        ("in any order:|  a|  b ?", ["a"], True),
        ("in any order:|  a +|  b", ["a", "b", "a"], True),
        ("first|in any order:|  a|  b|last", ["first", "b", "a", "last"], True),
        ("first|in any order:|  a|  b|last", ["b", "first", "a", "last"], False),
        ("...", ["x", "y"], True),
        ("...", [], True),
        ("a|...", ["x", "a", "y"], True),
        ("a|b|...", ["x", "b", "y", "a"], False),
        ("a|b|...", ["x", "a", "y", "b"], True),
        ("a|...", ["x"], False),
    ],
)
def test_repetition_any_order_and_dots(below: str, names: list[str], fits: bool) -> None:
    lines = [
        line if line.startswith(("in any", "...")) else line.replace(line.strip(), f"shop: {line.strip()}")
        for line in below.split("|")
    ]
    expected = tree("\n".join(["shop: root", *(f"  {line}" for line in lines)]))
    spans = [a_span(1, name="root"), *(a_span(number, 1, name) for number, name in enumerate(names, start=2))]
    assert (SpanTree(spans) == expected) is fits


def test_a_line_below_dots_is_found_at_any_depth() -> None:
    trace = SpanTree(FAMILY)
    assert trace == tree("shop: root\n  ...\n    shop: below first")
    assert trace == tree("...\n  shop: first\n    shop: below first\n  shop: second")
    assert trace != tree("shop: root\n  ...\n    shop: below second")
    assert trace != tree("shop: root\n  ...\n    shop: first"), "what is below it must fit as well"


def test_each_line_below_dots_needs_a_span_of_its_own() -> None:
    polls = [a_span(1, name="root"), a_span(2, 1, "poll"), a_span(3, 1, "poll")]
    twice = tree("shop: root\n  ...\n    shop: poll\n    shop: poll")
    assert SpanTree(polls) == twice
    assert SpanTree(polls[:2]) != twice
    assert SpanTree(polls[:2]) != tree("shop: root\n  shop: poll\n  ...\n    shop: poll")


def test_a_line_leaves_the_span_that_only_a_line_below_dots_fits() -> None:
    spans = [a_span(1, name="root"), a_span(2, 1, "a", attributes={"k": 1}), a_span(3, 1, "a")]
    assert SpanTree(spans) == tree("shop: root\n  shop: a\n  ...\n    shop: a {k}")
    assert SpanTree(spans) != tree("shop: root\n  shop: a {k}\n  ...\n    shop: a {k}")


def test_a_root_that_fits_is_not_missing_whatever_is_below_it() -> None:
    trace = SpanTree(
        [a_span(1, name="root"), *(a_span(number, 1, f"found {number}", "bank") for number in range(2, 9))]
    )
    text = "shop: root\n" + "".join(f"  shop: expected {number}\n" for number in range(7))
    report = str(tree(text).difference(trace.roots)).splitlines()
    assert report[:2] == [
        "the trace is not as expected: 7 missing, 7 not expected  (- expected, + found)",
        "  shop: root",
    ]


def test_a_span_that_nearly_fits_a_line_below_dots_is_shown() -> None:
    polls = [a_span(1, name="root"), a_span(2, 1, "poll")]
    difference = tree("shop: root\n  ...\n    shop: poll !500").difference(SpanTree(polls).roots)
    assert "shop: poll !500   ← first difference: it did not fail" in str(difference)


def test_a_trace_that_fits_in_many_ways_is_found_to_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a trace fits is decided exactly; the step limit is for the search for the least difference."""
    many = [a_span(1, name="root"), *(a_span(number, 1) for number in range(2, 500)), a_span(1_000, 1, "last")]
    assert SpanTree(many) == tree("shop: root\n  shop: work *\n  shop: work ?\n  shop: work\n  shop: last")
    names = [f"step {number}" for number in range(8)]
    shuffled = [a_span(1, name="root"), *(a_span(n, 1, name) for n, name in enumerate(reversed(names), start=2))]
    lines = "\n".join(f"    shop: {name}" for name in names)
    assert SpanTree(shuffled) == tree(f"shop: root\n  in any order:\n{lines}")


def test_spans_with_equal_starts_fit_in_any_order() -> None:
    expected = tree("shop: root\n  shop: a\n  shop: b +\n  shop: c\n  shop: a")
    at_once = [a_span(number, 1, name, start=7) for number, name in enumerate("cbaba", start=2)]
    assert SpanTree([a_span(1, name="root"), *at_once]) == expected
    one_by_one = [a_span(number, 1, name) for number, name in enumerate("cbaba", start=2)]
    assert SpanTree([a_span(1, name="root"), *one_by_one]) != expected


def test_spans_with_equal_starts_find_the_line_that_only_they_fit() -> None:
    paid, other, last = a_span(2, 1, "a", attributes={"k": 1}), a_span(3, 1, "a", start=2), a_span(4, 1, "b")
    assert SpanTree([a_span(1, name="root"), paid, other, last]) == tree(
        "shop: root\n  shop: a\n  shop: a {k}\n  shop: b"
    )


@pytest.mark.parametrize("starts", [(1, 2, 2, 3), (1, 2, 2, 2), (1, 1, 2, 2), (1, 1, 1, 2), (1, 1, 1, 1), (1, 2, 3, 4)])
@pytest.mark.parametrize("names", ["abaa", "aaba", "abab", "aabb", "abca", "abcc"])
def test_a_trace_with_equal_starts_fits_its_own_text(names: str, starts: tuple[int, ...]) -> None:
    spans = [a_span(n, 1, name, start=start) for n, (name, start) in enumerate(zip(names, starts, strict=True), 2)]
    trace = SpanTree([a_span(1, name="root", start=0), *spans])
    assert trace == tree(str(trace))
    assert trace == tree(trace.as_tree_text())


def test_the_lines_below_a_repeated_line_hold_for_each_span() -> None:
    spans = [a_span(1, name="root"), a_span(2, 1, "poll"), a_span(3, 2, "look"), a_span(4, 1, "poll")]
    assert SpanTree(spans) != tree("shop: root\n  shop: poll +\n    shop: look")
    assert SpanTree([*spans, a_span(5, 4, "look")]) == tree("shop: root\n  shop: poll +\n    shop: look")


def test_a_text_may_have_several_roots() -> None:
    assert SpanTree([*FAMILY, a_span(9, 8, "lost")]) == tree(EXPECTED + "shop: lost\n")


UUID = "6b0e1c9e-6f0f-4f3e-9a39-1d2f6f0c8a11"


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ("GET /servers/{id}", f"GET /servers/{UUID}"),
        ("GET /servers/{id}", "GET /servers/{id}"),
        ("GET {host}:{port}", "GET 127.0.0.1:8774"),
        ("GET http://{host}:{port}/x", "GET http://nova.example:80/x"),
        ("backup of {time}", "backup of 2026-11-22T19:05:51Z"),
        ("order {id}", "order 00000000000000ff"),
    ],
)
def test_placeholders_stand_for_ids_times_ports_and_hosts(expected: str, found: str) -> None:
    trace = SpanTree([a_span(1, name=found)])
    assert trace == tree(f'shop: "{expected}"')
    assert (trace == tree(f'shop: "{expected}"', normalise={})) is (expected == found)
    assert SpanTree([a_span(1, attributes={"a": found})]) == tree(f'shop: work {{a="{expected}"}}')
    assert SpanTree([a_span(1, name=found + "\n")]) != tree(f'shop: "{expected}"')


def test_unknown_placeholders_are_literal_and_others_can_be_defined() -> None:
    trace = SpanTree([a_span(1, name="ship ORD-17")])
    assert trace != tree('shop: "ship {order}"')
    orders = {**NORMALISED, "order": Placeholder(r"ORD-\d+", r"ORD-\d+")}
    assert trace == tree('shop: "ship {order}"', normalise=orders)
    assert SpanTree([a_span(1, name="GET 17:80")]) != tree('shop: "GET {id}:{port}"', normalise=["id"])
    with pytest.raises(ValueError, match="no placeholder order; the placeholders are time, id, port, host"):
        tree("shop: work", normalise=["id", "order"])
    assert trace != tree('shop: "ship ORD-18"', normalise=orders), "text that a placeholder could match is literal"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("# nothing", "empty"),
        ("just words", "line 1, column 1: a line is of the form `service: name"),
        ("a: b\n  nonsense", "line 2, column 3: a line is of the form `service: name"),
        ("a: b\n    c: d\n  e: f", "line 3, column 3: its indentation of 2 spaces fits no line"),
        ("a: b {=}", "line 1, column 7: here the name of an attribute"),
        ("a: b {c=[1,2]}", "line 1, column 9: a value with"),
        ("a: b + {c}", r"line 1, column 8: \{c\} belongs before \+; write `a: b \{c\} \+`"),
        ("a: b\n  ...\n    c: d +", "line 3, column 10: a line right below"),
        ("a: b (sever)", r"line 1, column 6: \(sever\) is not a kind; did you mean \(server\)\?"),
        ("a: b (client", r"line 1, column 6: this \( has no end.*the name in quotes"),
        ("a: b {x", "line 1, column 6: this { has no end.*the name in quotes"),
        ("a: b {x} (client)", r"line 1, column 10: .*write `a: b \(client\) \{x\}`"),
        ("a: b !500 (client)", r"line 1, column 11: .*write `a: b \(client\) !500`"),
        ("a: b\n  ...\n  ...", "line 3, column 3: there is a"),
        ("a: b\n  in any order:\n    ...", "line 3, column 5: `...` must not be below `in any order:`"),
        ("a: b\n\tc: d", "line 2, column 1: the line is indented by a tab"),
    ],
)
def test_malformed_text_is_refused_with_the_line_number(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tree(text)


def test_errors_of_a_tree_from_a_file_name_the_file(tmp_path: Path) -> None:
    file = tmp_path / "shop.tree"
    with pytest.raises(FileNotFoundError, match="pytest --update-trees"):
        tree(file)
    file.write_text("nonsense")
    with pytest.raises(ValueError, match=r"shop\.tree: line 1"):
        tree(file)


def test_trees_deeper_than_pythons_stack_are_compared_and_reported() -> None:
    chain = [a_span(number, number - 1) for number in range(1, 1_201)]
    text = str(SpanTree(chain))
    assert SpanTree(chain) == tree(text)
    with pytest.raises(Mismatch, match="1 not expected"):
        SpanTree([*chain, a_span(1_201, 1_200)]).matches(tree(text))
    assert SpanTree(chain[:-1]) == tree(tree(text).updated(SpanTree(chain[:-1]).roots))
    assert SpanTree(chain).as_tree_text() == text + "\n"

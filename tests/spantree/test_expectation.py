"""Expected trees: how they read, what fits them, how they tell of a difference, how they are brought up to date."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from emulator.reference import tree_text
from spantree import NORMALISED, Mismatch, Pending, Placeholder, Span, SpanTree, tree, updated_tree_files
from tests.support.spans import a_span

FAMILY = [a_span(1, name="root"), a_span(2, 1, "first"), a_span(3, 2, "below first"), a_span(4, 1, "second")]

EXPECTED = """
shop: root
  # a comment
  shop: first
    shop: below first   # another one
  shop: second
"""


def test_a_tree_as_expected_is_equal_and_matches() -> None:
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
+   shop: third   ← first difference: not expected
+     shop: below third""",
        ),
        (
            [*FAMILY[:3], replace(FAMILY[3], kind="client")],
            """\
the trace is not as expected: 1 different  (- expected, + found)
  shop: root
    shop: first
      shop: below first
-   shop: second   ← first difference: its kind is client
+   shop: second (client)""",
        ),
        (
            [*FAMILY[:2], replace(FAMILY[2], name="else"), FAMILY[3]],
            """\
the trace is not as expected: 1 different  (- expected, + found)
  shop: root
    shop: first
-     shop: below first   ← first difference: its name is else
+     shop: else
    shop: second""",
        ),
        (
            [replace(FAMILY[0], resource={"service.name": "bank"}), *FAMILY[1:]],
            """\
the trace is not as expected: 1 different  (- expected, + found)
- shop: root   ← first difference: it is of bank
+ bank: root
    shop: first
      shop: below first
    shop: second""",
        ),
    ],
    ids=["missing", "not expected", "another kind", "another name", "another service"],
)
def test_a_difference_shows_both_trees_as_one_with_marks(spans: list[Span], report: str) -> None:
    with pytest.raises(Mismatch) as mismatch:
        SpanTree(spans).matches(tree(EXPECTED))
    assert str(mismatch.value) == report
    assert SpanTree(spans) != tree(EXPECTED)


def test_a_difference_is_coloured_where_there_is_a_terminal() -> None:
    difference = tree("shop: root\n  shop: else (client)").difference(SpanTree(FAMILY[:2]).roots)
    assert difference is not None
    assert "\033[31m-   shop: else (client)" in difference.render(colour=True)
    assert "\033[32m+   shop: first" in difference.render(colour=True)
    assert "\033[" not in str(difference)


def test_a_small_difference_in_a_large_trace_is_shown_without_the_rest() -> None:
    spans = [a_span(1), *(a_span(number, 1, f"step {number}") for number in range(2, 1000))]
    expected = tree(str(SpanTree(spans)).replace("step 500", "step five hundred"))
    with pytest.raises(Mismatch) as mismatch:
        SpanTree(spans).matches(expected)
    assert str(mismatch.value).splitlines() == [
        "the trace is not as expected: 1 different  (- expected, + found)",
        "  shop: work",
        "  ⋮ 496 lines as expected",
        "    shop: step 498",
        "    shop: step 499",
        "-   shop: step five hundred   ← first difference: its name is step 500",
        "+   shop: step 500",
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
def test_kind_error_and_attributes_are_compared_as_far_as_a_line_has_them(
    line: str, span: dict[str, object], fits: bool
) -> None:
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
def test_repetition_any_order_and_anything_else(below: str, names: list[str], fits: bool) -> None:
    lines = [
        line if line.startswith(("in any", "...")) else line.replace(line.strip(), f"shop: {line.strip()}")
        for line in below.split("|")
    ]
    expected = tree("\n".join(["shop: root", *(f"  {line}" for line in lines)]))
    spans = [a_span(1, name="root"), *(a_span(number, 1, name) for number, name in enumerate(names, start=2))]
    assert (SpanTree(spans) == expected) is fits


def test_what_stands_below_dots_is_found_at_any_depth() -> None:
    trace = SpanTree(FAMILY)
    assert trace == tree("shop: root\n  ...\n    shop: below first")
    assert trace == tree("...\n  shop: first\n    shop: below first\n  shop: second")
    assert trace != tree("shop: root\n  ...\n    shop: below second")
    assert trace != tree("shop: root\n  ...\n    shop: first"), "what is below it must fit, too"


def test_lines_below_dots_are_of_different_spans_and_what_is_nearly_right_is_shown() -> None:
    polls = [a_span(1, name="root"), a_span(2, 1, "poll"), a_span(3, 1, "poll")]
    twice = tree("shop: root\n  ...\n    shop: poll\n    shop: poll")
    assert SpanTree(polls) == twice
    assert SpanTree(polls[:2]) != twice
    assert SpanTree(polls[:2]) != tree("shop: root\n  shop: poll\n  ...\n    shop: poll")
    difference = tree("shop: root\n  ...\n    shop: poll !500").difference(SpanTree(polls[:2]).roots)
    assert "shop: poll !500   ← first difference: it did not fail" in str(difference)


def test_a_trace_that_fits_is_found_to_fit_however_many_ways_there_are() -> None:
    """Where a search for the least difference would have lost its patience long before."""
    many = [a_span(1, name="root"), *(a_span(number, 1) for number in range(2, 10_000)), a_span(40_000, 1, "last")]
    assert SpanTree(many) == tree("shop: root\n  shop: work *\n  shop: work ?\n  shop: work\n  shop: last")
    names = [f"step {number}" for number in range(12)]
    shuffled = [a_span(1, name="root"), *(a_span(n, 1, name) for n, name in enumerate(reversed(names), start=2))]
    lines = "\n".join(f"    shop: {name}" for name in names)
    assert SpanTree(shuffled) == tree(f"shop: root\n  in any order:\n{lines}")


def test_spans_that_began_at_once_may_come_in_any_order() -> None:
    expected = tree("shop: root\n  shop: a\n  shop: b +\n  shop: c\n  shop: a")
    at_once = [a_span(number, 1, name, start=7) for number, name in enumerate("cbaba", start=2)]
    assert SpanTree([a_span(1, name="root"), *at_once]) == expected
    one_by_one = [a_span(number, 1, name) for number, name in enumerate("cbaba", start=2)]
    assert SpanTree([a_span(1, name="root"), *one_by_one]) != expected


def test_the_lines_below_a_repeated_line_hold_for_each() -> None:
    spans = [a_span(1, name="root"), a_span(2, 1, "poll"), a_span(3, 2, "look"), a_span(4, 1, "poll")]
    assert SpanTree(spans) != tree("shop: root\n  shop: poll +\n    shop: look")
    assert SpanTree([*spans, a_span(5, 4, "look")]) == tree("shop: root\n  shop: poll +\n    shop: look")


def test_several_roots_are_several_trees_in_one_text() -> None:
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


def test_what_is_no_placeholder_is_literal_and_more_can_be_named() -> None:
    trace = SpanTree([a_span(1, name="ship ORD-17")])
    assert trace != tree('shop: "ship {order}"')
    orders = {**NORMALISED, "order": Placeholder(r"ORD-\d+", r"ORD-\d+")}
    assert trace == tree('shop: "ship {order}"', normalise=orders)
    assert SpanTree([a_span(1, name="GET 17:80")]) != tree('shop: "GET {id}:{port}"', normalise=["id"])
    with pytest.raises(ValueError, match="no placeholder order, only time, id, port, host"):
        tree("shop: work", normalise=["id", "order"])
    assert trace != tree('shop: "ship ORD-18"', normalise=orders), "what is written out is meant"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "empty"),
        ("# nothing", "empty"),
        ("just words", "line 1: not `service: name"),
        ("a: b\n  nonsense", "line 2: not"),
        ("a: b\n    c: d\n  e: f", "line 3: an indentation of 2"),
        ("a: b {=}", "line 1: not `{name}`"),
        ("a: b {c=[1,2]}", "line 1: not `{name}`"),
        ("a: b + {c}", "line 1: .*in quotes"),
        ("a: b\n  ...\n    c: d +", "line 3: right below"),
        ("a: b (sever)", r"line 1: \(sever\) is no kind.*would be in quotes"),
        ("a: b (client", "line 1: .*in quotes"),
        ("a: b {x", "line 1: .*in quotes"),
        ("a: b {x} (client)", "line 1: .*in quotes"),
        ("a: b !500 (client)", "line 1: .*in quotes"),
        ("a: b\n  ...\n  ...", "line 3: a second"),
        ("a: b\n  in any order:\n    ...", "line 3: `...` stands alone"),
        ("a: b\n\tc: d", "line 2"),
    ],
)
def test_what_is_not_a_tree_is_refused_by_line(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        tree(text)


def test_a_tree_from_a_file_names_the_file_in_its_errors(tmp_path: Path) -> None:
    file = tmp_path / "shop.tree"
    with pytest.raises(FileNotFoundError, match="pytest --update-trees"):
        tree(file)
    file.write_text("nonsense")
    with pytest.raises(ValueError, match=r"shop\.tree: line 1"):
        tree(file)


KEPT = """\
# How the shop works.
shop: root
  # this one comes first
  shop: first   # and it is quick
    shop: gone {a}
  ...
    shop: below first
  in any order:
    shop: never *
    # and this
    shop: second (client) {http.url="http://{host}:{port}/", b}

# the end
"""

UPDATED = """\
# How the shop works.
shop: root
  # this one comes first
  shop: first   # and it is quick
    shop: below first
  in any order:
    shop: never *
    # and this
    shop: second (client) !500 {http.url="http://{host}:{port}/"}
  ...
    shop: below first

# the end
"""


def test_an_update_changes_what_differs_and_keeps_all_else() -> None:
    second = a_span(4, 1, "second", kind="client", failed=True)
    spans = [*FAMILY[:3], replace(second, attributes={"error.type": "500", "http.url": "http://10.0.0.1:80/"})]
    updated = tree(KEPT).updated(SpanTree(spans).roots)
    assert updated == UPDATED
    assert SpanTree(spans) == tree(updated)


def test_while_trees_are_updated_a_file_is_written_and_its_trace_fits(tmp_path: Path) -> None:
    file, trace = tmp_path / "deep" / "shop.tree", SpanTree([*FAMILY, a_span(5, 4, f"GET /x/{UUID}")])
    written: list[Path] = []
    updating = updated_tree_files.set(written)
    try:
        assert trace == tree(file)
        assert written == [file]
    finally:
        updated_tree_files.reset(updating)
    assert file.read_text().splitlines()[-1] == "    shop: GET /x/{id}"
    assert trace == tree(file)
    assert [entry.name for entry in file.parent.iterdir()] == ["shop.tree"]


def test_an_update_keeps_a_repetition_and_its_remark_when_another_span_comes_before() -> None:
    kept = "shop: root\n  shop: GET + # slow\n  shop: pay {amount=17}\n"
    spans = [a_span(1, name="root"), a_span(2, 1, "POST"), a_span(3, 1, "GET"), a_span(4, 1, "GET")]
    trace = SpanTree([*spans, a_span(5, 1, "pay", attributes={"amount": 17})])
    assert tree(kept).updated(trace.roots) == kept.replace("  shop: GET", "  shop: POST\n  shop: GET")


def test_an_update_is_for_what_must_fit_and_one_file_is_of_one_trace(tmp_path: Path) -> None:
    file = tmp_path / "shop.tree"
    file.write_text("shop: forbidden\n")
    updating = updated_tree_files.set([])
    try:
        assert SpanTree(FAMILY) != tree(file)
        assert file.read_text() == "shop: forbidden\n"
        assert SpanTree(FAMILY) == tree(file)
        assert not SpanTree(FAMILY[:1]) == tree(file)  # noqa: SIM201 - as an assertion that should hold asks
    finally:
        updated_tree_files.reset(updating)
    assert file.read_text() == str(SpanTree(FAMILY)) + "\n"


async def test_an_update_of_a_tree_that_fits_changes_nothing(boot: Callable[[], Pending[SpanTree]]) -> None:
    assert tree(tree_text("boot")).updated((await boot()).roots) == tree_text("boot")


def test_a_tree_read_before_its_file_was_updated_is_up_to_date_afterwards(tmp_path: Path) -> None:
    file = tmp_path / "shop.tree"
    file.write_text("shop: old\n")
    early, another = tree(file), tree(file)
    updating = updated_tree_files.set([])
    try:
        assert [SpanTree(FAMILY) == expected for expected in (early, early, another)] == [True] * 3
    finally:
        updated_tree_files.reset(updating)


def test_trees_deeper_than_pythons_stack_are_compared_and_reported() -> None:
    chain = [a_span(number, number - 1) for number in range(1, 2_001)]
    text = str(SpanTree(chain))
    assert SpanTree(chain) == tree(text)
    with pytest.raises(Mismatch, match="1 not expected"):
        SpanTree([*chain, a_span(2_001, 2_000)]).matches(tree(text))
    assert SpanTree(chain[:-1]) == tree(tree(text).updated(SpanTree(chain[:-1]).roots))

"""`never:` in expected trees: spans that must not occur at any depth below the place of the line."""

import pytest

from spantree import Mismatch, SpanTree, tree
from tests.support.spans import a_span

TRACE = [
    a_span(1, name="order"),
    a_span(2, 1, "pay"),
    a_span(3, 2, "POST /refunds", "bank", kind="client", failed=True, attributes={"error.type": "500"}),
    a_span(4, 1, "ship"),
    a_span(5, 4, "SELECT", kind="client", start=10, end=2_000_000_010),
]


@pytest.mark.parametrize(
    ("line", "forbids"),
    [
        ("bank: POST /refunds", True),
        ("bank: POST /refunds (client)", True),
        ("bank: POST /refunds (server)", False),
        ("bank: POST /refunds !", True),
        ("bank: POST /refunds !500", True),
        ("bank: POST /refunds !404", False),
        ("bank: POST /refunds {error.type=/5../}", True),
        ("bank: POST /refunds {not error.type}", False),
        ("shop: POST /refunds", False),
        ("bank: *", True),
        ("*: POST /{id}", True),
        ("*: *", True),
        ("mail: *", False),
        ("shop: SELECT >1s", True),
        ("shop: SELECT >3s", False),
        ("shop: * !", False),
        ("shop: order", True),
    ],
)
def test_a_line_below_never_forbids_spans_whatever_it_leaves_out(line: str, forbids: bool) -> None:
    assert (SpanTree(TRACE) != tree(f"...\nnever:\n  {line}")) is forbids


@pytest.mark.parametrize(
    ("text", "forbids"),
    [
        ("shop: order\n  shop: pay\n    ...\n    never:\n      bank: *\n  ...", True),
        ("shop: order\n  shop: pay\n    ...\n  shop: ship\n    ...\n    never:\n      bank: *", False),
        ("shop: order\n  shop: pay\n    ...\n  shop: ship\n    ...\n  never:\n    bank: *", True),
        (
            "shop: order\n in any order:\n  shop: ship\n    ...\n  shop: pay\n    ...\n    never:\n     bank: *",
            True,
        ),
        ("...\n  shop: pay\n    ...\n    never:\n      bank: *", True),
        ("...\n  shop: pay\n    ...\n    never:\n      shop: pay", False),
        ("shop: order\n  ...\n  never:\n    mail: *\n    bank: *", True),
    ],
)
def test_never_is_about_the_spans_below_its_place(text: str, forbids: bool) -> None:
    assert (SpanTree(TRACE) != tree(text)) is forbids


def test_the_report_names_the_forbidden_span_its_line_and_where_it_was() -> None:
    expected = tree("shop: order\n  ...\n  never:\n    bank: POST /refunds  # not now\n    shop: SELECT >1s")
    refunds = "must never occur below shop: order, by `never: bank: POST /refunds`; found below shop: pay"
    select = "must never occur below shop: order, by `never: shop: SELECT >1s`; found below shop: ship"
    with pytest.raises(Mismatch) as mismatch:
        SpanTree(TRACE).matches(expected)
    summary, *_, first, second = str(mismatch.value).splitlines()
    assert summary == "the trace is not as expected: 2 that must never occur  (- expected, + found, ! forbidden)"
    assert [first, second] == [
        f"! bank: POST /refunds (client) !500   ← first difference: {refunds}",
        f"! shop: SELECT (client)   ← {select}",
    ]
    assert [str(violation.span) for violation in mismatch.value.difference.violations] == [
        "bank: POST /refunds (client) !500",
        "shop: SELECT (client)",
    ]


def test_a_span_is_reported_once_for_each_line_that_forbids_it() -> None:
    expected = tree("...\n  shop: order\n    ...\n    never:\n      bank: *\nnever:\n  bank: * !")
    difference = expected.difference(SpanTree(TRACE).roots)
    assert str(difference).startswith("the trace is not as expected: 2 that must never occur")


def test_what_must_never_occur_need_not_be_waited_for_but_differs() -> None:
    expected = tree("shop: order\n  ...\n  never:\n    bank: *")
    assert expected.has_arrived(SpanTree(TRACE).roots, incomplete=False)
    assert expected.cost(SpanTree(TRACE).roots) > expected.cost(SpanTree(TRACE[:2]).roots) == 0
    assert expected.size == 1


def test_never_holds_for_traces_deeper_than_pythons_stack() -> None:
    chain = [a_span(number, number - 1) for number in range(1, 1_501)]
    expected = tree("...\nnever:\n  shop: pay")
    assert SpanTree(chain) == expected
    assert SpanTree([*chain, a_span(1_501, 1_500, "pay")]) != expected


@pytest.mark.parametrize("number", [2, 4])
def test_never_below_one_of_two_equal_lines_is_about_its_own_span(number: int) -> None:
    pays = [a_span(2, 1, "pay"), a_span(4, 1, "pay"), a_span(5, number, "call", "bank")]
    expected = tree("shop: order\n  shop: pay\n    ...\n    never:\n      bank: *\n  shop: pay\n    ...")
    assert (SpanTree([TRACE[0], *pays]) != expected) is (number == 2)

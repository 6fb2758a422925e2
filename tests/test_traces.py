"""Trees of spans: built from any order, read from OTLP, compared with what was expected."""

import json
import random
from dataclasses import replace

import pytest

from emulator.reference import tree as reference
from emulator.traces import (
    Expectation,
    MalformedOtlp,
    Span,
    SpanTree,
    parse_tree,
    spans_from_json,
    spans_from_protobuf,
    trees,
)

TRACE = "0af7651916cd43dd8448eb211c80319c"


def a_span(number: int, parent: int = 0, name: str = "work", **more: object) -> Span:
    known = Span(
        trace_id=TRACE,
        span_id=f"{number:016x}",
        parent_id=f"{parent:016x}" if parent else "",
        name=name,
        kind="internal",
        start=number,
        end=100,
        resource={"service.name": "shop"},
    )
    return replace(known, **more)  # type: ignore[arg-type]


FAMILY = [a_span(1, name="root"), a_span(2, 1, "first"), a_span(3, 2, "below first"), a_span(4, 1, "second")]


def test_spans_in_any_order_and_twice_give_the_same_tree() -> None:
    expected = str(SpanTree(FAMILY))
    assert expected == "shop: root\n  shop: first\n    shop: below first\n  shop: second"
    for seed in range(20):
        shuffled = random.Random(seed).sample(FAMILY * 2, len(FAMILY) * 2)
        assert str(SpanTree(shuffled)) == expected


def test_a_span_without_its_parent_is_kept_as_an_orphan() -> None:
    tree = SpanTree([*FAMILY, a_span(9, 8, "lost")])
    assert [span.name for span in tree.orphans] == ["lost"]
    assert [span.name for span in tree.roots] == ["root", "lost"]
    assert str(tree).endswith("\nshop: lost")


def test_spans_that_are_parents_of_one_another_are_kept_too() -> None:
    tree = SpanTree([*FAMILY, a_span(5, 6, "five"), a_span(6, 5, "six"), a_span(7, 7, "itself")])
    assert str(tree).endswith("shop: five\n  shop: six\nshop: itself")
    assert len(list(tree.walk())) == 7


def test_traces_are_kept_apart() -> None:
    other = a_span(5, trace_id="f" * 32)
    assert [tree.trace_id for tree in trees([other, *FAMILY])] == [TRACE, "f" * 32]


def test_ten_thousand_spans_below_each_other_are_walked() -> None:
    chain = SpanTree(a_span(number, number - 1) for number in range(1, 10_001))
    assert max(depth for depth, _ in chain.walk()) == 9_999


EXPECTED = """
shop: root
  # a comment
  shop: first
    shop: below first
  shop: second
"""


def test_a_tree_as_expected_has_no_mismatch() -> None:
    assert parse_tree(EXPECTED).compare(SpanTree(FAMILY)) is None


@pytest.mark.parametrize(
    ("spans", "expected", "found"),
    [
        (FAMILY[:3], "shop: second", "nothing"),
        ([*FAMILY, a_span(5, 1, "third")], "nothing more", "shop: third (internal)"),
        ([*FAMILY, a_span(5, 7, "stray")], "nothing more", "shop: stray (internal)"),
        ([*FAMILY[:3], replace(FAMILY[3], kind="client")], "shop: second", "shop: second (client)"),
        ([*FAMILY[:3], replace(FAMILY[3], failed=True)], "shop: second", "shop: second (internal) !failed"),
        ([*FAMILY[:2], replace(FAMILY[2], name="else"), FAMILY[3]], "shop: below first", "shop: else (internal)"),
    ],
)
def test_the_first_difference_is_named_with_the_way_to_it(spans: list[Span], expected: str, found: str) -> None:
    mismatch = parse_tree(EXPECTED).compare(SpanTree(spans))
    assert mismatch is not None
    assert (mismatch.expected, mismatch.found) == (expected, found)
    assert all(step.startswith("shop: ") for step in mismatch.path)
    assert f"expected: {expected}" in str(mismatch)


@pytest.mark.parametrize(
    ("line", "attributes", "matches"),
    [
        ("shop: work {a}", {"a": "1,2"}, True),
        ("shop: work {a}", {}, False),
        ('shop: work {a="1,2", b=3}', {"a": "1,2", "b": 3}, True),
        ("shop: work {a=1}", {"a": 2}, False),
        ("shop: work !500", {"error.type": "500"}, True),
        ("shop: work !500", {"error.type": "404"}, False),
    ],
)
def test_errors_and_attributes_are_compared(line: str, attributes: dict[str, object], matches: bool) -> None:
    span = a_span(1, attributes=attributes, failed="error.type" in attributes)
    assert (parse_tree(line).compare(SpanTree([span])) is None) is matches


def test_repetition_takes_one_or_more() -> None:
    expected = parse_tree("shop: root\n  shop: poll +\n  shop: end")
    polls = [a_span(number, 1, "poll") for number in range(2, 7)]
    root, end = a_span(1, name="root"), a_span(9, 1, "end")
    assert expected.compare(SpanTree([root, *polls, end])) is None
    assert expected.compare(SpanTree([root, polls[0], end])) is None
    assert expected.compare(SpanTree([root, end])) is not None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "empty"),
        ("just words", "line 1"),
        ("a: b\nc: d", "line 2 is a second root"),
        ("a: b\n  nonsense", "line 2"),
    ],
)
def test_what_is_not_a_tree_is_refused_by_line(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_tree(text)


def test_the_reference_tree_reads_back_as_it_is_written() -> None:
    written = [line for line in reference("boot").splitlines() if line.strip() and "#" not in line]
    shown = []

    def show(expectation: Expectation, depth: int) -> None:
        shown.append("  " * depth + str(expectation))
        for child in expectation.children:
            show(child, depth + 1)

    show(parse_tree(reference("boot")), 0)
    assert shown == written


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", '{"resourceSpans": 3}', '{"resourceSpans": [{"scopeSpans": [{"spans": [{}]}]}]}']
)
def test_what_is_not_otlp_json_is_refused(text: str) -> None:
    if text == "":
        assert spans_from_json(text) == []
        return
    with pytest.raises(MalformedOtlp):
        spans_from_json(text)


def test_what_is_not_otlp_protobuf_is_refused() -> None:
    with pytest.raises(MalformedOtlp):
        spans_from_protobuf(b"\xff\xff\xff")


def test_json_lines_and_arrays_hold_several_documents() -> None:
    span = {"traceId": TRACE, "spanId": "1" * 16, "name": "a", "startTimeUnixNano": "1", "endTimeUnixNano": 2}
    document = '{"resourceSpans": [{"scopeSpans": [{"spans": [%s]}]}]}'
    one, two = (document % json.dumps({**span, "spanId": digit * 16}) for digit in "12")
    assert [s.span_id for s in spans_from_json(f"{one}\n{two}")] == ["1" * 16, "2" * 16]
    assert spans_from_json(f"[{one}, {two}]") == spans_from_json(f"{one}\n{two}")

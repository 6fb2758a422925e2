"""`SpanTree` and `trees`: how spans become trees, and the questions that a tree answers."""

import random
import re
from dataclasses import replace

import pytest

from spantree import NoHop, NotOne, Span, SpanTree, delivery, trees
from tests.support.spans import TRACE, a_span, link_to

FAMILY = [a_span(1, name="root"), a_span(2, 1, "first"), a_span(3, 2, "below first"), a_span(4, 1, "second")]


@pytest.mark.parametrize("seed", range(5))
def test_order_and_duplicates_of_spans_do_not_matter(seed: int) -> None:
    expected = SpanTree(FAMILY)
    assert str(expected) == "shop: root\n  shop: first\n    shop: below first\n  shop: second"
    shuffled = random.Random(seed).sample(FAMILY * 2, len(FAMILY) * 2)
    assert SpanTree(shuffled) == expected


def test_a_span_without_its_parent_is_kept_as_an_orphan() -> None:
    trace = SpanTree([*FAMILY, a_span(9, 8, "lost")])
    assert [span.name for span in trace.orphans] == ["lost"]
    assert [span.name for span in trace.roots] == ["root", "lost"]
    assert str(trace).endswith("\nshop: lost")


def test_spans_in_a_cycle_of_parents_are_kept() -> None:
    trace = SpanTree([*FAMILY, a_span(5, 6, "five"), a_span(6, 5, "six"), a_span(7, 7, "itself")])
    assert str(trace).endswith("shop: five\n  shop: six\nshop: itself")
    assert len(list(trace.walk())) == 7
    assert [list(span.ancestors) for span in trace.roots] == [[], [], []]


def test_a_tree_holds_the_spans_of_one_trace() -> None:
    other = a_span(5, trace_id="f" * 32)
    assert [trace.trace_id for trace in trees([other, *FAMILY])] == [TRACE, "f" * 32]
    with pytest.raises(ValueError, match="one trace, not of 2"):
        SpanTree([other, *FAMILY])
    with pytest.raises(ValueError, match="not of 0"):
        SpanTree([])


def test_a_chain_deeper_than_pythons_stack_is_walked() -> None:
    chain = SpanTree(a_span(number, number - 1, end=20_000) for number in range(1, 2_001))
    assert max(depth for depth, _ in chain.walk()) == 1_999
    assert len(chain.critical_path()) == 2_000
    assert len(list(chain.spans[-1].ancestors)) == 1_999


def test_spans_know_their_relatives() -> None:
    trace = SpanTree(FAMILY)
    root, first, below, second = trace.spans
    assert (below.parent, root.parent) == (first, None)
    assert list(root.children) == [first, second]
    assert list(root.descendants) == [first, below, second]
    assert below.descends_from(root)
    assert not below.descends_from(second)
    assert not root.descends_from(root)
    assert FAMILY[2].parent is None, "a span outside a tree has no relatives"


def test_spans_are_compared_in_time() -> None:
    early, late, during = a_span(1, end=5), a_span(5), a_span(3)
    assert early.before(late)
    assert not late.before(early)
    assert not early.overlaps(late)
    assert during.overlaps(early)
    assert during.overlaps(late)


@pytest.mark.parametrize(
    ("children", "expected"),
    [
        ([], 99),
        ([(10, 20), (30, 40)], 79),
        ([(10, 30), (20, 40)], 69),
        ([(10, 40), (20, 30)], 69),
        ([(0, 10), (90, 200)], 80),
    ],
    ids=["none", "apart", "overlapping", "one in another", "beyond the parent"],
)
def test_self_time_is_the_time_that_no_child_covers(children: list[tuple[int, int]], expected: int) -> None:
    family = [a_span(1), *(a_span(n, 1, start=start, end=end) for n, (start, end) in enumerate(children, start=2))]
    assert SpanTree(family).one(where=lambda span: not span.parent_id).self_time == expected


CALL = a_span(
    5, 1, "GET", kind="client", failed=True, attributes={"http.response.status_code": 404, "error.type": "404"}
)


@pytest.mark.parametrize(
    "criteria",
    [
        {"kind": "client"},
        {"status": 404},
        {"error": "404"},
        {"error": True},
        {"name": "GET"},
        {"name": re.compile("G.*")},
        {"attributes": {"http.response.status_code": 404}},
        {"where": lambda span: span.start == 5},
    ],
    ids=lambda criteria: next(iter(criteria)),
)
def test_a_span_is_found_by_each_criterion(criteria: dict[str, object]) -> None:
    trace = SpanTree([*FAMILY, CALL])
    assert trace.one(**criteria) == trace.one("shop", **criteria) == CALL  # type: ignore[arg-type]
    assert len(trace.all(error=False)) == 4
    assert trace.all("bank") == []


def test_one_fails_with_the_nearest_candidates() -> None:
    trace = SpanTree([*FAMILY, CALL])
    with pytest.raises(NotOne) as none:
        trace.one("shop", kind="client", status=200, attributes={"x": 1})
    assert str(none.value).splitlines() == [
        "none of 5 spans has service='shop', kind='client', status=200, attributes={'x': 1}. The closest:",
        "  shop: GET (client) !404, but status=404, without x",
    ]
    with pytest.raises(NotOne, match="4 spans have error=False; give more criteria") as several:
        trace.one(error=False)
    assert "  shop: below first, id 0000000000000003, below shop: first" in str(several.value)


def test_an_unknown_criterion_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="no criterion 'staus'; the criteria are service, name, kind, status"):
        SpanTree(FAMILY).all(staus=404)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="kind is 'sever'; it must be one of"):
        SpanTree(FAMILY).all(kind="sever")


def test_the_critical_path_takes_the_longer_branch_and_follows_messages() -> None:
    trace = SpanTree(
        [
            a_span(1, name="root", start=0, end=100),
            a_span(2, 1, "short", start=10, end=30),
            a_span(3, 1, "long", start=10, end=50),
            a_span(4, 1, "publish", kind="producer", start=60, end=65),
            a_span(5, 4, "process", "bank", kind="consumer", start=80, end=120),
        ]
    )
    path = [(segment.span.name, segment.start, segment.end, segment.waiting) for segment in trace.critical_path()]
    assert path == [
        ("root", 0, 10, False),
        ("long", 10, 50, False),
        ("root", 50, 60, False),
        ("publish", 60, 65, False),
        ("publish", 65, 80, True),
        ("process", 80, 120, False),
    ]


PUBLISH = a_span(2, 1, "publish", kind="producer", start=10, end=20)
PROCESS = a_span(3, 2, "process", "bank", kind="consumer", start=35)
ELSEWHERE = replace(PROCESS, trace_id="f" * 32, parent_id="", links=link_to(PUBLISH))


CARRIED = pytest.mark.parametrize(
    "process",
    [
        PROCESS,
        replace(PROCESS, links=link_to(PUBLISH)),
        replace(PROCESS, parent_id=a_span(1).span_id, links=link_to(PUBLISH)),
        ELSEWHERE,
        replace(PROCESS, kind="client", attributes={"messaging.operation.type": "receive"}),
    ],
    ids=["by parent", "by both", "by link", "by link in another trace", "received, not processed"],
)


@CARRIED
def test_a_hop_has_cause_effect_and_dwell_time(process: Span) -> None:
    trace = next(trace for trace in trees([process, PUBLISH, a_span(1)]) if trace.trace_id == TRACE)
    hop = trace.hop("shop", "bank")
    assert (hop.cause, hop.effect, hop.dwell) == (PUBLISH, process, 15)
    assert trace.hops("shop", "bank") == [hop]
    assert list(trace.edges()) == [("shop", "bank")]
    assert trace.one(name="publish").leads_to("bank")
    assert trace.one(where=lambda span: not span.parent_id).leads_to("bank")
    assert not trace.one(name="publish").leads_to("shop")


@CARRIED
def test_delivery_finds_the_publish_span_of_a_process_span(process: Span) -> None:
    spans = {span.name: span for trace in trees([process, PUBLISH, a_span(1)]) for span in trace.spans}
    delivered = delivery(spans["process"])
    assert delivered is not None
    assert (delivered.cause, delivered.effect, delivered.dwell) == (PUBLISH, process, 15)
    assert delivery(spans["publish"]) is None
    assert delivery(spans["work"]) is None


@pytest.mark.parametrize(
    "process",
    [
        replace(PROCESS, kind="internal"),
        replace(PROCESS, kind="client", attributes={"messaging.operation.type": "settle"}),
        replace(PROCESS, parent_id=a_span(1).span_id),
        replace(PROCESS, parent_id=a_span(9).span_id),
        replace(PROCESS, parent_id="", links=link_to(a_span(1))),
        replace(PROCESS, parent_id="", links=link_to(a_span(9))),
    ],
    ids=["internal", "settled", "below no message", "an orphan", "linked to no message", "linked to a missing span"],
)
def test_a_span_that_processes_no_known_message_has_no_delivery(process: Span) -> None:
    assert delivery(SpanTree([a_span(1), PUBLISH, process]).one(name="process")) is None


def test_a_hop_is_found_from_the_consumers_trace_as_well() -> None:
    [trace] = [trace for trace in trees([a_span(1), PUBLISH, ELSEWHERE]) if trace.trace_id != TRACE]
    assert trace.hop("shop", "bank").cause == PUBLISH
    [cause] = trace.spans[0].linked
    assert cause.parent == a_span(1)


def test_without_a_hop_the_failure_lists_the_messages_of_both_sides() -> None:
    lost = replace(PROCESS, parent_id="")
    with pytest.raises(NoHop) as failure:
        SpanTree([a_span(1), PUBLISH, lost]).hop("shop", "bank")
    assert str(failure.value).splitlines()[:5] == [
        "bank processed no message from shop.",
        "published by shop:",
        "  shop: publish (producer)",
        "processed by bank:",
        "  bank: process (consumer)",
    ]
    assert SpanTree([a_span(1), PUBLISH, lost]).edges() == {}


def test_edges_are_between_different_services_only() -> None:
    calls = [a_span(number, 1, service="bank") for number in (2, 3)]
    trace = SpanTree([a_span(1), *calls, a_span(4, 2, service="bank"), a_span(5, 3, service="mint")])
    assert {edge: len(hops) for edge, hops in trace.edges().items()} == {("shop", "bank"): 2, ("bank", "mint"): 1}
    assert trace.services == ["shop", "bank", "mint"]


@pytest.mark.parametrize("value", [["send"], {"send": 1}, None, 7], ids=str)
def test_an_operation_type_that_is_not_a_string_is_ignored(value: object) -> None:
    span = a_span(1, attributes={"messaging.operation.type": value})
    assert delivery(span) is None
    assert SpanTree([span]).edges() == {}

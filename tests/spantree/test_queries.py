"""Questions about many spans: their durations, a text in any of them, and what a failed assertion says."""

import re
from dataclasses import replace

import pytest

from spantree import Duration, Event, NoHop, NotOne, Span, Spans, SpanTree, ms
from tests.support.spans import a_span

MILLISECOND = 1_000_000
QUERIES = [
    a_span(number, 1, "SELECT", "bank", kind="client", start=number, end=number + number * MILLISECOND)
    for number in range(2, 22)
]
TRACE = SpanTree([a_span(1, name="check out"), *QUERIES])
FAILED = a_span(30, 1, "charge", failed=True, message="card expired", end=30 + 1_500_000)


def test_durations_have_percentiles_by_nearest_rank_in_nanoseconds() -> None:
    durations = TRACE.all(name="SELECT").durations()
    assert (durations.p50, durations.p95, durations.p99) == (ms(11), ms(20), ms(21))
    assert (durations.min, durations.max, durations.mean, durations.total) == (ms(2), ms(21), ms(11.5), ms(230))
    assert (durations.percentile(1), durations.percentile(100)) == (ms(2), ms(21))
    assert durations.p95 < 50_000_000
    assert durations.p95 + 1 == 20_000_001
    assert len(durations) == 20
    assert repr(durations) == "<durations of 20 spans: p50 11 ms, p95 20 ms, max 21 ms, total 230 ms>"


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(0, "0 ns"), (999, "999 ns"), (1_500, "1.5 µs"), (61_200_000, "61.2 ms"), (999_900_000, "1e+03 ms")],
)
def test_a_duration_prints_in_the_unit_that_fits(nanoseconds: int, text: str) -> None:
    assert str(Duration(nanoseconds)) == repr(Duration(nanoseconds)) == text.replace("1e+03", "1000")


def test_statistics_of_no_spans_are_refused_with_what_was_asked_for() -> None:
    none = TRACE.all("mint", name="SELECT").durations()
    for statistic in ("p50", "p95", "p99", "min", "max", "mean"):
        with pytest.raises(ValueError, match=f"there is no {statistic} of no spans: none has service='mint', name="):
            getattr(none, statistic)
    assert none.total == 0
    with pytest.raises(ValueError, match="percent is 0; it must be over 0 and at most 100"):
        TRACE.all().durations().percentile(0)


def test_selected_spans_are_a_list_with_services_names_and_counts() -> None:
    spans = TRACE.all()
    assert isinstance(spans, list)
    assert spans == list(TRACE.spans)
    assert spans[1:3] == QUERIES[:2]
    assert (spans.services, spans.names) == (["shop", "bank"], ["check out", "SELECT"])
    assert spans.counts() == {"check out": 1, "SELECT": 20}
    assert TRACE.all("mint") == []
    assert Spans() == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("CHECK OUT", True),
        ("Expired", True),
        ("shop.order=17", True),
        ("user-7", True),
        ("retry", True),
        ("nothing of the kind", False),
    ],
)
def test_a_text_is_found_wherever_a_span_says_it(text: str, found: bool) -> None:
    event = Event("Retry", 1, {"user": "user-7"})
    span = a_span(1, name="check out", message="card expired", attributes={"shop.order": 17}, events=(event,))
    assert (SpanTree([span, a_span(2, 1, "other")]).search(text) == [span]) is found


def test_several_hops_are_refused_and_listed_and_one_is_chosen_by_name() -> None:
    publish = [a_span(number, 1, f"publish {number}", kind="producer") for number in (2, 3)]
    process = [a_span(number + 5, number, f"process {number}", "bank", kind="consumer") for number in (2, 3)]
    trace = SpanTree([a_span(1), *publish, *process])
    with pytest.raises(NotOne) as several:
        trace.hop("shop", "bank")
    assert str(several.value).splitlines() == [
        "bank processed 2 messages from shop; give the name of one, or use hops():",
        "  shop: publish 2 (producer) → bank: process 2 (consumer), by parent, ids 0000000000000002 → 0000000000000007",
        "  shop: publish 3 (producer) → bank: process 3 (consumer), by parent, ids 0000000000000003 → 0000000000000008",
    ]
    assert len(trace.hops("shop", "bank")) == 2
    assert trace.hop("shop", "bank", name="publish 3").effect == process[1]
    assert trace.hop("shop", "bank", name=re.compile("process 2")).cause == publish[0]
    with pytest.raises(
        NoHop, match="bank processed no message from shop called publish 4, but these:\n  shop: publish"
    ):
        trace.hop("shop", "bank", name="publish 4")


def test_candidates_that_failed_say_why() -> None:
    trace = SpanTree([a_span(1), FAILED, replace(FAILED, span_id="f" * 16)])
    with pytest.raises(NotOne, match=r"shop: charge ! \(card expired\), id 000000000000001e, below shop: work"):
        trace.one(name="charge")
    with pytest.raises(NotOne, match="shop: charge !, but it failed: card expired"):
        trace.one(name="charge", error=False)


THEIRS = """
from spantree import Span, SpanTree, ms

def a_span(number, parent, name, duration, **more):
    ids = ("a" * 32, f"{number:016x}", f"{parent:016x}" if parent else "")
    return Span(*ids, name, "internal", number, number + duration, resource={"service.name": "shop"}, **more)

TRACE = SpanTree([
    a_span(1, 0, "check out", 9),
    *(a_span(number, 1, "SELECT", number * 1_000_000) for number in range(2, 12)),
    a_span(50, 1, "charge", 1_500_000, failed=True, message="card expired", attributes={"error.type": "Declined"}),
])
"""


def test_a_failed_assertion_about_durations_shows_the_slowest_spans(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(THEIRS + "def test_fast(): assert TRACE.all(name='SELECT').durations().p95 < ms(5)")
    result = pytester.runpytest_subprocess("-n0")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E*assert the p95 of 10 spans is 11 ms, not < 5 ms; 7 of them at that or more:",
            "E* 11 ms  shop: SELECT, id 000000000000000b",
            "E* 10 ms  shop: SELECT, id 000000000000000a",
            "E*and 5 more",
        ]
    )


def test_a_failed_assertion_about_spans_lists_them_with_their_reasons(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(THEIRS + "def test_sound(): assert TRACE.all(error=True) == []")
    result = pytester.runpytest_subprocess("-n0")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E*1 span is not expected: it has error=True",
            "E*shop: charge !Declined: Declined: card expired, 1.5 ms, below shop: check out, id 0000000000000032",
        ]
    )
    result.stdout.no_fnmatch_line("E*<span 0000000000000032*")


def test_a_comparison_that_is_none_of_ours_is_left_to_pytest(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(THEIRS + "def test_other(): assert len(TRACE.all(name='SELECT')) == 3")
    result = pytester.runpytest_subprocess("-n0")
    result.stdout.fnmatch_lines(["E*assert 10 == 3"])


def spans_named(*names: str) -> list[Span]:
    return [a_span(number, 0, name) for number, name in enumerate(names, start=1)]


def test_a_span_that_should_be_there_is_named() -> None:
    one, other = spans_named("one", "other")
    assert Spans([one]).explain([one, other]) == ["1 span is not found", "  shop: other"]

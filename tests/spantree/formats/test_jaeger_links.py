"""`jaeger_spans(linked=True)` also reads the traces that are linked with the chosen ones, in either direction."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from spantree import Link, Span, jaeger_spans
from tests.support.jaeger import Asked, answering
from tests.support.jaeger_storage import Stored, cassandra, memory
from tests.support.spans import a_span

SECOND = 10**9
MINUTE = 60 * SECOND
NOW = time.time_ns()
AGO = (NOW // MINUTE - 30) * MINUTE + 10 * SECOND
"""Some seconds after a minute begins, because time is searched by the minute."""


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


def name(letter: str) -> str:
    return letter * 32


def span(letter: str, links_to: str = "", start: int = AGO, service: str = "shop", lasts: int = SECOND) -> Span:
    """Return the only span of the trace with this letter; it links to the traces with those letters."""
    links = tuple(Link(name(other), f"{1:016x}") for other in links_to)
    known = a_span(1, service=service, start=start, links=links)
    return replace(known, trace_id=name(letter), end=start + lasts)


def read(spans: Sequence[Span], letter: str = "a", **options: Any) -> tuple[str, list[str], list[Asked]]:
    """Return the letters of the traces that are read, what is reported as missing, and the requests."""
    missing: list[str] = []
    with answering(Stored(lambda: spans, options.pop("storage", memory), v3=options.pop("v3", True))) as jaeger:
        chosen: dict[str, Any] = {"trace_id": name(letter)} if letter else {}
        found = jaeger_spans(jaeger.url, linked=True, incomplete=missing.append, **chosen, **options)
    return "".join(sorted(each.trace_id[0] for each in found)), missing, jaeger.asked


CHAIN = [span("a"), span("b", "a", AGO + SECOND, "till"), span("c", "b", AGO + 2 * SECOND, "bank"), span("d")]


@pytest.mark.parametrize("letter", "abc")
@pytest.mark.parametrize("v3", [True, False], ids=["v3", "legacy"])
@pytest.mark.parametrize("storage", [memory, cassandra])
def test_a_chain_of_links_is_read_from_any_of_its_traces(letter: str, storage: Any, v3: bool) -> None:
    assert read(CHAIN, letter, storage=storage, v3=v3)[:2] == ("abc", [])


def test_without_the_option_linked_traces_are_not_read() -> None:
    with answering(Stored(lambda: CHAIN)) as jaeger:
        assert {each.trace_id for each in jaeger_spans(jaeger.url, trace_id=name("a"))} == {name("a")}


def test_traces_linked_with_those_of_a_service_are_read_but_no_others() -> None:
    assert read(CHAIN, "", service="bank")[:2] == ("abc", [])
    assert read(CHAIN, "", service="shop")[:2] == ("abcd", [])


@pytest.mark.parametrize(
    "spans",
    [
        [span("a", "b"), span("b", "a")],
        [span("a", "c"), span("b", "a"), span("c", "b")],
        [span("a", "a"), span("b", "ab")],
    ],
    ids=["two", "three", "itself"],
)
def test_a_circle_of_links_is_read_once(spans: list[Span]) -> None:
    letters, missing, asked = read(spans)
    assert (letters, missing) == ("".join(each.trace_id[0] for each in spans), [])
    assert len(asked) <= 6


def test_a_late_consumer_is_found_near_the_trace_before_it() -> None:
    chain = [span("a"), span("b", "a", AGO + 50 * SECOND), span("c", "b", AGO + 100 * SECOND)]
    assert read(chain)[0] == "abc", "the time around each trace is searched, not only around the first"
    assert read([span("a"), span("b", "a", AGO + 10 * MINUTE)])[0] == "a", "so late, it is not looked for"
    assert read([span("a", lasts=10 * MINUTE), span("b", "a", AGO + 10 * MINUTE)])[0] == "ab"


def test_a_linked_trace_is_fetched_by_id_however_old_it_is() -> None:
    letters, missing, asked = read([span("a", "b"), span("b", start=AGO - 10**6 * SECOND)])
    assert (letters, missing) == ("ab", [])
    assert len(asked) < 10, "the time between the two is not searched"


def test_a_minute_is_searched_once() -> None:
    _, _, asked = read(CHAIN, "a")
    searches = [each.query["query.startTimeMin"] for each in asked if each.query]
    assert len(searches) == len(set(searches)) == 1


def test_a_span_with_a_wrong_clock_does_not_make_us_search_for_ever() -> None:
    letters, _, asked = read([span("a", start=0, lasts=NOW), span("b", "a", start=MINUTE)])
    assert letters == "ab"
    assert len(asked) < 10


def test_more_linked_traces_than_the_limit_are_reported() -> None:
    spans = [span("a"), *(span(letter, "a", AGO + SECOND) for letter in "bcdef")]
    letters, missing, _ = read(spans, limit=3)
    assert len(letters) == 4
    assert letters[0] == "a"
    assert len(missing) == 1
    assert missing[0].endswith(" has more traces linked with these, or near them, than the 3 that may be read")
    assert read(spans, limit=6)[:2] == ("abcdef", [])


def test_more_links_than_the_limit_are_not_all_followed() -> None:
    links = tuple(Link(f"{number:032x}", f"{1:016x}") for number in range(1, 100))
    letters, missing, asked = read([replace(span("a"), links=links)], limit=5)
    assert (letters, len(missing)) == ("a", 1)
    assert len(asked) <= 8

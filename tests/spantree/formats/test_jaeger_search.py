"""`jaeger_spans` reads every trace within its limits, whatever the storage behind Jaeger."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

import pytest

from spantree import JaegerUnavailable, Span, jaeger_spans
from spantree.formats import jaeger_api, jaeger_search
from tests.support.jaeger import Answer, Asked, answering
from tests.support.jaeger_storage import Storage, Stored, cassandra, memory
from tests.support.spans import a_span

SECOND = 10**9


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


def trace(number: int, ago: float = 60, spans: int = 1, **more: Any) -> list[Span]:
    """Return the spans of the trace with this number, which began so many seconds ago; they start 10 ms apart."""
    start = time.time_ns() - round(ago * SECOND)
    times = [start + at * SECOND // 100 for at in range(spans)]
    known = {"trace_id": f"{number:032x}", **more}
    return [a_span(at, at - 1, start=began, end=began + 5, **known) for at, began in enumerate(times, 1)]


def traces(number_of: int, **more: Any) -> list[Span]:
    """Return so many traces, which began one second after the other; the latest one 60 seconds ago."""
    return [span for number in range(number_of, 0, -1) for span in trace(number, 59 + number, **more)]


def read(
    spans: Sequence[Span], storage: Storage = memory, *, v3: bool = True, **options: Any
) -> tuple[set[str], list[str], list[Asked]]:
    """Return the ids of the traces that are read, what is reported as missing, and the requests."""
    missing: list[str] = []
    with answering(Stored(lambda: spans, storage, v3=v3)) as jaeger:
        found = jaeger_spans(jaeger.url, incomplete=missing.append, **options)
    assert len(found) == len({(span.trace_id, span.span_id) for span in found})
    return {span.trace_id for span in found}, missing, jaeger.asked


def ids(*numbers: int) -> set[str]:
    return {f"{number:032x}" for number in numbers}


@pytest.mark.parametrize("v3", [True, False], ids=["v3", "legacy"])
@pytest.mark.parametrize("number_of", [1, 99, 100, 101, 1000])
def test_all_traces_within_the_limit_are_read(number_of: int, v3: bool) -> None:
    found, missing, asked = read(traces(number_of), v3=v3)
    assert (found, missing) == (ids(*range(1, number_of + 1)), [])
    assert len(asked) <= 5, "the list of services, and at most two searches; each once in vain without v3"


@pytest.mark.parametrize("service", ["shop", None])
def test_one_trace_more_than_the_limit_is_reported_and_left_out(service: str | None) -> None:
    found, missing, _ = read(traces(31), service=service, limit=30)
    assert found == ids(*range(1, 31)), "the latest ones"
    assert len(missing) == 1
    assert missing[0].endswith(" has more such traces than the 30 latest ones, which were read")
    assert read(traces(31), service=service, limit=31)[1] == []


def test_without_a_listener_what_is_missing_becomes_a_warning() -> None:
    with (
        answering(Stored(lambda: traces(3))) as jaeger,
        pytest.warns(UserWarning, match="more such traces than the 2 latest ones"),
    ):
        jaeger_spans(jaeger.url, limit=2)


def test_traces_before_the_lookback_are_not_read() -> None:
    spans = [*trace(1, ago=100), *trace(2, ago=50)]
    assert read(spans, lookback_seconds=90)[:2] == (ids(2), [])
    assert read(spans, lookback_seconds=110)[:2] == (ids(1, 2), [])


@pytest.mark.parametrize("storage", [memory, cassandra])
def test_a_trace_of_several_services_counts_once(storage: Storage) -> None:
    spans = [span for at in range(1, 21) for name in "abc" for span in trace(at, service=name)]
    numbered = [replace(span, span_id=f"{at:016x}") for at, span in enumerate(spans, 1)]
    found, missing, _ = read(numbered, storage, limit=20)
    assert (found, missing) == (ids(*range(1, 21)), [])


@pytest.mark.parametrize("storage", [memory, cassandra])
def test_traces_of_services_that_together_exceed_the_limit_are_reported(storage: Storage) -> None:
    spans = [*trace(1, ago=70, service="a"), *trace(2, ago=60, service="b")]
    found, missing, _ = read(spans, storage, limit=1)
    assert found == ids(2)
    assert len(missing) == 1


@pytest.mark.parametrize("apart", [1, 0.005], ids=["one after the other", "side by side"])
@pytest.mark.parametrize(
    "storage",
    [memory, partial(memory, max_traces=150), partial(memory, max_traces=120), cassandra],
    ids=["memory", "memory of 150 traces", "memory of 120 traces", "cassandra"],
)
def test_every_storage_gives_all_traces(storage: Storage, apart: float) -> None:
    spans = [span for at in range(120, 0, -1) for span in trace(at, 60 + apart * at, spans=8)]
    found, missing, asked = read(spans, storage)
    assert (found, missing) == (ids(*range(1, 121)), [])
    assert len(asked) < 60


def test_all_services_are_searched_at_once_where_the_storage_can() -> None:
    spans = [*trace(1, service="a"), *trace(2, service="b"), *trace(3, service="c")]
    searched: dict[str, list[str | None]] = {}
    for name, storage in {"memory": memory, "cassandra": cassandra}.items():
        found, missing, asked = read(spans, storage)
        assert (found, missing) == (ids(1, 2, 3), [])
        searched[name] = [each.query.get("query.serviceName") for each in asked if each.query]
    assert searched == {"memory": [None], "cassandra": [None, "a", "b", "c"]}


def test_more_traces_at_one_instant_than_the_storage_searches_are_reported() -> None:
    spans = [*trace(1), *trace(2), *trace(3)]
    found, missing, asked = read(spans, partial(memory, max_traces=3), service="shop")
    assert (found, len(missing)) == (ids(1, 2, 3), 1)
    assert " may have more such traces than the 3 latest ones" in missing[0]
    assert len(asked) < 100


@pytest.mark.parametrize("v3", [True, False], ids=["v3", "legacy"])
def test_large_answers_are_asked_for_in_parts(v3: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaeger_search, "FITTING_BYTES", 10_000)
    found, missing, asked = read([*traces(400), *trace(401, ago=500, spans=200)], v3=v3)
    assert (found, missing) == (ids(*range(1, 402)), [])
    assert 7 < len(asked) < 30
    assert {each.query.get("query.searchDepth" if v3 else "limit") for each in asked if each.query} == {"100"}


def test_an_answer_too_large_for_memory_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaeger_api, "MOST_BYTES", 1000)
    with pytest.raises(JaegerUnavailable, match=r"larger than 1000 bytes; choose a smaller limit, or a single trace"):
        read(traces(20), service="shop")
    assert read(traces(20), trace_id=f"{1:032x}")[0] == ids(1)


@pytest.mark.parametrize("status", [500, 503])
def test_a_search_that_fails_is_an_error_even_after_others_succeeded(status: int) -> None:
    answers = Stored(lambda: traces(300))
    failing = {"/api/v3/services": answers["/api/v3/services"], "/api/v3/traces": one_answer(answers, status)}
    with answering(failing) as jaeger, pytest.raises(JaegerUnavailable, match=f"/traces: HTTP {status}: overloaded"):
        jaeger_spans(jaeger.url)


def one_answer(stored: Stored, status: int) -> Callable[[Mapping[str, str]], Answer]:
    """Return what answers the first search, and fails the others."""
    search = stored["/api/v3/traces"]
    assert callable(search)
    asked = count()
    return lambda query: (status, "overloaded") if next(asked) else search(query)


def ignoring(spans: Sequence[Span], query: object) -> list[str]:
    """Find everything, whatever was asked for."""
    return list({span.trace_id for span in spans})


def test_a_server_that_ignores_the_search_does_not_keep_us_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaeger_search, "MOST_SEARCHES", 20)
    monkeypatch.setattr(jaeger_search, "FITTING_BYTES", 1)
    _, missing, asked = read(traces(200), ignoring, service="shop")
    assert len(asked) == 20
    assert len(missing) == 1


@pytest.mark.parametrize("v3", [True, False], ids=["v3", "legacy"])
def test_a_storage_that_refuses_every_depth_is_a_clear_error(v3: bool) -> None:
    with pytest.raises(JaegerUnavailable, match="search depth must be greater than 0 and less than max traces"):
        read(trace(1), partial(memory, max_traces=0), v3=v3, service="shop")

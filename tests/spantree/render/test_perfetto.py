"""Trace events conform to their format, read as strictly as its readers do."""

import json
import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spantree import Event, Pending, Span, SpanTree, trees
from spantree.render.perfetto import perfetto
from tests.spantree.test_properties import relaxed
from tests.support.spans import a_span, forests, link_to

PHASES = {"M", "X", "s", "f", "i"}
KNOWN = {"name", "cat", "ph", "ts", "dur", "pid", "tid", "args", "id", "bp", "s", "cname"}


def events_of(spans: list[Span]) -> list[dict[str, Any]]:
    """Return the events as a strict reader of JSON gets them: one that refuses NaN."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    document = json.loads(json.dumps(perfetto(trees(spans))), parse_constant=refuse)
    events: list[dict[str, Any]] = document["traceEvents"]
    return events


def slices(events: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the slices by name, for traces in which names are unique."""
    return {event["name"]: event for event in events if event["ph"] == "X"}


def nanoseconds(microseconds: float) -> int:
    """Read a time as Perfetto does in json_trace_utils.cc: it truncates."""
    return int(microseconds * 1000)


def must_be_valid(events: list[dict[str, Any]]) -> None:
    assert {event["ph"] for event in events} <= PHASES
    assert all(event.keys() <= KNOWN for event in events)
    assert all(0 < event["pid"] <= event["tid"] < 2**32 for event in events)
    timed = [event for event in events if event["ph"] != "M"]
    assert events[-len(timed) :] == timed, "metadata comes first"
    assert all(math.isfinite(event["ts"]) and event["ts"] >= 0 for event in timed)
    assert all(earlier["ts"] <= later["ts"] for earlier, later in pairwise(timed))
    threads_are_of_one_process(events)
    slices_nest_in_their_parents(timed)
    arrows_have_both_ends_at_slices(timed)


def threads_are_of_one_process(events: list[dict[str, Any]]) -> None:
    processes: dict[int, set[int]] = defaultdict(set)
    for event in events:
        processes[event["tid"]].add(event["pid"])
    assert all(len(of_thread) == 1 for of_thread in processes.values())
    assert all(processes[event["pid"]] == {event["pid"]} for event in events), "a first thread has its process's number"
    named = {(event["name"], event["tid"]) for event in events if event["ph"] == "M"}
    assert {("process_name", event["pid"]) for event in events} <= named
    assert {("thread_name", event["tid"]) for event in events} <= named


def slices_nest_in_their_parents(timed: list[dict[str, Any]]) -> None:
    open_slices: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for event in timed:
        if event["ph"] == "X":
            start = nanoseconds(event["ts"])
            end = start + nanoseconds(event["dur"])
            assert end >= start
            stack = open_slices[event["tid"]]
            while stack and stack[-1][0] <= start:
                stack.pop()
            if stack:
                assert end <= stack[-1][0]
                assert event["args"]["parent_id"] == stack[-1][1]
            stack.append((end, event["args"]["span_id"]))


def arrows_have_both_ends_at_slices(timed: list[dict[str, Any]]) -> None:
    begun: set[int] = set()
    finished: set[int] = set()
    touched: dict[str, Any] = {}
    for event in timed:
        if event["ph"] == "X":
            touched = event
        elif event["ph"] in {"s", "f"}:
            assert [event[key] for key in ("pid", "tid", "ts")] == [touched[key] for key in ("pid", "tid", "ts")]
            here = begun if event["ph"] == "s" else finished
            assert event["id"] not in here
            here.add(event["id"])
            assert event["ph"] == "s" or (event["id"] in begun and event["bp"] == "e")
    assert begun == finished


@relaxed
@given(forests(largest=30), st.booleans())
def test_any_forest_makes_valid_trace_events(spans: list[Span], crowded: bool) -> None:
    if crowded:
        spans = [replace(span, start=span.start % 5, end=span.end % 9) for span in spans]
    events = events_of(spans)
    must_be_valid(events)
    shown = [(event["args"]["trace_id"], event["args"]["span_id"]) for event in events if event["ph"] == "X"]
    assert sorted(shown) == sorted((span.trace_id, span.span_id) for span in spans)
    assert sum(event["ph"] == "i" for event in events) == sum(len(span.events) for span in spans)


def test_slices_do_not_overlap_after_decades() -> None:
    end = 2_305_843_009_213_692_000
    must_be_valid(events_of([a_span(1, start=0, end=0), a_span(2, start=4000, end=end), a_span(3, start=end, end=end)]))


async def test_services_of_a_boot_are_processes_with_arrows_between(
    boot: Callable[[], Pending[SpanTree]],
) -> None:
    trace = await boot()
    events = events_of(list(trace.spans))
    must_be_valid(events)
    processes = [event["args"]["name"] for event in events if event["name"] == "process_name"]
    assert processes == list(trace.services)
    between = sum(len(hops) for hops in trace.edges().values())
    assert sum(event["ph"] == "s" for event in events) >= between > 10


def test_times_keep_their_nanoseconds() -> None:
    begin = 1_700_000_000_000_000_001
    spans = [a_span(number, 1, start=begin + number * 1009, end=begin + number * 2003) for number in range(1, 2000)]
    document = perfetto(trees(spans))
    first = int(document["otherData"]["start_unix_nano"])
    for event in document["traceEvents"]:
        if event["ph"] == "X":
            number = int(event["args"]["span_id"], 16)
            assert first + nanoseconds(event["ts"]) == begin + number * 1009
            assert nanoseconds(event["dur"]) == number * 994


@pytest.mark.parametrize("latest", [2**53, 2**60, 2**63, 2**64 - 1])
def test_a_span_without_a_start_does_not_break_the_others(latest: int) -> None:
    spans = [a_span(1, start=0, end=0), *(a_span(n, 1, start=latest - 9999 * n, end=latest - n) for n in range(2, 50))]
    must_be_valid(events_of(spans))


def test_overlapping_spans_have_lanes_and_children_lie_in_parents() -> None:
    spans = [
        a_span(1, name="parent", start=0, end=100),
        a_span(2, 1, name="child", start=10, end=50),
        a_span(3, 1, name="overlaps the child", start=20, end=60),
        a_span(4, 1, name="outlives the parent", start=70, end=110),
        a_span(5, 2, name="grandchild", start=10, end=50),
        a_span(6, name="later", start=200, end=210),
        a_span(7, 1, name="second child", start=80, end=90),
    ]
    lanes = {name: event["tid"] for name, event in slices(events_of(spans)).items()}
    assert lanes["parent"] == lanes["child"] == lanes["grandchild"] == lanes["second child"] == lanes["later"]
    assert lanes["overlaps the child"] != lanes["parent"]
    assert lanes["outlives the parent"] != lanes["parent"]


def test_instances_of_a_service_are_named_processes() -> None:
    hosts = [{"service.name": "shop", "service.instance.id": str(n), "host.name": f"host-{n}"} for n in (1, 2)]
    events = events_of([a_span(n, resource=host) for n, host in enumerate(hosts, 1)])
    assert [event["args"]["name"] for event in events if event["name"] == "process_name"] == [
        "shop (host-1)",
        "shop (host-2)",
    ]


def test_errors_events_and_links_are_shown() -> None:
    event = Event("exception", 15, {"exception.type": "KeyError", "ratio": float("nan"), "raw": b"\x01"})
    failed = a_span(1, name="GET", failed=True, message="why", attributes={"error.type": "404"}, events=(event,))
    follower = a_span(2, name="follower", links=link_to(failed))
    events = events_of([failed, follower])
    shown = slices(events)
    assert shown["GET !404"]["cname"] == "terrible"
    assert shown["GET !404"]["args"]["status"] == "error: why"
    assert shown["follower"]["args"]["links"] == [f"{failed.trace_id}/{failed.span_id}"]
    [instant] = [event for event in events if event["ph"] == "i"]
    assert (instant["name"], instant["ts"]) == ("exception", 0.014)
    assert instant["args"] == {"exception.type": "KeyError", "ratio": "nan", "raw": "01"}
    assert [event["name"] for event in events if event["ph"] == "f"] == ["link"]


def test_a_skewed_span_has_no_arrow_no_length_and_a_warning() -> None:
    cause = a_span(1, start=50, end=60)
    skewed = a_span(2, 1, name="skewed", service="till", start=40, end=30)
    events = events_of([cause, skewed])
    must_be_valid(events)
    assert not any(event["ph"] in {"s", "f"} for event in events)
    assert slices(events)["skewed"]["dur"] == 0
    assert slices(events)["skewed"]["args"]["warning"] == "the span ends before it starts"


def test_concurrent_spans_have_a_lane_each() -> None:
    events = events_of([a_span(number, start=0, end=100) for number in range(1, 5_001)])
    assert len({event["tid"] for event in events}) == 5_000

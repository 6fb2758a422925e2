"""`OtlpReceiver.window`: which traces of a receiver for the whole session belong to a test."""

import time
from dataclasses import replace

from spantree import OtlpReceiver, Span
from tests.support.otlp import send
from tests.support.spans import a_span


def now(number: int, parent: int = 0, *, trace: int = 1, ago: float = 0.0, lasting: float = 0.0) -> Span:
    """A span that ended now, or some seconds `ago`."""
    end = time.time_ns() - int(ago * 1e9)
    return replace(a_span(number, parent, trace_id=f"{trace:032x}"), start=end - int(lasting * 1e9), end=end)


def seen(otlp: OtlpReceiver) -> list[int]:
    return [int(trace.trace_id, 16) for trace in otlp.traces]


def test_a_test_sees_the_traces_that_begin_in_it_and_no_late_spans_of_others() -> None:
    with OtlpReceiver() as session:
        send(session, [now(1, trace=1)])
        with session.window() as first:
            send(session, [now(2, 1, trace=1), now(1, trace=2)])
            assert seen(first) == [2]
        with session.window() as second:
            send(session, [now(2, 1, trace=2), now(1, trace=3)])
            assert seen(second) == [3]
            assert second.trace().wait().trace_id == f"{3:032x}"


def test_work_that_was_over_before_the_test_is_not_of_the_test() -> None:
    with OtlpReceiver() as session, session.window() as otlp:
        send(session, [now(1, trace=1, ago=5), now(2, 1, trace=1, ago=6)])
        send(session, [now(3, 1, trace=1)])
        assert seen(otlp) == []
        assert seen(session) == [1]


def test_a_consumer_that_waited_since_before_the_test_is_of_the_test() -> None:
    with OtlpReceiver() as session, session.window() as otlp:
        send(session, [now(1, trace=1, lasting=60)])
        assert otlp.trace().wait().trace_id == f"{1:032x}"


def test_a_traceparent_of_a_test_stays_with_it() -> None:
    with OtlpReceiver() as session:
        with session.window() as first:
            _, trace_id, span_id, _ = first.traceparent().split("-")
        with session.window() as second:
            send(session, [replace(now(1), trace_id=trace_id, parent_id=span_id)])
            assert second.traces == []

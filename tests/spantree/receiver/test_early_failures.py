"""When a wait fails before its time is up, when it must not, and what waiting costs."""

import time

import pytest

from spantree import Expectation, LateSpans, NotReceived, OtlpReceiver, Span, tree
from tests.support.otlp import send
from tests.support.spans import TRACE, a_span

OTHER = "e" * 32
HEADER = f"00-{OTHER}-{'a' * 16}-01"
CALL = "shop: GET /x (client)\n  shop: GET /x (server)"
CALLED = a_span(2, name="GET /x", kind="server", trace_id=OTHER, parent_id="a" * 16)
CALLER = a_span(1, name="GET /x", kind="client", trace_id=OTHER, span_id="a" * 16)


def test_the_callers_own_span_may_come_after_the_called_one(otlp: OtlpReceiver) -> None:
    coming = otlp.trace(traceparent=HEADER, expecting=tree(CALL))
    send(otlp, [CALLED])
    with pytest.raises(NotReceived, match=r"within 0\.1 s"):
        otlp.trace(traceparent=HEADER, expecting=tree(CALL), timeout=0.1).wait()
    send(otlp, [CALLER])
    assert coming.wait() == tree(CALL)


def test_below_a_traceparent_of_the_receiver_failures_are_told_at_once(otlp: OtlpReceiver) -> None:
    header = otlp.traceparent()
    _, trace_id, span_id, _ = header.split("-")
    coming = otlp.trace(traceparent=header, expecting=tree("shop: pay (server)"), timeout=60)
    send(otlp, [a_span(1, name="pay", kind="server", trace_id=trace_id, parent_id=span_id, failed=True)])
    with pytest.raises(NotReceived, match="can no longer become as expected"):
        coming.wait()


def a_trace(key: int, trace_id: str) -> list[Span]:
    return [a_span(1, name="root", trace_id=trace_id), a_span(2, 1, "pay", trace_id=trace_id, attributes={"k": key})]


@pytest.mark.parametrize("keys", [(1, 0), (0, 1)])
def test_callers_that_wait_at_once_do_not_fail_by_each_others_traces(otlp: OtlpReceiver, keys: tuple[int, int]) -> None:
    wanted = [tree(f"shop: root\n  shop: pay {{k={key}}}") for key in (0, 1)]
    coming = [otlp.trace(expecting=expected) for expected in wanted]
    for key in keys:
        send(otlp, a_trace(key, f"{key + 1:032x}"))
    assert [pending.wait() == expected for pending, expected in zip(coming, wanted, strict=True)] == [True, True]


def test_a_trace_that_fits_is_preferred_to_an_earlier_one_that_cannot(otlp: OtlpReceiver) -> None:
    for key in (0, 1):
        send(otlp, a_trace(key, f"{key + 1:032x}"))
    assert otlp.trace(expecting=tree("shop: root\n  shop: pay {k=1}")).wait().trace_id == f"{2:032x}"


def test_the_right_one_of_two_requests_may_come_second(otlp: OtlpReceiver) -> None:
    """A test polls until a service is healthy, say: that the first response failed is not the end."""
    healthy = tree("shop: GET /health (server) {http.response.status_code=200}")
    coming = otlp.trace(expecting=healthy)
    for status in (503, 200):
        attributes = {"http.response.status_code": status}
        seen = a_span(
            1, name="GET /health", kind="server", failed=status > 500, attributes=attributes, trace_id=f"{status:032x}"
        )
        send(otlp, [seen])
    assert coming.wait() == healthy


@pytest.mark.parametrize("status", [200, 500])
def test_a_root_that_failed_is_told_long_before_the_time_is_up(otlp: OtlpReceiver, status: int) -> None:
    attributes = {"http.response.status_code": 500}
    send(otlp, [a_span(1, name="POST /orders", kind="server", failed=True, attributes=attributes)])
    expected = tree(f"shop: POST /orders (server) {{http.response.status_code={status}}}\n  shop: pay")
    with pytest.raises(NotReceived, match="can no longer become as expected"):
        otlp.trace(expecting=expected, timeout=60).wait()


def test_a_trace_that_failed_one_caller_is_left_for_the_next(otlp: OtlpReceiver) -> None:
    send(otlp, a_trace(0, TRACE))
    with pytest.raises(NotReceived, match="can no longer become as expected"):
        otlp.trace(expecting=tree("shop: root\n  shop: pay {k=1}"), timeout=60).wait()
    assert otlp.trace(expecting=tree("shop: root\n  shop: pay {k=0}")).wait().trace_id == TRACE


def test_a_criterion_that_raises_fails_its_own_caller_only(otlp: OtlpReceiver) -> None:
    def broken(span: object) -> bool:
        raise ZeroDivisionError

    wrong = otlp.trace(where=broken, expecting=tree("shop: root"), timeout=60)
    right = otlp.trace(expecting=tree("shop: root\n  shop: pay {k=1}"), timeout=60)
    send(otlp, a_trace(0, TRACE))
    with pytest.raises(ZeroDivisionError):
        wrong.wait()
    with pytest.raises(NotReceived, match="can no longer"):
        right.wait()


def test_late_spans_of_a_trace_are_reported_once() -> None:
    with OtlpReceiver() as otlp:
        send(otlp, [a_span(1, name="root")])
        assert otlp.trace(expecting=tree("shop: root")).wait() == tree("shop: root")
        send(otlp, [a_span(2, 1, "charge")])
        with pytest.raises(LateSpans) as late:
            otlp.verify()
    assert str(late.value).count("came later") == 1


def test_comparing_a_growing_trace_leaves_the_receiver_most_of_the_time(
    otlp: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[float] = []

    def slow(*_: object, incomplete: bool) -> bool:
        compared.append(until := time.thread_time() + 0.02)
        while time.thread_time() < until:
            pass
        return False

    monkeypatch.setattr(Expectation, "has_arrived", slow)
    coming = otlp.trace(expecting=tree("shop: root\n  ...\n    shop: last"), timeout=60)
    began = time.monotonic()
    for number in range(1, 200):
        send(otlp, [a_span(number, min(number - 1, 1), "root")])
    elapsed = time.monotonic() - began
    assert 1 <= len(compared) <= elapsed / 0.1 + 2
    coming.then(print)  # it is still waiting, and the receiver ends all the same

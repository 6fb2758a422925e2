"""`OtlpReceiver.trace`: when a trace is handed out, to whom, and what a time-out reports."""

import asyncio
from collections.abc import Sequence

import grpc
import pytest

from spantree import Expectation, NotReceived, OtlpReceiver, Span, SpanTree, tree
from tests.support.otlp import EXPORT, send
from tests.support.spans import TRACE, a_span, protobuf

FAMILY = [a_span(1, name="root"), a_span(2, 1, "first"), a_span(3, 2, "below first"), a_span(4, 1, "second")]


async def test_a_trace_is_handed_out_once_when_its_last_parent_has_arrived(otlp: OtlpReceiver) -> None:
    coming = asyncio.ensure_future(_awaited(otlp))
    for span in (FAMILY[2], FAMILY[0], FAMILY[3]):
        await asyncio.to_thread(send, otlp, [span])
    assert not coming.done()
    await asyncio.to_thread(send, otlp, [FAMILY[1]])
    assert await coming == SpanTree(FAMILY)
    with pytest.raises(NotReceived, match=f"trace {TRACE}: an earlier call has returned it"):
        await otlp.trace(timeout=0.01)
    with pytest.raises(NotReceived, match="Earlier calls have returned all traces that arrived"):
        await otlp.trace(expecting=tree("shop: root\n  ..."), timeout=0.01)
    assert await otlp.trace(trace_id=TRACE) == SpanTree(FAMILY)


async def _awaited(otlp: OtlpReceiver) -> SpanTree:
    return await otlp.trace()


def test_late_spans_are_added_and_duplicates_are_dropped(otlp: OtlpReceiver) -> None:
    send(otlp, FAMILY[:1])
    first = otlp.trace().wait()
    send(otlp, FAMILY)
    send(otlp, FAMILY)
    assert len(first) == 1
    assert otlp.find(TRACE) == SpanTree(FAMILY)
    assert otlp.trace(trace_id=TRACE).wait() == SpanTree(FAMILY)
    assert otlp.find("f" * 32) is None


EXPECTED = """
shop: root
  shop: first
    shop: below first
  shop: second +
    ...
"""


async def test_an_expected_trace_is_handed_out_when_its_last_span_arrives(otlp: OtlpReceiver) -> None:
    other = a_span(7, name="heartbeat", trace_id="f" * 32)
    expected = tree(EXPECTED)
    coming = asyncio.ensure_future(_expected(otlp))
    for batch in ([FAMILY[0], other], FAMILY[2:], [a_span(8, 1, "unexpected")]):
        await asyncio.to_thread(send, otlp, batch)
        assert not coming.done()
    await asyncio.to_thread(send, otlp, [FAMILY[1]])
    trace = await coming
    assert len(trace) == 5
    assert trace != expected, "unexpected spans are reported by the comparison"


async def _expected(otlp: OtlpReceiver) -> SpanTree:
    return await otlp.trace(expecting=tree(EXPECTED))


def test_an_incomplete_repetition_is_waited_for(otlp: OtlpReceiver) -> None:
    expected = tree("shop: root\n  shop: poll +\n    bank: look")
    polls = [a_span(1, name="root"), a_span(2, 1, "poll"), a_span(3, 2, "look", "bank"), a_span(4, 1, "poll")]
    send(otlp, polls)
    with pytest.raises(NotReceived):
        otlp.trace(expecting=expected, timeout=0.01).wait()
    send(otlp, [a_span(5, 4, "look", "bank")])
    assert otlp.trace(expecting=expected, timeout=0.01).wait() == expected


LOOKS = "shop: root\n  shop: GET /x/{id} +\n    bank: look"
"""A client that polls."""


@pytest.mark.parametrize("missing", [4, 5], ids=["the second call", "its answer"])
def test_a_trace_with_a_missing_parent_is_not_handed_out(otlp: OtlpReceiver, missing: int) -> None:
    calls = [a_span(n, 1, f"GET /x/{n}000000") for n in (2, 4)]
    spans = [a_span(1, name="root"), *calls, a_span(3, 2, "look", "bank"), a_span(5, 4, "look", "bank")]
    late = [span for span in spans if span.span_id == f"{missing:016x}"]
    send(otlp, [span for span in spans if span not in late])
    with pytest.raises(NotReceived):
        otlp.trace(expecting=tree(LOOKS), timeout=0.01).wait()
    send(otlp, late)
    assert otlp.trace(expecting=tree(LOOKS)).wait() == tree(LOOKS)


def test_lines_below_dots_do_not_delay_a_trace(otlp: OtlpReceiver) -> None:
    expected = tree("shop: root\n  ...\n    shop: below first")
    send(otlp, FAMILY)
    assert otlp.trace(expecting=expected).wait() == expected


def test_a_trace_is_compared_only_once_it_may_be_complete(otlp: OtlpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Comparing with every span that arrives would take quadratic time."""
    compared: list[int] = []
    has_arrived = Expectation.has_arrived

    def counting(expected: Expectation, spans: Sequence[Span], *, incomplete: bool) -> bool:
        compared.append(1 + len(list(spans[0].descendants)))
        return has_arrived(expected, spans, incomplete=incomplete)

    monkeypatch.setattr(Expectation, "has_arrived", counting)
    expected = tree("shop: root\n  shop: step +\n  shop: last")
    coming = otlp.trace(expecting=expected)
    steps = [a_span(number, 1, "step", end=9_999) for number in range(2, 50)]
    for span in [a_span(1, name="root"), *steps, a_span(100, 1, "last")]:
        send(otlp, [span])
    assert coming.wait() == expected
    assert compared == [50]


def test_what_the_first_look_has_no_time_for_is_looked_at_later(
    otlp: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spantree.receiver.trace_waiters.FIRST_LOOK_SECONDS", -1.0)
    monkeypatch.setattr("spantree.receiver.trace_waiters.LAST_LOOK_SECONDS", -1.0)
    send(otlp, FAMILY)
    assert otlp.trace(timeout=5).wait() == SpanTree(FAMILY)


def test_a_callback_may_read_from_the_receiver(otlp: OtlpReceiver) -> None:
    seen: list[int] = []
    coming = otlp.trace()
    coming.then(lambda _: seen.append(len(otlp.traces)))
    send(otlp, FAMILY)
    coming.wait()
    assert seen == [1]


def test_a_receiver_can_be_reused_and_a_time_out_awaited_twice() -> None:
    otlp = OtlpReceiver()
    for _ in range(2):
        with otlp, grpc.insecure_channel(otlp.endpoint.removeprefix("http://")) as channel:
            channel.unary_unary(EXPORT)(protobuf(FAMILY))
            assert otlp.find(TRACE) == SpanTree(FAMILY)
            late = otlp.trace(trace_id="f" * 32, timeout=0.01)
            for _ in range(2):
                with pytest.raises(NotReceived):
                    late.wait()


def test_a_time_out_names_what_is_missing_and_shows_what_arrived(otlp: OtlpReceiver) -> None:
    send(otlp, FAMILY[:3])
    with pytest.raises(NotReceived) as late:
        otlp.trace(expecting=tree(EXPECTED), timeout=0.01).wait()
    assert (
        str(late.value)
        == f"""\
the expected trace did not arrive within 0.01 s.

The closest trace, {TRACE}:
the trace is not as expected: 1 missing  (- expected, + found)
  shop: root
    shop: first
      shop: below first
-   shop: second +   ← first difference: missing

No other trace was received."""
    )


async def test_a_time_out_without_spans_says_what_to_check(otlp: OtlpReceiver) -> None:
    with pytest.raises(NotReceived, match="was it flushed"):
        await otlp.trace(timeout=0.01)
    send(otlp, [a_span(2, 1, "orphan")])
    with pytest.raises(NotReceived, match="the parent 0000000000000001 of shop: orphan has not arrived"):
        await otlp.trace(timeout=0.01)


async def test_a_cancelled_waiter_takes_no_trace(otlp: OtlpReceiver) -> None:
    waiting = asyncio.ensure_future(_awaited(otlp))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.to_thread(send, otlp, FAMILY)
    assert await otlp.trace() == SpanTree(FAMILY)


def test_the_closest_of_many_traces_of_one_root_is_explained(otlp: OtlpReceiver) -> None:
    """A time-out compares a few only: those that have the names that are expected, not those that came first."""
    for number in range(1, 41):
        trace_id, attributes = f"{number:032x}", {"order": number}
        root = a_span(1, name="job", trace_id=trace_id, attributes=attributes)
        send(otlp, [root, *([a_span(2, 1, "pack", trace_id=trace_id)] if number > 30 else [])])
    pack_and_send = "shop: job\n  shop: pack\n  shop: send"
    with pytest.raises(NotReceived, match=f"The closest trace, {31:032x}:"):
        otlp.trace(expecting=tree(pack_and_send), timeout=0.1).wait()
    with pytest.raises(NotReceived, match=f"The closest trace, {39:032x}:"):
        otlp.trace(expecting=tree(pack_and_send.replace("job", "job {order=39}")), timeout=0.1).wait()


def test_a_text_is_no_expected_tree(otlp: OtlpReceiver) -> None:
    with pytest.raises(TypeError, match=r"expecting is str; it must be an expected tree, from tree\(...\)"):
        otlp.trace(expecting="shop: job")  # type: ignore[arg-type] # that is the mistake

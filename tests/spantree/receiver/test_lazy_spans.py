"""Spans are kept encoded until somebody asks for them, and nobody can tell."""

from dataclasses import replace

import pytest

from spantree import Link, OtlpReceiver, SpanTree, spans_from_protobuf
from tests.benchmark.receiving import bytes_at_rest
from tests.support.otlp import post, send
from tests.support.spans import TRACE, a_span, protobuf

OTHER = "b" * 32
LINK = Link(TRACE, "1" * 16)


def test_a_span_at_rest_takes_no_more_than_400_bytes() -> None:
    assert bytes_at_rest(batches=4) <= 400


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"trace_id": "0" * 32}, b"trace_id is '00000000000000000000000000000000'"),
        ({"span_id": "0" * 16}, b"span_id is '0000000000000000'"),
        ({"span_id": ""}, b"span_id is ''"),
        ({"parent_id": "abcd"}, b"parent_span_id is 'abcd'"),
        ({"parent_id": "0" * 16}, b"parent_span_id is '0000000000000000'"),
        ({"links": (LINK, Link("ab", LINK.span_id))}, b"links[].trace_id is 'ab'"),
        ({"links": (Link(TRACE, "ab"),)}, b"links[].span_id is 'ab'"),
    ],
)
def test_an_invalid_id_is_refused_at_once_with_its_field(
    otlp: OtlpReceiver, changed: dict[str, object], field: bytes
) -> None:
    status, answer = post(otlp, protobuf([a_span(1), replace(a_span(2, 1), **changed)]))  # type: ignore[arg-type]
    assert status == 400
    assert field in answer
    assert otlp.traces == []


def test_what_is_decoded_late_is_what_was_sent(otlp: OtlpReceiver) -> None:
    spans = [
        a_span(1, attributes={"a": [1, {"b": 2.5}], "c": b"d", "n": None}, failed=True, message="no"),
        a_span(2, 1, links=(LINK,), kind="server"),
        a_span(1, trace_id=OTHER, service="bank"),
    ]
    send(otlp, spans)
    assert otlp.traces == [SpanTree(spans[:2]), SpanTree(spans[2:])]
    assert [span for trace in otlp.traces for span in trace.spans] == spans_from_protobuf(protobuf(spans))


def test_a_trace_that_was_handed_out_does_not_change(otlp: OtlpReceiver) -> None:
    send(otlp, [a_span(1), a_span(1, trace_id=OTHER, links=(Link(TRACE, a_span(1).span_id),))])
    trace = otlp.trace(trace_id=TRACE).wait()
    send(otlp, [a_span(2, 1), a_span(2, 1, trace_id=OTHER, links=(Link(TRACE, a_span(1).span_id),))])
    assert len(trace) == 1
    assert [follower.span_id for follower in trace.spans[0].followers] == [a_span(1).span_id]
    assert [len(later) for later in otlp.traces] == [2, 2]


def test_equal_keys_values_and_resources_share_memory(otlp: OtlpReceiver) -> None:
    for trace_id in (TRACE, OTHER):
        send(otlp, [a_span(1, trace_id=trace_id, attributes={"shop.order.state": "handed to the carrier"})])
    first, second = (trace.spans[0] for trace in otlp.traces)
    assert first.resource is second.resource
    assert first.name is second.name
    [(key, value)], [(same_key, same_value)] = first.attributes.items(), second.attributes.items()
    assert key is same_key
    assert value is same_value

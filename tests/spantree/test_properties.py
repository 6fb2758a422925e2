"""What holds for any forest of spans, however strange: hypothesis makes them up."""

import json
import random
import urllib.request
from itertools import pairwise

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from spantree import (
    OtlpReceiver,
    Span,
    SpanTree,
    otlp_json,
    spans_from_json,
    spans_from_protobuf,
    tree,
    trees,
)
from tests.support.spans import forests, protobuf

relaxed = settings(
    deadline=None,
    max_examples=10,
    phases=[phase for phase in Phase if phase is not Phase.explain],  # which takes minutes
    suppress_health_check=[HealthCheck.too_slow],  # a busy machine is no failure
)
ORDERS = st.randoms(use_true_random=False)


def post(otlp: OtlpReceiver, body: bytes, kind: str) -> None:
    request = urllib.request.Request(  # noqa: S310 - it is our own
        f"{otlp.endpoint}/v1/traces", body, {"Content-Type": f"application/{kind}"}
    )
    with urllib.request.urlopen(request) as response:  # noqa: S310 - as above
        assert response.status == 200


def by_id(forest: list[SpanTree]) -> dict[str, SpanTree]:
    return {trace.trace_id: trace for trace in forest}


@relaxed
@given(forests())
def test_spans_survive_protobuf_and_json(spans: list[Span]) -> None:
    key = {(span.trace_id, span.span_id): span for span in spans}
    for read in (spans_from_protobuf(protobuf(spans)), spans_from_json(json.dumps(otlp_json(spans)))):
        assert {(span.trace_id, span.span_id): span for span in read} == key


@given(forests(), ORDERS)
@relaxed
def test_shuffled_duplicated_and_delayed_spans_give_the_same_trees(spans: list[Span], order: random.Random) -> None:
    expected = by_id(trees(spans))
    with OtlpReceiver() as otlp:
        late = order.sample(spans, len(spans))
        cut = order.randint(0, len(spans))
        post(otlp, protobuf(late[:cut]), "x-protobuf")
        post(otlp, json.dumps(otlp_json(late + order.sample(spans, len(spans)))).encode(), "json")
        assert by_id(otlp.traces) == expected
        for trace_id, trace in expected.items():
            if len({span.start for span in trace.spans}) == len(trace):  # or nobody knows their order
                assert str(otlp.find(trace_id)) == str(trace)


@given(forests())
@relaxed
def test_any_trace_survives_text_and_back(spans: list[Span]) -> None:
    for trace in trees(spans):
        text = str(trace)
        assert trace.matches(tree(text))
        assert tree(text).size == len(trace)
        assert tree(text).updated(trace.roots) == f"{text}\n"


@given(forests(), ORDERS)
@relaxed
def test_any_expected_tree_is_brought_up_to_date_with_any_trace(spans: list[Span], order: random.Random) -> None:
    """Also where they have nothing in common; and the difference can be told."""
    traces = trees(spans)
    one, other = order.choice(traces), order.choice(traces)
    expected = tree(str(one))
    assert other == tree(expected.updated(other.roots))
    difference = expected.difference(other.roots)
    assert (difference is None) is (other == expected)
    if difference is not None:
        assert str(difference).startswith("the trace is not as expected: ")
        assert "first difference" in str(difference)


@given(forests(largest=60))
@relaxed
def test_what_is_asked_of_any_trace_is_answered(spans: list[Span]) -> None:
    for trace in trees(spans):
        assert len(list(trace.walk())) == len(trace) == len(trace.all())
        path = trace.critical_path()
        assert all(earlier.end == later.start for earlier, later in pairwise(path))
        assert all(span.self_time <= max(span.duration, 0) for span in trace.spans)
        assert all(child.parent is span for span in trace.spans for child in span.children)
        for finding in trace.check():
            assert finding.problem
            assert finding.remedy
        for (cause, effect), hops in trace.edges().items():
            assert {(hop.cause.service, hop.effect.service) for hop in hops} == {(cause, effect)}

"""Properties of any forest of spans, however strange. Hypothesis generates them."""

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
    max_examples=20,
    phases=[phase for phase in Phase if phase is not Phase.explain],  # explaining a failure takes minutes
    suppress_health_check=[HealthCheck.too_slow],  # the machine may be busy
)
ORDERS = st.randoms(use_true_random=False)


def post(otlp: OtlpReceiver, body: bytes, kind: str) -> None:
    request = urllib.request.Request(  # noqa: S310 - http only
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
def test_order_duplicates_and_delays_do_not_change_the_trees(spans: list[Span], order: random.Random) -> None:
    expected = by_id(trees(spans))
    with OtlpReceiver() as otlp:
        late = order.sample(spans, len(spans))
        cut = order.randint(0, len(spans))
        post(otlp, protobuf(late[:cut]), "x-protobuf")
        post(otlp, json.dumps(otlp_json(late + order.sample(spans, len(spans)))).encode(), "json")
        assert by_id(otlp.traces) == expected
        for trace_id, trace in expected.items():
            if len({span.start for span in trace.spans}) == len(trace):  # ties have no order
                assert str(otlp.find(trace_id)) == str(trace)


@given(forests())
@relaxed
def test_any_trace_fits_its_own_text_in_full_and_with_repetitions(spans: list[Span]) -> None:
    for trace in trees(spans):
        text = str(trace)
        assert trace.matches(tree(text))
        assert tree(text).size == len(trace)
        assert tree(text).updated(trace.roots) == f"{text}\n"
        assert trace.matches(tree(trace.as_tree_text()))


@given(forests(), ORDERS)
@relaxed
def test_any_expected_tree_can_be_updated_from_any_trace(spans: list[Span], order: random.Random) -> None:
    """Holds even for a tree and a trace that have nothing in common."""
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
def test_every_question_about_any_trace_has_an_answer(spans: list[Span]) -> None:
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

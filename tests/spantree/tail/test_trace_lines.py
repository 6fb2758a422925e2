"""The line that is printed for a trace."""

import json

from spantree import Span
from spantree.tail import KeptTraces, json_line, text_line
from spantree.tail.kept_traces import receive
from spantree.tail.received_trace import ReceivedTrace
from tests.support.spans import a_span


def received(*spans: Span) -> ReceivedTrace:
    [trace] = receive(KeptTraces(1), spans, 0.0).by_id.values()
    return trace


def test_the_error_that_is_named_is_the_lowest_although_spans_between_succeed() -> None:
    """A boot fails so: its root is in error, the request was accepted, and a call behind a message has failed."""
    trace = received(
        a_span(1, name="create", failed=True, attributes={"error.type": "ServerInError"}),
        a_span(2, 1, "publish", "api"),
        a_span(3, 2, "process", "compute"),
        a_span(4, 3, "download", "compute", failed=True, attributes={"error.type": "404"}),
        a_span(5, 3, "clean up", "compute", failed=True, attributes={"error.type": "late"}),
    )
    assert " · error in compute: download !404" in text_line(trace, update=False)
    assert json.loads(json_line(trace, update=False))["culprit"] == {
        "service": "compute",
        "name": "download",
        "error_type": "404",
    }


def test_an_error_is_named_although_the_parents_form_a_circle() -> None:
    circle = received(a_span(1, 2, "one", failed=True), a_span(2, 1, "two", failed=True))
    assert "error in shop: one" in text_line(circle, update=False)

"""Context in headers."""

from opentelemetry import baggage
from opentelemetry.trace import get_current_span

from emulator.instrumentation import BAGGAGE_LIMIT_BYTES, attached, extract, inject, span
from tests.instrumentation.conftest import Traced


def test_headers_without_context_do_not_inherit_the_current_one(traced: Traced) -> None:
    with span(traced.tracer("shop"), "work"):
        assert not get_current_span(extract({})).get_span_context().is_valid


def test_context_and_baggage_travel_in_headers(traced: Traced) -> None:
    headers: dict[str, str] = {"baggage": "team=demo"}
    with attached(extract(headers)), span(traced.tracer("shop"), "work") as begun:
        inject(headers)
    received = extract(headers)
    assert get_current_span(received).get_span_context().span_id == begun.get_span_context().span_id
    assert baggage.get_all(received) == {"team": "demo"}


def test_baggage_beyond_the_limit_is_dropped() -> None:
    assert baggage.get_all(extract({"baggage": f"a={'x' * BAGGAGE_LIMIT_BYTES}"})) == {}

"""Failures on spans: named stably, and recorded once."""

import asyncio

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import Tracer

from emulator.instrumentation import error_type, span
from tests.instrumentation.conftest import Traced


class SoldOut(Exception):
    """Named by its project."""

    error_type = "shop.SoldOut"


class Unnamed(Exception):
    """Named by its place."""


@pytest.mark.parametrize(
    ("error", "name"),
    [(SoldOut(), "shop.SoldOut"), (TimeoutError(), "TimeoutError"), (Unnamed(), f"{__name__}.Unnamed")],
    ids=["its own name", "a builtin", "the qualified name"],
)
def test_error_type_is_the_exceptions_own_or_its_class_name(error: Exception, name: str) -> None:
    assert error_type(error) == name


def order(tracer: Tracer) -> None:
    with span(tracer, "order"):
        try:
            reserve(tracer)
        except SoldOut as cause:
            raise RuntimeError("order failed") from cause


def reserve(tracer: Tracer) -> None:
    with span(tracer, "reserve"):
        raise SoldOut("no copy is left")


def test_only_the_innermost_span_has_the_exception_event(traced: Traced) -> None:
    with pytest.raises(RuntimeError, match="order failed"):
        order(traced.tracer("shop"))
    outer, inner = traced.one("order"), traced.one("reserve")
    assert (outer.error_type, inner.error_type) == ("RuntimeError", "shop.SoldOut")
    assert [event.name for event in inner.events] == ["exception"]
    assert outer.events == ()


def test_a_message_that_utf_8_cannot_encode_does_not_cost_the_batch() -> None:
    with pytest.raises(SoldOut), span(TracerProvider().get_tracer("shop"), "reserve") as reserving:
        raise SoldOut("title \udcff")
    assert b"title ?" in encode_spans([reserving]).SerializeToString()  # type: ignore[list-item]


def events(traced: Traced) -> dict[str, list[object]]:
    """Return the types of the recorded exceptions by span."""
    return {span.name: [event.attributes["exception.type"] for event in span.events] for span in traced.spans}


def test_exceptions_that_cause_each_other_are_recorded_once(traced: Traced) -> None:
    tracer, error = traced.tracer("shop"), SoldOut("no copy is left")
    error.__cause__ = RuntimeError("order failed")
    error.__cause__.__cause__ = error
    with pytest.raises(SoldOut), span(tracer, "order"), span(tracer, "reserve"):
        raise error
    assert events(traced) == {"reserve": ["shop.SoldOut"], "order": []}


def fall_back(tracer: Tracer) -> None:
    try:
        reserve(tracer)
    except SoldOut:
        with span(tracer, "reprint"):
            raise RuntimeError("no paper is left")  # noqa: B904 - its context is what is tested


def test_a_fallback_that_fails_too_has_its_own_event(traced: Traced) -> None:
    tracer = traced.tracer("shop")
    with pytest.raises(RuntimeError, match="no paper is left"), span(tracer, "order"):
        fall_back(tracer)
    assert events(traced) == {"reserve": ["shop.SoldOut"], "reprint": ["RuntimeError"], "order": []}


def test_an_exception_that_fails_two_traces_is_recorded_in_both(traced: Traced) -> None:
    tracer, shared = traced.tracer("shop"), SoldOut("no copy is left")
    for name in ("first order", "second order"):
        with pytest.raises(SoldOut), span(tracer, name):
            raise shared
    assert events(traced) == {"first order": ["shop.SoldOut"], "second order": ["shop.SoldOut"]}


async def order_two(tracer: Tracer) -> None:
    async def reserve_one() -> None:
        reserve(tracer)

    with span(tracer, "order"):
        async with asyncio.TaskGroup() as both:
            both.create_task(reserve_one())
            both.create_task(reserve_one())


async def test_a_group_of_recorded_exceptions_has_no_event(traced: Traced) -> None:
    with pytest.raises(ExceptionGroup):
        await order_two(traced.tracer("shop"))
    assert traced.one("order").error_type == "ExceptionGroup"
    assert traced.one("order").events == ()


class Unprintable(Exception):
    """Its message cannot be made."""

    def __str__(self) -> str:
        raise ValueError


def test_an_exception_without_a_printable_message_is_passed_on(traced: Traced) -> None:
    with pytest.raises(Unprintable), span(traced.tracer("shop"), "order"):
        raise Unprintable
    assert traced.one("order").failed
    assert traced.one("order").events[0].attributes["exception.message"] == "<exception str() failed>"


def test_an_unsampled_span_costs_no_stack_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("traceback.format_exception", lambda _: pytest.fail("a stack trace was formatted"))
    with pytest.raises(SoldOut):
        reserve(TracerProvider(sampler=ALWAYS_OFF).get_tracer("shop"))

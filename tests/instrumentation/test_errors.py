"""Failures on spans: named stably, and recorded once."""

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
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

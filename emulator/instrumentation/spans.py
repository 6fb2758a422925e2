"""One span around a block of code: current while the block runs, failed if an exception leaves it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry.trace import INVALID_SPAN, Link, Span, SpanKind, Tracer, set_span_in_context, use_span

from emulator.instrumentation.errors import record_error

__all__ = ["AttributeValue", "Attributes", "present", "span"]

AttributeValue = str | bool | int | float | Sequence[str]
Attributes = Mapping[str, AttributeValue]


@contextmanager
def span(
    tracer: Tracer,
    name: str,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes | None = None,
    links: Sequence[Link] = (),
    *,
    root: bool = False,
) -> Iterator[Span]:
    """Begin a span below the current one, or with `root` a trace of its own, and make it current.

    Pass `attributes` here rather than setting them later: samplers decide by what is known at the start.
    """
    begun = tracer.start_span(
        name,
        context=set_span_in_context(INVALID_SPAN) if root else None,
        kind=kind,
        attributes=attributes,
        links=links,
    )
    # use_span could record exceptions itself, but it would do so on every span that the exception passes.
    with use_span(begun, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield begun
        except Exception as error:  # a CancelledError is not an Exception: who cancels does not fail
            record_error(begun, error)
            raise


def present(attributes: Mapping[str, AttributeValue | None]) -> dict[str, AttributeValue]:
    """Leave out what is None: an attribute without a value is not set at all."""
    return {name: value for name, value in attributes.items() if value is not None}

"""One span around a block of code: current while the block runs, failed if an exception leaves it."""

import sys
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
    """Begin a child of the current span, or with `root` a new trace, and make it current while the block lasts.

    Pass `attributes` here rather than setting them later: samplers see only those known at the start.
    """
    handled = sys.exception()
    begun = tracer.start_span(
        name,
        context=set_span_in_context(INVALID_SPAN) if root else None,
        kind=kind,
        attributes=attributes,
        links=links,
    )
    # use_span can record exceptions itself, but would do so on every span that an exception passes through.
    with use_span(begun, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield begun
        except Exception as error:  # CancelledError is not an Exception: cancelling is no failure
            record_error(begun, error, handled=handled)
            raise


def present(attributes: Mapping[str, AttributeValue | None]) -> dict[str, AttributeValue]:
    """Return the attributes whose value is not None: an attribute without a value must not be set."""
    return {name: value for name, value in attributes.items() if value is not None}

"""Context in headers: how a trace and its baggage get from one process to the next.

W3C Trace Context, sections 2 and 3 (traceparent, tracestate); W3C Baggage, section 3. `OTEL_PROPAGATORS` selects the
formats.
"""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from enum import StrEnum

from opentelemetry import baggage, context, propagate
from opentelemetry.context import Context

__all__ = ["BAGGAGE_LIMIT_BYTES", "Inject", "MessagingContext", "attached", "extract", "inject"]

BAGGAGE_LIMIT_BYTES = 8192
"""The size up to which W3C Baggage, section 3.3.2, requires propagation. Larger baggage is dropped."""


class MessagingContext(StrEnum):
    """How the span that processes a message is related to the span that published it."""

    PARENT = "parent"
    """It is a child of the publish span."""
    LINK = "link"
    """It begins a new trace, and links to the publish span."""
    BOTH = "both"
    """It is a child of the publish span, and links to it."""


Inject = Callable[[MutableMapping[str, str]], None]
"""Writes the current context into headers."""


def inject(headers: MutableMapping[str, str]) -> None:
    """Write the current trace context and baggage into the headers of a request or a message."""
    propagate.inject(headers)


def extract(headers: Mapping[str, str]) -> Context:
    """Return the context in headers with lower-case names. If there is none, the next span begins a trace."""
    # Starts from an empty context: otherwise the current one would leak into a request that brings none.
    extracted = propagate.extract(headers, context=Context())
    return baggage.clear(extracted) if len(headers.get("baggage", "")) > BAGGAGE_LIMIT_BYTES else extracted


@contextmanager
def attached(received: Context) -> Iterator[None]:
    """Make a context from another process current while the block lasts, including its baggage."""
    token = context.attach(received)
    try:
        yield
    finally:
        context.detach(token)

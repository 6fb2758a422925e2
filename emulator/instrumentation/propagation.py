"""Context in headers: how a trace and its baggage cross from one process to the next.

W3C Trace Context, sections 2 and 3 (traceparent, tracestate); W3C Baggage, section 3. Which formats are read and
written is the SDK's business: `OTEL_PROPAGATORS`.
"""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from enum import StrEnum

from opentelemetry import baggage, context, propagate
from opentelemetry.context import Context

__all__ = ["BAGGAGE_LIMIT_BYTES", "Inject", "MessagingContext", "attached", "extract", "inject"]

BAGGAGE_LIMIT_BYTES = 8192
"""The size that W3C Baggage, section 3.3.2, requires to be passed on. Larger baggage is dropped."""


class MessagingContext(StrEnum):
    """How the span that processes a message is related to the span that published it."""

    PARENT = "parent"
    """It is its child."""
    LINK = "link"
    """It begins a trace of its own, and links to it."""
    BOTH = "both"
    """It is its child, and links to it."""


Inject = Callable[[MutableMapping[str, str]], None]
"""Writes the current context into headers."""


def inject(headers: MutableMapping[str, str]) -> None:
    """Write the current trace context and baggage into the headers of a request or a message."""
    propagate.inject(headers)


def extract(headers: Mapping[str, str]) -> Context:
    """Return the context in headers, whose names are in lower case. Without any, the next span begins a trace."""
    # An empty context to start from: else what is current here would leak into a request that brings no context.
    extracted = propagate.extract(headers, context=Context())
    return baggage.clear(extracted) if len(headers.get("baggage", "")) > BAGGAGE_LIMIT_BYTES else extracted


@contextmanager
def attached(received: Context) -> Iterator[None]:
    """Make a context that came from another process the current one, so that its baggage is there as well."""
    token = context.attach(received)
    try:
        yield
    finally:
        context.detach(token)

"""Lint rules about what connects services: calls without a server span, messages without a consumer, wrong kinds."""

from collections.abc import Iterator, Sequence
from itertools import chain

from spantree.hops import receives, sends
from spantree.lint.problems import Problems
from spantree.span import Span

__all__ = ["clients_without_server", "got_response", "never_processed", "no_carrier", "wrong_kind"]

CALLS = frozenset({"http.request.method", "http.method", "rpc.system.name", "rpc.system"})
NOT_CALLS = frozenset({"messaging.system", "db.system.name", "db.system"})
"""Brokers and databases export no spans, even if they are called over HTTP."""
KINDS = {
    "create": ("producer",),
    "send": ("producer", "client"),
    "receive": ("client", "consumer"),
    "process": ("consumer",),
    "settle": ("client",),
}
"""The kinds that a messaging span may have, by its messaging.operation.type (messaging conventions, "Span kind")."""


def clients_without_server(spans: Sequence[Span]) -> Problems:
    """Find calls that were answered, but whose server has no span in the trace."""
    for span in spans:
        if _is_call(span) and got_response(span) and not any(_shows_arrival(effect, span) for effect in _effects(span)):
            peer = span.attributes.get("server.address", span.attributes.get("net.peer.name", "its server"))
            problem = f"was answered by {peer}, but no server span is below it"
            remedy = (
                "Instrument the server, have the client inject traceparent and proxies forward it, and wait until the "
                "server has exported. If the server belongs to somebody else, ignore this rule."
            )
            yield span, problem, remedy


def never_processed(spans: Sequence[Span]) -> Problems:
    """Find published messages that no span receives."""
    received = {
        span.span_id
        for span in spans
        if sends(span) and any(receives(effect) or effect.service != span.service for effect in _effects(span))
    }
    for span in spans:
        if span.kind != "producer" or span.failed or not received.isdisjoint((span.span_id, span.parent_id)):
            continue
        # If two spans stand for one message (a library inside a library, or a "create" span), only the inner counts.
        if not any(sends(other) for other in (*span.children, *span.linked)):
            remedy = (
                "Look at the queue: is it bound, and is a consumer running? If the message was processed, inject the "
                "context into its headers, and make the consumer's span a child of this one or link to it."
            )
            yield span, "no span that receives the message is below it or links to it", remedy


def no_carrier(spans: Sequence[Span]) -> Problems:
    """Find parents in another service that are neither a call nor a message."""
    for span in spans:
        parent = span.parent
        if parent is None or parent.service == span.service:
            continue
        if (parent.kind, span.kind) != ("client", "server") and not (sends(parent) and receives(span)):
            problem = f"is of kind {span.kind}, but its parent in another service, {parent}, is of kind {parent.kind}"
            remedy = (
                "A client span leads to a server span, a producer span to a consumer span: correct the kinds, or add "
                "the span that is missing in between. If the context was passed in memory or by hand, send it in "
                "headers."
            )
            yield span, problem, remedy


def wrong_kind(spans: Sequence[Span]) -> Problems:
    """Find messaging spans whose kind contradicts their messaging.operation.type."""
    for span in spans:
        operation = str(span.attributes.get("messaging.operation.type", ""))
        kinds = KINDS.get(operation, (span.kind,))
        if span.kind not in kinds:
            problem = f"is of kind {span.kind}, but its messaging.operation.type is {operation}"
            remedy = (
                f"Make it a {' or '.join(kinds)} span (semantic conventions for messaging, span kind): backends "
                "recognise messages, and which services they connect, from the kind alone."
            )
            yield span, problem, remedy


def got_response(span: Span) -> bool:
    """Return whether a client span was answered: it succeeded, or failed with a status code."""
    return not span.failed or span.status is not None


def _is_call(span: Span) -> bool:
    """Return whether a span calls a server that could have a span of its own."""
    names = span.attributes.keys()
    return span.kind == "client" and not CALLS.isdisjoint(names) and NOT_CALLS.isdisjoint(names)


def _shows_arrival(effect: Span, call: Span) -> bool:
    """Return whether a span caused by a call shows its arrival, or is the same call by a library inside the library.

    In the second case only the inner call counts.
    """
    return effect.kind == "server" or effect.service != call.service or _is_call(effect)


def _effects(span: Span) -> Iterator[Span]:
    return chain(span.children, span.followers)

"""Whom a client span calls: the span that answers it, or a peer that left no span and is known by attributes alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from spantree import Span, SpanTree, receives, sends

__all__ = [
    "Address",
    "Callees",
    "bus_name",
    "find_callees",
    "is_call",
    "is_settling",
    "peer",
    "peer_name",
    "stands_for_peer",
]

PEERS = ("service.peer.name", "peer.service")
DATABASES = ("db.system.name", "db.system")
OTHERS = ("rpc.service", "faas.invoked_name")
"""The attributes that name a peer, from the best to the worst. `db.system`, `peer.service` and `net.peer.*` are the
names from before the conventions became stable."""

Address = tuple[str, str]
"""Host and port."""


@dataclass(frozen=True, slots=True)
class Callees:
    """The span that answers each call, by the call's id; the ids of those spans; and where the services are."""

    answers: Mapping[str, Span]
    answering: frozenset[str]
    addresses: Mapping[Address, str]
    services: frozenset[str]

    def service(self, call: Span) -> str | None:
        """Return the service that a client span calls, as far as spans of this trace tell."""
        if (answer := self.answers.get(call.span_id)) is not None:
            return answer.service
        address = _address(call)
        named = _first(call, PEERS) or address[0]
        return self.addresses.get(address) or (named if named in self.services else None)


def find_callees(trace: SpanTree) -> Callees:
    """Find who answers each call: the first span below it that is a server's or another service's."""
    answers = {
        span.span_id: answer
        for span in trace.spans
        if is_call(span)
        for answer in [next((child for child in span.children if _answers(child, span)), None)]
        if answer is not None
    }
    addresses = {_address(span): span.service for span in trace.spans if span.kind == "server"}
    addresses |= {_address(span): answers[span.span_id].service for span in trace.spans if span.span_id in answers}
    addresses.pop(("", ""), None)  # spans without an address share none
    answering = frozenset(answer.span_id for answer in answers.values())
    return Callees(answers, answering, addresses, frozenset(trace.services))


def is_call(span: Span) -> bool:
    """Return whether a span asks another service for something and waits for the answer."""
    return span.kind == "client" and not (sends(span) or receives(span) or is_settling(span))


def is_settling(span: Span) -> bool:
    """Return whether a span acknowledges or rejects a message.

    https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/#operation-types
    """
    return span.attributes.get("messaging.operation.type") == "settle"


def stands_for_peer(span: Span) -> bool:
    """Return whether a client span of a database is directly below another service, and so stands for the database.

    Programs that give each of their databases a service name make such spans, as Jaeger's HotROD does.
    """
    return (
        is_call(span)
        and bool(_first(span, DATABASES))
        and span.parent is not None
        and span.parent.service != span.service
    )


def bus_name(span: Span) -> str:
    """Return the messaging system of a span; "" if unknown. RabbitMQ is named for its protocol."""
    system = _first(span, ("messaging.system",))
    return "AMQP bus" if system == "rabbitmq" else system


def peer(call: Span) -> str:
    """Return the peer of a client span by its service or the kind of its system, without an address; "" if unknown."""
    return _first(call, PEERS) or bus_name(call) or _first(call, DATABASES)


def peer_name(call: Span) -> str:
    """Return the full name of a peer: its service, its messaging system, or its database and address; "" if unknown."""
    address = ":".join(part for part in _address(call) if part)
    database = " ".join(part for part in (_first(call, DATABASES), address) if part)
    return _first(call, PEERS) or bus_name(call) or database or _first(call, OTHERS)


def _answers(child: Span, call: Span) -> bool:
    if receives(child) or sends(child) or is_settling(child):
        return False
    # instrumentation that sets no kind is common, so any span of another service counts as an answer
    return child.kind == "server" or child.service != call.service


def _address(span: Span) -> Address:
    host = _first(span, ("server.address", "net.peer.name"))
    return (host, _first(span, ("server.port", "net.peer.port"))) if host else _address_in_url(span)


def _address_in_url(span: Span) -> Address:
    try:
        parts = urlsplit(_first(span, ("url.full", "http.url")))
        return parts.hostname or "", str(parts.port or "")
    except ValueError:  # a span may hold anything
        return "", ""


def _first(span: Span, names: tuple[str, ...]) -> str:
    return next((str(value) for name in names if (value := span.attributes.get(name))), "")

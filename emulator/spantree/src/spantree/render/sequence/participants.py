"""Who takes part: the service of a span, the one that a call reached, and the bus that a message crossed."""

from collections.abc import Mapping
from dataclasses import dataclass

from spantree import Span, SpanTree, receives, sends
from spantree.render.sequence.diagram import Actor
from spantree.render.sequence.texts import named

__all__ = ["CALLER", "Cast", "actor", "bus", "find_cast", "is_call", "is_settling", "is_work"]

CALLER = Actor("caller", "caller")
NAMED = ("service.peer.name", "peer.service")
STORES = ("db.system.name", "db.system", "rpc.service", "faas.invoked_name")
LONGEST_NAME = 28


@dataclass(frozen=True, slots=True)
class Cast:
    """Which span answers each call, and which service is behind each address."""

    answers: Mapping[str, Span]
    answering: frozenset[str]
    addresses: Mapping[tuple[str, str], Actor]

    def callee(self, call: Span) -> Actor:
        """Return whom a client span called, also if that left no span."""
        answer = self.answers.get(call.span_id)
        if answer is not None:
            return actor(answer)
        known = self.addresses.get(_address(call))
        return known or Actor(named(_elsewhere(call), LONGEST_NAME), "stranger")


def find_cast(trace: SpanTree) -> Cast:
    """Find who answers whom: the first span below a call that is another's, or a server's."""
    answers = {
        span.span_id: answer
        for span in trace.spans
        if is_call(span)
        for answer in [next((below for below in span.children if _answers(below, span)), None)]
        if answer is not None
    }
    addresses = {_address(span): actor(span) for span in trace.spans if span.kind == "server"}
    addresses |= {_address(span): actor(answers[span.span_id]) for span in trace.spans if span.span_id in answers}
    addresses.pop(("", ""), None)
    return Cast(answers, frozenset(answer.span_id for answer in answers.values()), addresses)


def actor(span: Span) -> Actor:
    """Return the lifeline of a span's service."""
    return Actor(named(span.service, LONGEST_NAME))


def bus(span: Span) -> Actor:
    """Return the bus that a message span speaks to."""
    system = str(span.attributes.get("messaging.system", "rabbitmq"))
    return Actor("AMQP bus" if system == "rabbitmq" else named(system, LONGEST_NAME), "bus")


def is_call(span: Span) -> bool:
    """Whether a span asks another service for something and waits for the answer."""
    return span.kind == "client" and not (sends(span) or receives(span) or is_settling(span))


def is_settling(span: Span) -> bool:
    """Whether a span tells a broker what became of a message."""
    return span.attributes.get("messaging.operation.type") == "settle"


def is_work(span: Span) -> bool:
    """Whether a span is work within its service: of no other kind, and not caused by another service."""
    if span.kind not in {"internal", "unspecified"} or sends(span) or receives(span):
        return False
    return span.parent is None or span.parent.service == span.service


def _answers(below: Span, call: Span) -> bool:
    if receives(below) or sends(below):
        return False
    return below.kind == "server" or (below.service != call.service and below.kind in {"internal", "unspecified"})


def _address(span: Span) -> tuple[str, str]:
    host = span.attributes.get("server.address", span.attributes.get("net.peer.name", ""))
    return str(host), str(span.attributes.get("server.port", span.attributes.get("net.peer.port", "")))


def _elsewhere(call: Span) -> str:
    for name in NAMED:
        if call.attributes.get(name):
            return str(call.attributes[name])
    where = ":".join(part for part in _address(call) if part)
    return where or next((str(call.attributes[name]) for name in STORES if call.attributes.get(name)), "somewhere")

"""The participants of a sequence diagram: the service of a span, the callee of a call, the bus of a message."""

from collections.abc import Mapping
from dataclasses import dataclass

from spantree import Span, SpanTree, receives, sends
from spantree.render.captions import shorten_name
from spantree.render.sequence.diagram import Participant

__all__ = ["CALLER", "Callees", "bus", "find_callees", "is_call", "is_settling", "is_work", "participant"]

CALLER = Participant("caller", "caller")
"""Stands for a client that called a service and left no span."""
PEER_ATTRIBUTES = ("service.peer.name", "peer.service")
SYSTEM_ATTRIBUTES = ("db.system.name", "db.system", "rpc.service", "faas.invoked_name")
LONGEST_NAME = 28

Address = tuple[str, str]
"""Host and port."""


@dataclass(frozen=True, slots=True)
class Callees:
    """The span that answers each call, by the call's id; the ids of those spans; and the service at each address."""

    answers: Mapping[str, Span]
    answering: frozenset[str]
    addresses: Mapping[Address, Participant]

    def of(self, call: Span) -> Participant:
        """Return the callee of a client span, even if the callee left no span itself."""
        answer = self.answers.get(call.span_id)
        if answer is not None:
            return participant(answer)
        known = self.addresses.get(_address(call))
        return known or Participant(shorten_name(_external_name(call), LONGEST_NAME), "external")


def find_callees(trace: SpanTree) -> Callees:
    """Find who answers each call: the first span below it that is a server's or another service's."""
    answers = {
        span.span_id: answer
        for span in trace.spans
        if is_call(span)
        for answer in [next((child for child in span.children if _answers(child, span)), None)]
        if answer is not None
    }
    addresses = {_address(span): participant(span) for span in trace.spans if span.kind == "server"}
    addresses |= {_address(span): participant(answers[span.span_id]) for span in trace.spans if span.span_id in answers}
    addresses.pop(("", ""), None)  # spans without an address share none
    return Callees(answers, frozenset(answer.span_id for answer in answers.values()), addresses)


def participant(span: Span) -> Participant:
    """Return the service of a span as a participant."""
    return Participant(shorten_name(span.service, LONGEST_NAME))


def bus(span: Span) -> Participant:
    """Return the bus that a messaging span talks to: its messaging system. RabbitMQ is named for its protocol."""
    system = str(span.attributes.get("messaging.system") or "message bus")
    return Participant("AMQP bus" if system == "rabbitmq" else shorten_name(system, LONGEST_NAME), "bus")


def is_call(span: Span) -> bool:
    """Return whether a span asks another service for something and waits for the answer."""
    return span.kind == "client" and not (sends(span) or receives(span) or is_settling(span))


def is_settling(span: Span) -> bool:
    """Return whether a span acknowledges or rejects a message.

    https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/#operation-types
    """
    return span.attributes.get("messaging.operation.type") == "settle"


def is_work(span: Span) -> bool:
    """Return whether a span is work within its service, not caused by another service."""
    if span.kind not in {"internal", "unspecified"} or sends(span) or receives(span):
        return False
    return span.parent is None or span.parent.service == span.service


def _answers(child: Span, call: Span) -> bool:
    if receives(child) or sends(child):
        return False
    # instrumentation that sets no kind is common, so any span of another service counts as an answer
    return child.kind == "server" or (child.service != call.service and child.kind in {"internal", "unspecified"})


def _address(span: Span) -> Address:
    # net.peer.* are the names from before the conventions became stable
    host = span.attributes.get("server.address", span.attributes.get("net.peer.name", ""))
    return str(host), str(span.attributes.get("server.port", span.attributes.get("net.peer.port", "")))


def _external_name(call: Span) -> str:
    """Return the best name of a callee that left no span: its service, its address, or what kind of system it is."""
    address = ":".join(part for part in _address(call) if part)
    peers, systems = ([call.attributes.get(name) for name in names] for names in (PEER_ATTRIBUTES, SYSTEM_ATTRIBUTES))
    return str(next((name for name in (*peers, address, *systems) if name), "unknown"))

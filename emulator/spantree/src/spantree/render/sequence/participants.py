"""The participants of a sequence diagram: the service of a span, the callee of a call, the bus of a message."""

from spantree import Span, receives, sends
from spantree.render.captions import shorten_name
from spantree.render.peers import Callees, bus_name, peer_name, stands_for_peer
from spantree.render.sequence.diagram import Participant

__all__ = ["CALLER", "bus", "callee", "is_work", "participant"]

CALLER = Participant("caller", "caller")
"""Stands for a client that called a service and left no span."""
LONGEST_NAME = 28


def participant(span: Span) -> Participant:
    """Return the service of a span as a participant. It is external if the span stands for a peer without spans."""
    return Participant(shorten_name(span.service, LONGEST_NAME), "external" if stands_for_peer(span) else "service")


def callee(call: Span, callees: Callees) -> Participant:
    """Return the participant that a client span calls, even if it left no span itself."""
    if (answer := callees.answers.get(call.span_id)) is not None:
        return participant(answer)
    if (service := callees.service(call)) is not None:
        return Participant(shorten_name(service, LONGEST_NAME))
    if bus_name(call):
        return bus(call)
    return Participant(shorten_name(peer_name(call) or "unknown", LONGEST_NAME), "external")


def bus(span: Span) -> Participant:
    """Return the bus that a messaging span talks to: its messaging system. RabbitMQ is named for its protocol."""
    return Participant(shorten_name(bus_name(span) or "message bus", LONGEST_NAME), "bus")


def is_work(span: Span) -> bool:
    """Return whether a span is work within its service, not caused by another service."""
    if span.kind not in {"internal", "unspecified"} or sends(span) or receives(span):
        return False
    return span.parent is None or span.parent.service == span.service

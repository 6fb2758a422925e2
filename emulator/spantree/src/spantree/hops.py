"""Hops from service to service: calls and messages, by parent or by link, within a trace and between traces."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from spantree.candidates import NotOne, has_name, listed
from spantree.notation import escaped
from spantree.span import Span

__all__ = ["Hop", "NoHop", "delivery", "edges", "hops", "one_hop", "receives", "sends"]

SENDING = {"send", "publish", "create"}
RECEIVING = {"process", "receive", "deliver"}
"""Values of messaging.operation.type. `publish` and `deliver` are from older semantic conventions."""


class NoHop(AssertionError):
    """No message from one service to another was found. The message lists what each published and processed."""

    __module__ = "spantree"  # where users import it from, and what a failed test shows


@dataclass(frozen=True, slots=True, repr=False)
class Hop:
    """A step from one span to the span that it caused. `by` is `parent` or `link`: what relates the two."""

    cause: Span
    effect: Span
    by: str

    @property
    def dwell(self) -> int:
        """Nanoseconds from the end of the cause to the start of the effect: how long a message was in its queue.

        0 if the consumer started before the publisher received its confirm.
        """
        return max(0, self.effect.start - self.cause.end)

    @property
    def by_message(self) -> bool:
        """Whether this is a message, for which the cause does not wait. A hop by link alone counts as one."""
        return self.by == "link" or sends(self.cause) or receives(self.effect)

    def __repr__(self) -> str:
        return f"<hop {self}>"

    def __str__(self) -> str:
        return f"{self.cause} → {self.effect}, by {self.by}, after {self.dwell / 1e6:.3f} ms"


def edges(spans: Iterable[Span]) -> dict[tuple[str, str], list[Hop]]:
    """Return the hops between different services by `(service of the cause, service of the effect)`."""
    found: defaultdict[tuple[str, str], list[Hop]] = defaultdict(list)
    for hop in _hops(spans):
        if hop.cause.service != hop.effect.service:
            found[hop.cause.service, hop.effect.service].append(hop)
    return dict(found)


def hops(spans: Iterable[Span], sender: str, receiver: str) -> list[Hop]:
    """Return the messages that `sender` published and `receiver` processed."""
    return [
        hop
        for hop in _hops(spans)
        if (hop.cause.service, hop.effect.service) == (sender, receiver) and sends(hop.cause) and receives(hop.effect)
    ]


def one_hop(spans: Iterable[Span], sender: str, receiver: str, name: str | re.Pattern[str] | None = None) -> Hop:
    """Return the only message that `sender` published and `receiver` processed. Raises NoHop or NotOne."""
    __tracebackhide__ = True
    spans = list(spans)
    of_services = hops(spans, sender, receiver)
    found = [hop for hop in of_services if name is None or has_name(hop.cause, name) or has_name(hop.effect, name)]
    if len(found) == 1:
        return found[0]
    called = "" if name is None else f" called {escaped(name if isinstance(name, str) else name.pattern)}"
    if found:
        raise NotOne(
            f"{receiver} processed {len(found)} messages from {sender}{called}; give the name of one, or use hops():\n"
            f"{_candidates(found)}"
        )
    if of_services:
        raise NoHop(f"{receiver} processed no message from {sender}{called}, but these:\n{_candidates(of_services)}")
    sent = [span for span in spans if span.service == sender and sends(span)]
    received = [span for span in spans if span.service == receiver and receives(span)]
    raise NoHop(
        f"{receiver} processed no message from {sender}.\n"
        f"published by {sender}:{_list(sent)}\n"
        f"processed by {receiver}:{_list(received)}\n"
        f"A process span must be a child of its publish span or link to it. Check that the publisher injects the "
        f"trace context into the message's headers, and that the consumer extracts it."
    )


def delivery(span: Span) -> Hop | None:
    """Return the hop to a span that processes a message from the span that published it: its parent or a linked span.

    The publisher may be in another trace. None if the span processes no message, or its publisher's span is unknown.
    """
    if not receives(span):
        return None
    if span.parent is not None and sends(span.parent):
        return Hop(span.parent, span, "parent")
    return next((Hop(cause, span, "link") for cause in span.linked if sends(cause)), None)


def sends(span: Span) -> bool:
    """Return whether a span sends a message."""
    return span.kind == "producer" or str(span.attributes.get("messaging.operation.type")) in SENDING


def receives(span: Span) -> bool:
    """Return whether a span receives or processes a message."""
    return span.kind == "consumer" or str(span.attributes.get("messaging.operation.type")) in RECEIVING


def _hops(spans: Iterable[Span]) -> Iterator[Hop]:
    """Yield the hops to each span, and from each span to other traces."""
    for span in spans:
        parent = span.parent
        if parent is not None:
            yield Hop(parent, span, "parent")
        for cause in span.linked:
            if parent is None or cause.span_id != parent.span_id:
                yield Hop(cause, span, "link")
        for effect in span.followers:
            if effect.trace_id != span.trace_id:
                yield Hop(span, effect, "link")


def _candidates(found: list[Hop]) -> str:
    ids = ((hop, hop.cause.span_id, hop.effect.span_id) for hop in found)
    return "\n".join(
        listed(f"{hop.cause} → {hop.effect}, by {hop.by}, ids {sent} → {received}" for hop, sent, received in ids)
    )


def _list(spans: list[Span]) -> str:
    return "".join(f"\n  {span}" for span in spans) or " nothing"

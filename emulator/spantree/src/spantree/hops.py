"""From service to service: calls and messages, by parent or by link, within a trace and across traces."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from spantree.span import Span

__all__ = ["Hop", "NoHop", "delivery", "edges", "hops", "one_hop", "receives", "sends"]

SENDING = {"send", "publish", "create"}
RECEIVING = {"process", "receive", "deliver"}


class NoHop(AssertionError):
    """No message went from the one service to the other. The message has what was seen of both."""


@dataclass(frozen=True, slots=True, repr=False)
class Hop:
    """A step from one service to another: `cause` in the one, `effect` in the other, related `by` parent or link."""

    cause: Span
    effect: Span
    by: str

    @property
    def dwell(self) -> int:
        """Nanoseconds from the end of the cause to the start of the effect: how long a message lay in its queue.

        0 where the consumer had begun before the publisher heard that its message had come.
        """
        return max(0, self.effect.start - self.cause.end)

    @property
    def by_message(self) -> bool:
        """Whether nobody waited for an answer: a message was sent or received, or a link alone tells of it."""
        return self.by == "link" or sends(self.cause) or receives(self.effect)

    def __repr__(self) -> str:
        return f"<hop {self}>"

    def __str__(self) -> str:
        return f"{self.cause} → {self.effect}, by {self.by}, after {self.dwell / 1e6:.3f} ms"


def edges(spans: Iterable[Span]) -> dict[tuple[str, str], list[Hop]]:
    """Return the hops of all spans by `(service of the cause, service of the effect)`, in the order of time."""
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


def one_hop(spans: Iterable[Span], sender: str, receiver: str) -> Hop:
    """Return the first of these messages. Raises NoHop."""
    __tracebackhide__ = True
    spans = list(spans)
    found = hops(spans, sender, receiver)
    if not found:
        sent = [span for span in spans if span.service == sender and sends(span)]
        received = [span for span in spans if span.service == receiver and receives(span)]
        raise NoHop(
            f"no message of {sender} was processed by {receiver}.\n"
            f"published by {sender}:{_list(sent)}\n"
            f"processed by {receiver}:{_list(received)}\n"
            f"a process span is child of its publish span, or links to it: do headers carry the trace context?"
        )
    return found[0]


def delivery(span: Span) -> Hop | None:
    """Return the message that a span processes, as a hop from the span that published it: the parent, or by a link.

    None for a span that processes none, and where the publisher has left no span. That may be in another trace.
    """
    if not receives(span):
        return None
    if span.parent is not None and sends(span.parent):
        return Hop(span.parent, span, "parent")
    return next((Hop(cause, span, "link") for cause in span.linked if sends(cause)), None)


def sends(span: Span) -> bool:
    """Whether a span puts a message on its way."""
    return span.kind == "producer" or str(span.attributes.get("messaging.operation.type")) in SENDING


def receives(span: Span) -> bool:
    """Whether a span takes a message in."""
    return span.kind == "consumer" or str(span.attributes.get("messaging.operation.type")) in RECEIVING


def _hops(spans: Iterable[Span]) -> Iterator[Hop]:
    """Yield how each span came about, and what others of this trace's spans set off in other traces."""
    for span in spans:
        above = span.parent
        if above is not None:
            yield Hop(above, span, "parent")
        for cause in span.linked:
            if above is None or cause.span_id != above.span_id:
                yield Hop(cause, span, "link")
        for effect in span.followers:
            if effect.trace_id != span.trace_id:
                yield Hop(span, effect, "link")


def _list(spans: list[Span]) -> str:
    return "".join(f"\n  {span}" for span in spans) or " nothing"

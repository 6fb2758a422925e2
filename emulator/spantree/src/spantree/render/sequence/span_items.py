"""What a span looks like: the items that it draws when it begins, and those when it ends."""

from collections.abc import Callable

from spantree import Span, receives, sends
from spantree.render.captions import duration
from spantree.render.paths import request_path
from spantree.render.sequence.diagram import Actor, Bar, Item, Message, Note
from spantree.render.sequence.participants import CALLER, Cast, actor, bus, is_call, is_settling, is_work
from spantree.render.sequence.texts import named, short

__all__ = ["Scene", "label_of", "scene_of"]

Scene = tuple[list[Item], list[Item]]
LONGEST_LABEL, LONGEST_NAME = 44, 36
WAITED = 10_000_000
"""Nanoseconds in a queue that are worth a word."""
REFUSED = 400
AGAIN = {
    "openstack.amqp.redelivered": "delivered again",
    "openstack.amqp.duplicate": "a duplicate",
    "openstack.amqp.dead_letter.reason": "a dead letter",
}


def scene_of(span: Span, cast: Cast) -> Scene:
    """Return the items at the begin and at the end of a span."""
    scenes: list[tuple[Callable[[Span], bool], Callable[[Span, Cast], Scene]]] = [
        (lambda span: span.span_id in cast.answering, _nothing),  # its call has drawn it
        (is_settling, _settle),
        (sends, _publish),
        (receives, _process),
        (is_call, _call),
        (is_work, _work),
    ]
    draw = next((draw for is_such, draw in scenes if is_such(span)), _serve)
    return draw(span, cast)


def label_of(span: Span) -> str:
    """Word what a span asks for: method and path, a message's method or destination, else the span's name."""
    method = span.attributes.get("http.request.method", span.attributes.get("http.method"))
    if method:
        return short(f"{method} {request_path(span)}", LONGEST_LABEL)
    said = span.attributes.get("openstack.rpc.method") or span.attributes.get("messaging.destination.name")
    return named(said or span.name, LONGEST_LABEL)


def _nothing(_span: Span, _cast: Cast) -> Scene:
    return [], []


def _call(span: Span, cast: Cast) -> Scene:
    there = span.span_id in cast.answers
    return _exchange(span, actor(span), cast.callee(span), there=there)


def _serve(span: Span, _cast: Cast) -> Scene:
    """Draw a span that another service caused, and not by a call that the trace has."""
    return _exchange(span, CALLER if span.parent is None else actor(span.parent), actor(span), there=True)


def _exchange(span: Span, source: Actor, target: Actor, *, there: bool) -> Scene:
    """Draw a request and its answer; `there` is whether the one who was asked left a span."""
    asked, answered = _steps(span)
    silent = _is_http(span) and span.kind == "client" and span.status is None
    lost = silent and span.failed and not there
    request = Message(
        f"{span.span_id}:request",
        span.span_id,
        source,
        target,
        label_of(span),
        _error(span) if lost else "",
        asked,
        failed=lost,
        lost=lost,
    )
    answer = [] if lost else [_answer(span, request, answered, silent=silent)]
    begin, end = ([_bar(span, target, begins=begins)] if there else [] for begins in (True, False))
    return [request, *begin], [*answer, *end]


def _answer(span: Span, request: Message, step: str, *, silent: bool) -> Message:
    """Draw what came back to a request, and how long that took; an error may have come after the status, or alone."""
    error = _error(span)
    words = ", then ".join(filter(None, (str(span.status or ""), error)))
    return Message(
        f"{span.span_id}:answer",
        span.span_id,
        request.target,
        request.source,
        "no answer" if silent and not span.failed else words,
        duration(max(0, span.duration)),
        step,
        answer=True,
        failed=span.failed or (span.status or 0) >= REFUSED,
        lost=silent or (bool(error) and _is_http(span) and span.kind == "client"),
    )


def _publish(span: Span, _cast: Cast) -> Scene:
    failed = span.failed
    return [
        Message(
            f"{span.span_id}:publish",
            span.span_id,
            actor(span),
            bus(span),
            label_of(span),
            _destination(span),
            queued=True,
            failed=failed,
            lost=failed,
        )
    ], []


def _process(span: Span, _cast: Cast) -> Scene:
    mine = actor(span)
    arrival = Message(
        f"{span.span_id}:process", span.span_id, bus(span), mine, label_of(span), _history(span), queued=True
    )
    return [arrival, _bar(span, mine, begins=True)], [_bar(span, mine, begins=False)]


def _settle(span: Span, _cast: Cast) -> Scene:
    outcome = str(span.attributes.get("messaging.operation.name", ""))
    if outcome not in {"nack", "reject"} and not span.failed:
        return [], []
    return [
        Message(
            f"{span.span_id}:settle",
            span.span_id,
            actor(span),
            bus(span),
            named(outcome or span.name, LONGEST_LABEL),
            _destination(span),
            queued=True,
            failed=True,
            lost=span.failed,
        )
    ], []


def _work(span: Span, _cast: Cast) -> Scene:
    took = duration(max(0, span.duration))
    return [Note(f"{span.span_id}:work", span.span_id, actor(span), named(span.name, LONGEST_NAME), took)], []


def _bar(span: Span, on: Actor, *, begins: bool) -> Bar:
    return Bar(f"{span.span_id}:{'begin' if begins else 'end'}", span.span_id, on, begins)


def _steps(span: Span) -> tuple[str, str]:
    """Return the steps of Figure 1.8 of a request and its answer."""
    request, _, answer = str(span.attributes.get("openstack.boot.step", ""))[:5].partition(",")
    return (request if request.isdecimal() else ""), (answer if answer.isdecimal() else "")


def _is_http(span: Span) -> bool:
    return "http.request.method" in span.attributes or "http.method" in span.attributes


def _error(span: Span) -> str:
    """Return why there is no whole answer, in a word; "" where the status says it."""
    if not span.failed or (span.status is not None and span.error_type in {"", str(span.status)}):
        return ""
    return short(span.error_type.rpartition(".")[2] or "failed", LONGEST_LABEL)


def _destination(span: Span) -> str:
    name = str(span.attributes.get("messaging.destination.name", ""))
    return short(name, LONGEST_LABEL) if span.attributes.get("openstack.rpc.method") else ""


def _history(span: Span) -> str:
    """Return what a consumer should know about a message: that it came before, that it waited."""
    said = [words for name, words in AGAIN.items() if span.attributes.get(name)]
    sent = next((cause for cause in (span.parent, *span.linked) if cause is not None and sends(cause)), None)
    waited = 0 if sent is None else span.start - sent.end
    return " · ".join([*said, *([f"waited {duration(waited)}"] if waited >= WAITED else [])])

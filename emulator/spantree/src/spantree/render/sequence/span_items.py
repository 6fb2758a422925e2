"""What a span looks like: the items that it draws when it begins, and those when it ends."""

from collections.abc import Callable

from spantree import Span, receives, sends
from spantree.render.captions import duration, operation_name, steps
from spantree.render.paths import request_path
from spantree.render.sequence.diagram import Actor, Bar, Item, Message, Note
from spantree.render.sequence.participants import CALLER, Cast, actor, bus, is_call, is_settling, is_work
from spantree.render.sequence.texts import named, short
from spantree.render.vocabulary import Vocabulary

__all__ = ["Scene", "label_of", "scene_of"]

Scene = tuple[list[Item], list[Item]]
LONGEST_LABEL, LONGEST_NAME = 44, 36
WAITED = 10_000_000
"""Nanoseconds in a queue that are worth a word."""
REFUSED = 400
LONGEST_STEP = 2


def scene_of(span: Span, cast: Cast, vocabulary: Vocabulary) -> Scene:
    """Return the items at the begin and at the end of a span."""
    scenes: list[tuple[Callable[[Span], bool], Callable[[Span, Cast, Vocabulary], Scene]]] = [
        (lambda span: span.span_id in cast.answering, _nothing),  # its call has drawn it
        (is_settling, _settle),
        (sends, _publish),
        (receives, _process),
        (is_call, _call),
        (is_work, _work),
    ]
    draw = next((draw for is_such, draw in scenes if is_such(span)), _serve)
    return draw(span, cast, vocabulary)


def label_of(span: Span, vocabulary: Vocabulary) -> str:
    """Word what a span asks for: method and path, a message's method or destination, else the span's name."""
    method = span.attributes.get("http.request.method", span.attributes.get("http.method"))
    if method:
        return short(f"{method} {request_path(span)}", LONGEST_LABEL)
    asked = operation_name(span, vocabulary) or span.attributes.get("messaging.destination.name")
    return named(asked or span.name, LONGEST_LABEL)


def _nothing(_span: Span, _cast: Cast, _vocabulary: Vocabulary) -> Scene:
    return [], []


def _call(span: Span, cast: Cast, vocabulary: Vocabulary) -> Scene:
    there = span.span_id in cast.answers
    return _exchange(span, actor(span), cast.callee(span), vocabulary, there=there)


def _serve(span: Span, _cast: Cast, vocabulary: Vocabulary) -> Scene:
    """Draw a span that another service caused, and not by a call that the trace has."""
    caller = CALLER if span.parent is None else actor(span.parent)
    return _exchange(span, caller, actor(span), vocabulary, there=True)


def _exchange(span: Span, source: Actor, target: Actor, vocabulary: Vocabulary, *, there: bool) -> Scene:
    """Draw a request and its answer; `there` is whether the one who was asked left a span."""
    asked, answered = _steps(span, vocabulary)
    silent = _is_http(span) and span.kind == "client" and span.status is None
    lost = silent and span.failed and not there
    request = Message(
        f"{span.span_id}:request",
        span.span_id,
        source,
        target,
        label_of(span, vocabulary),
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


def _publish(span: Span, _cast: Cast, vocabulary: Vocabulary) -> Scene:
    failed = span.failed
    return [
        Message(
            f"{span.span_id}:publish",
            span.span_id,
            actor(span),
            bus(span),
            label_of(span, vocabulary),
            _destination(span, vocabulary),
            queued=True,
            failed=failed,
            lost=failed,
        )
    ], []


def _process(span: Span, _cast: Cast, vocabulary: Vocabulary) -> Scene:
    mine = actor(span)
    arrival = Message(
        f"{span.span_id}:process",
        span.span_id,
        bus(span),
        mine,
        label_of(span, vocabulary),
        _history(span, vocabulary),
        queued=True,
    )
    return [arrival, _bar(span, mine, begins=True)], [_bar(span, mine, begins=False)]


def _settle(span: Span, _cast: Cast, vocabulary: Vocabulary) -> Scene:
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
            _destination(span, vocabulary),
            queued=True,
            failed=True,
            lost=span.failed,
        )
    ], []


def _work(span: Span, _cast: Cast, _vocabulary: Vocabulary) -> Scene:
    took = duration(max(0, span.duration))
    return [Note(f"{span.span_id}:work", span.span_id, actor(span), named(span.name, LONGEST_NAME), took)], []


def _bar(span: Span, on: Actor, *, begins: bool) -> Bar:
    return Bar(f"{span.span_id}:{'begin' if begins else 'end'}", span.span_id, on, begins)


def _steps(span: Span, vocabulary: Vocabulary) -> tuple[str, str]:
    """Return the step that a request is, and the one that its answer is. Only numbers fit into the circles."""
    numbers = [step if step.isdecimal() and len(step) <= LONGEST_STEP else "" for step in steps(span, vocabulary)]
    request, answer, *_ = [*numbers, "", ""]
    return request, answer


def _is_http(span: Span) -> bool:
    return "http.request.method" in span.attributes or "http.method" in span.attributes


def _error(span: Span) -> str:
    """Return why there is no whole answer, in a word; "" where the status says it."""
    if not span.failed or (span.status is not None and span.error_type in {"", str(span.status)}):
        return ""
    return short(span.error_type.rpartition(".")[2] or "failed", LONGEST_LABEL)


def _destination(span: Span, vocabulary: Vocabulary) -> str:
    """Return where a message goes, if its label says something else."""
    name = str(span.attributes.get("messaging.destination.name", ""))
    return short(name, LONGEST_LABEL) if operation_name(span, vocabulary) else ""


def _history(span: Span, vocabulary: Vocabulary) -> str:
    """Return what a consumer should know about a message: that it came before, that it waited."""
    said = [words for name, words in vocabulary.delivery_remarks.items() if span.attributes.get(name)]
    sent = next((cause for cause in (span.parent, *span.linked) if cause is not None and sends(cause)), None)
    waited = 0 if sent is None else span.start - sent.end
    return " · ".join([*said, *([f"waited {duration(waited)}"] if waited >= WAITED else [])])

"""What a span adds to the diagram at its start and at its end."""

from dataclasses import dataclass, replace

from spantree import Span, receives, sends
from spantree.render.captions import duration, operation_name, request_path, shorten, shorten_name, steps
from spantree.render.peers import Callees, is_call, is_settling, stands_for_peer
from spantree.render.sequence.diagram import Activation, DiagramItem, Message, Note, Participant
from spantree.render.sequence.participants import CALLER, bus, callee, is_work, participant
from spantree.render.vocabulary import Vocabulary

__all__ = ["SpanItems", "items_of", "label_of"]

LONGEST_LABEL, LONGEST_NAME = 44, 36
LONGEST_STEP = 2
"""Digits that fit into a circle."""
NOTABLE_WAIT = 10_000_000
"""The shortest wait in a queue that is mentioned, in nanoseconds."""
FIRST_ERROR_STATUS = 400


@dataclass(frozen=True, slots=True)
class SpanItems:
    """The items at the start and at the end of a span."""

    begin: tuple[DiagramItem, ...] = ()
    end: tuple[DiagramItem, ...] = ()


def items_of(span: Span, callees: Callees, vocabulary: Vocabulary) -> SpanItems:
    """Return the items that a span draws. A call draws the request and the answer of the span that answers it."""
    if is_settling(span) or sends(span) or receives(span):
        return _messaging(span, vocabulary)
    if is_call(span) and not stands_for_peer(span):
        return _call(span, callees, vocabulary)
    if span.span_id in callees.answering:
        return SpanItems()
    if is_work(span):
        return _work(span)
    caller = CALLER if span.parent is None else participant(span.parent)
    return _exchange(span, caller, participant(span), vocabulary, answered=not stands_for_peer(span))


def label_of(span: Span, vocabulary: Vocabulary) -> str:
    """Return what a span asks for: method and path, a message's operation or destination, else the span's name."""
    method = span.attributes.get("http.request.method", span.attributes.get("http.method"))
    if method:
        return shorten(f"{method} {request_path(span)}", LONGEST_LABEL)
    operation = operation_name(span, vocabulary) or span.attributes.get("messaging.destination.name")
    return shorten_name(operation or span.name, LONGEST_LABEL)


def _call(span: Span, callees: Callees, vocabulary: Vocabulary) -> SpanItems:
    """Return the exchange of a call. If nothing shows how its service was reached, arrows from the parent's do."""
    own = _exchange(
        span, participant(span), callee(span, callees), vocabulary, answered=span.span_id in callees.answers
    )
    if span.parent is None or span.parent.service == span.service or span.span_id in callees.answering:
        return own
    entry = Message(
        f"{span.span_id}:entry",
        span.span_id,
        participant(span.parent),
        participant(span),
        shorten_name(span.name, LONGEST_LABEL),
    )
    back = replace(entry, key=f"{span.span_id}:exit", source=entry.target, target=entry.source, label="", answer=True)
    return SpanItems((entry, *own.begin), (*own.end, replace(back, failed=span.failed)))


def _exchange(
    span: Span, source: Participant, target: Participant, vocabulary: Vocabulary, *, answered: bool
) -> SpanItems:
    """Return a request and its answer. `answered` means that the callee left a span, so that it shows as active."""
    request_step, answer_step = _steps(span, vocabulary)
    silent = _is_http(span) and span.kind == "client" and span.status is None
    lost = silent and span.failed and not answered
    request = Message(
        f"{span.span_id}:request",
        span.span_id,
        source,
        target,
        label_of(span, vocabulary),
        _error(span) if lost else "",
        request_step,
        failed=lost,
        lost=lost,
    )
    answer = () if lost else (_answer(span, request, answer_step, silent=silent),)
    if not answered:
        return SpanItems((request,), answer)
    return SpanItems(
        (request, _activation(span, target, begins=True)), (*answer, _activation(span, target, begins=False))
    )


def _answer(span: Span, request: Message, step: str, *, silent: bool) -> Message:
    """Return the answer to a request: its status, its error or both, and how long it took."""
    error = _error(span)
    outcome = ", then ".join(filter(None, (str(span.status or ""), error)))
    return Message(
        f"{span.span_id}:answer",
        span.span_id,
        request.target,
        request.source,
        "no answer" if silent and not span.failed else outcome,
        duration(max(0, span.duration)),
        step,
        answer=True,
        failed=span.failed or (span.status or 0) >= FIRST_ERROR_STATUS,
        # an error beside the status means that the body did not arrive completely
        lost=silent or (bool(error) and _is_http(span) and span.kind == "client"),
    )


def _messaging(span: Span, vocabulary: Vocabulary) -> SpanItems:
    if is_settling(span):
        return _settle(span, vocabulary)
    return _publish(span, vocabulary) if sends(span) else _process(span, vocabulary)


def _publish(span: Span, vocabulary: Vocabulary) -> SpanItems:
    message = Message(
        f"{span.span_id}:publish",
        span.span_id,
        participant(span),
        bus(span),
        label_of(span, vocabulary),
        _destination(span, vocabulary),
        queued=True,
        failed=span.failed,
        lost=span.failed,
    )
    return SpanItems((message,))


def _process(span: Span, vocabulary: Vocabulary) -> SpanItems:
    consumer = participant(span)
    message = Message(
        f"{span.span_id}:process",
        span.span_id,
        bus(span),
        consumer,
        label_of(span, vocabulary),
        _delivery_remarks(span, vocabulary),
        queued=True,
    )
    return SpanItems((message, _activation(span, consumer, begins=True)), (_activation(span, consumer, begins=False),))


def _settle(span: Span, vocabulary: Vocabulary) -> SpanItems:
    """Return a message for a rejection, or for a settlement that failed. Acknowledgements would double the rows."""
    outcome = str(span.attributes.get("messaging.operation.name", ""))
    if outcome not in {"nack", "reject"} and not span.failed:
        return SpanItems()
    message = Message(
        f"{span.span_id}:settle",
        span.span_id,
        participant(span),
        bus(span),
        shorten_name(outcome or span.name, LONGEST_LABEL),
        _destination(span, vocabulary),
        queued=True,
        failed=True,
        lost=span.failed,
    )
    return SpanItems((message,))


def _work(span: Span) -> SpanItems:
    took = duration(max(0, span.duration))
    name = shorten_name(span.name, LONGEST_NAME)
    return SpanItems((Note(f"{span.span_id}:work", span.span_id, participant(span), name, took),))


def _activation(span: Span, on: Participant, *, begins: bool) -> Activation:
    return Activation(f"{span.span_id}:{'begin' if begins else 'end'}", span.span_id, on, begins)


def _steps(span: Span, vocabulary: Vocabulary) -> tuple[str, str]:
    """Return the step of a request, and the step of its answer. Only short numbers fit into the circles."""
    numbers = [step if step.isdecimal() and len(step) <= LONGEST_STEP else "" for step in steps(span, vocabulary)]
    request, answer, *_ = [*numbers, "", ""]
    return request, answer


def _is_http(span: Span) -> bool:
    return "http.request.method" in span.attributes or "http.method" in span.attributes


def _error(span: Span) -> str:
    """Return the short error type of a failed span; "" if its status already says the same."""
    if not span.failed or (span.status is not None and span.error_type in {"", str(span.status)}):
        return ""
    return shorten(span.error_type.rpartition(".")[2] or "failed", LONGEST_LABEL)


def _destination(span: Span, vocabulary: Vocabulary) -> str:
    """Return where a message goes, if its label names the operation instead."""
    name = str(span.attributes.get("messaging.destination.name", ""))
    return shorten(name, LONGEST_LABEL) if operation_name(span, vocabulary) else ""


def _delivery_remarks(span: Span, vocabulary: Vocabulary) -> str:
    """Return what is unusual about a delivery: the vocabulary's remarks, and a long wait in the queue."""
    remarks = [remark for name, remark in vocabulary.delivery_remarks.items() if span.attributes.get(name)]
    publish = next((cause for cause in (span.parent, *span.linked) if cause is not None and sends(cause)), None)
    waited = 0 if publish is None else span.start - publish.end
    return " · ".join([*remarks, *([f"waited {duration(waited)}"] if waited >= NOTABLE_WAIT else [])])

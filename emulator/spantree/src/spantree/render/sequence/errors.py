"""Adds errors and faults to a diagram: a note where an error began, and a flag where an injected fault acted."""

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus

from spantree import Event, Span, SpanTree
from spantree.render.captions import fault_name, shorten, shorten_name
from spantree.render.sequence.diagram import Activation, Note
from spantree.render.sequence.participants import participant
from spantree.render.sequence.span_items import SpanItems, label_of
from spantree.render.vocabulary import Vocabulary

__all__ = ["add_errors", "ids_above_errors"]

LONGEST_TYPE, LONGEST_MESSAGE = 40, 110


def add_errors(span: Span, items: SpanItems, vocabulary: Vocabulary, *, innermost: bool, ended: bool) -> SpanItems:
    """Add a flag for a fault to the start of its span, and a note for an error to the end of its span.

    If a span has both, the note gets the flag. `innermost` means that no span below it failed.
    """
    flag = _fault_flag(span, vocabulary)
    error = _error_note(span, vocabulary, innermost=innermost) if ended else None
    if error is None:
        return items if flag is None else replace(items, begin=(*items.begin, flag))
    if flag is not None:
        error = replace(error, flag=flag.flag)
    # the note is drawn on the bar of the service that failed, so that bar has to end after it
    own = [item for item in items.end if isinstance(item, Activation) and item.participant == error.participant]
    others = [item for item in items.end if item not in own]
    return replace(items, end=(*others, error, *own))


def ids_above_errors(trace: SpanTree) -> set[str]:
    """Return the ids of spans that have a failed span below them."""
    found: set[str] = set()
    for span in trace.spans:
        for ancestor in span.ancestors if span.failed else ():
            if ancestor.span_id in found:
                break  # its ancestors were found with it; walking them again would take quadratic time
            found.add(ancestor.span_id)
    return found


def _fault_flag(span: Span, vocabulary: Vocabulary) -> Note | None:
    """Return the flag of the fault at a span. Nested spans of one service with the same fault share one flag."""
    fault, parent = fault_name(span, vocabulary), span.parent
    if not fault:
        return None
    if parent is not None and parent.service == span.service and fault_name(parent, vocabulary) == fault:
        return None
    flag = f"⚑ {shorten_name(fault, LONGEST_TYPE)}"
    return Note(f"{span.span_id}:fault", span.span_id, participant(span), "", "", "fault", flag)


def _error_note(span: Span, vocabulary: Vocabulary, *, innermost: bool) -> Note | None:
    """Return a note for the error of a span, if it is the innermost that failed or adds an exception of its own."""
    if not span.failed:
        return None
    repeats = _exception(span) is None or any(_error(child) == _error(span) for child in span.children if child.failed)
    if not innermost and repeats:
        return None
    kind, message = _error(span)
    label = shorten(_with_phrase(kind.rpartition(".")[2]), LONGEST_TYPE) or "failed"
    detail = shorten(message, LONGEST_MESSAGE) or label_of(span, vocabulary)
    return Note(f"{span.span_id}:error", span.span_id, participant(span), label, detail, tone="error")


def _error(span: Span) -> tuple[str, str]:
    """Return the type and the message of a span's error, from its exception event if it has one."""
    exception = _exception(span)
    recorded: Mapping[str, object] = {} if exception is None else exception.attributes
    kind = str(recorded.get("exception.type", "") or span.error_type or span.status or "")
    return kind, str(recorded.get("exception.message", "") or span.message)


def _exception(span: Span) -> Event | None:
    # the last one ended the span; earlier ones may have been handled
    return next((event for event in reversed(span.events) if event.name == "exception"), None)


def _with_phrase(kind: str) -> str:
    """Add its reason phrase to a bare HTTP status: `404 Not Found`."""
    try:
        return f"{kind} {HTTPStatus(int(kind)).phrase}"
    except ValueError:
        return kind

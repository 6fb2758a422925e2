"""Where a trace broke: a note for every error, where it began, and for every fault, where it acts."""

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus

from spantree import Event, Span, SpanTree
from spantree.render.captions import fault_name
from spantree.render.sequence.diagram import Bar, Note
from spantree.render.sequence.participants import actor
from spantree.render.sequence.span_items import Scene, label_of
from spantree.render.sequence.texts import named, short
from spantree.render.vocabulary import Vocabulary

__all__ = ["failed_within", "with_troubles"]

LONGEST_TYPE, LONGEST_MESSAGE = 40, 110


def with_troubles(span: Span, scene: Scene, vocabulary: Vocabulary, *, innermost: bool, ended: bool = True) -> Scene:
    """Add the fault that acts on a span to its begin, and what went wrong to its end; both are one where both are."""
    begin, end = scene
    flag = _flag(span, vocabulary)
    error = _error(span, vocabulary, innermost=innermost) if ended else None
    if flag and error:
        error = replace(error, flag=flag.flag)
        flag = None
    notes = [note for note in (error,) if note]
    own = [item for item in end if isinstance(item, Bar) and error and item.actor == error.actor]  # ends after the note
    others = [item for item in end if item not in own]
    return [*begin, *([flag] if flag else [])], [*others, *notes, *own]


def failed_within(trace: SpanTree) -> set[str]:
    """Return the ids of spans below which something failed."""
    above: set[str] = set()
    for span in trace.spans:
        for ancestor in span.ancestors if span.failed else ():
            if ancestor.span_id in above:
                break
            above.add(ancestor.span_id)
    return above


def _flag(span: Span, vocabulary: Vocabulary) -> Note | None:
    """Return the flag of the fault that acts on a span; of several one below the other, the uppermost has it."""
    fault = fault_name(span, vocabulary)
    above = span.parent
    same = above is not None and above.service == span.service and fault_name(above, vocabulary) == fault
    if not fault or same:
        return None
    return Note(f"{span.span_id}:fault", span.span_id, actor(span), "", "", "fault", f"⚑ {named(fault, LONGEST_TYPE)}")


def _error(span: Span, vocabulary: Vocabulary, *, innermost: bool) -> Note | None:
    """Return what went wrong in a span, if it is the innermost that failed, or says something of its own."""
    if not span.failed:
        return None
    echo = _exception(span) is None or any(_said(child) == _said(span) for child in span.children if child.failed)
    if not innermost and echo:
        return None
    kind, message = _said(span)
    label = short(_phrase(kind.rpartition(".")[2]), LONGEST_TYPE) or "failed"
    detail = short(message, LONGEST_MESSAGE) or label_of(span, vocabulary)
    return Note(f"{span.span_id}:error", span.span_id, actor(span), label, detail, tone="error")


def _said(span: Span) -> tuple[str, str]:
    raised = _exception(span)
    told: Mapping[str, object] = {} if raised is None else raised.attributes
    kind = str(told.get("exception.type", "") or span.error_type or span.status or "")
    return kind, str(told.get("exception.message", "") or span.message)


def _exception(span: Span) -> Event | None:
    return next((event for event in reversed(span.events) if event.name == "exception"), None)


def _phrase(kind: str) -> str:
    """Give a bare status code its words."""
    try:
        return f"{kind} {HTTPStatus(int(kind)).phrase}"
    except ValueError:
        return kind

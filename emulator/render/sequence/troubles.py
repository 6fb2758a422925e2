"""Where a trace broke: a note for every error, where it began, and for every fault, where it acts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus

from emulator.render.sequence.cast import actor
from emulator.render.sequence.diagram import Bar, Item, Note
from emulator.render.sequence.scenes import Scene, label_of
from emulator.render.sequence.texts import short
from emulator.traces import Event, Span

__all__ = ["with_troubles", "without_echo"]

FAULT = "openstack.fault.name"
LONGEST_TYPE, LONGEST_MESSAGE = 40, 110


def with_troubles(span: Span, scene: Scene, *, ended: bool = True) -> Scene:
    """Add the fault that acts on a span to its begin, and what went wrong to its end; both are one where both are."""
    begin, end = scene
    flag, error = _flag(span), _error(span) if ended else None
    if flag and error:
        flag, error = None, replace(error, label=f"{flag.label} · {error.label}")
    notes = [note for note in (error,) if note]
    own = [item for item in end if isinstance(item, Bar) and error and item.actor == error.actor]  # ends after the note
    others = [item for item in end if item not in own]
    return [*begin, *([flag] if flag else [])], [*others, *notes, *own]


def without_echo(items: Sequence[Item], title: Span) -> list[Item]:
    """Return the items without the error of the whole, where that only says what another has said."""
    errors = [item for item in items if isinstance(item, Note) and item.tone == "error"]
    own = next((note for note in errors if note.span_id == title.span_id), None)
    echoed = own is not None and any(note.detail == own.detail for note in errors if note is not own)
    return [item for item in items if not (echoed and item is own)]


def _flag(span: Span) -> Note | None:
    """Return the flag of the fault that acts on a span; of several one below the other, the uppermost has it."""
    fault = span.attributes.get(FAULT)
    above = span.parent
    same = above is not None and above.service == span.service and above.attributes.get(FAULT) == fault
    if not fault or same:
        return None
    return Note(f"{span.span_id}:fault", span.span_id, actor(span), f"⚑ {short(fault, LONGEST_TYPE)}", tone="fault")


def _error(span: Span) -> Note | None:
    """Return what went wrong in a span, if it is the innermost that failed, or says something of its own."""
    if not span.failed:
        return None
    inner = [child for child in span.children if child.failed]
    raised = _exception(span)
    if inner and (raised is None or any(_said(child) == _said(span) for child in inner)):
        return None
    kind, message = _said(span)
    label = short(_phrase(kind.rpartition(".")[2]) or "failed", LONGEST_TYPE)
    detail = short(message, LONGEST_MESSAGE) or label_of(span)
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

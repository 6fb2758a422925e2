"""One expected line beside one span: in what they differ, what is below them apart."""

from collections.abc import Mapping
from typing import NamedTuple

from spantree.expectation.parser import Item
from spantree.expectation.placeholders import Placeholder, fits
from spantree.notation import Line, escaped, write_value
from spantree.span import Span

__all__ = ["RENAMED", "Reason", "Reasons", "called_alike", "differences", "weight"]

DIFFERENT, RENAMED = 2, 3


class Reason(NamedTuple):
    """Why a span is not as its line wants it, and how much that weighs."""

    words: str
    weight: int = DIFFERENT


Reasons = tuple[Reason, ...]


def called_alike(line: Line, span: Span, placeholders: Mapping[str, Placeholder]) -> bool:
    """Whether a span has the service and the name of a line."""
    return line.service == span.service and fits(line.name, span.name, placeholders)


def differences(item: Item, span: Span, placeholders: Mapping[str, Placeholder]) -> Reasons | None:
    """Say in what a span is not as its line wants it; None if they have nothing in common."""
    line = item.line
    same_service, same_kind = line.service == span.service, line.kind in {"any", span.kind}
    if not fits(line.name, span.name, placeholders):
        if item.many or not (same_service and same_kind):
            return None  # several of one name are no place for a span of another
        return (Reason(f"its name is {escaped(span.name)}", RENAMED),)
    service = [] if same_service else [Reason(f"it is of {escaped(span.service)}", RENAMED)]
    kind = [] if same_kind else [Reason(f"its kind is {span.kind}")]
    return (*service, *kind, *_failure(line, span), *_attributes(line, span, placeholders))


def weight(why: Reasons) -> int:
    """Return how much reasons weigh together: as much as the heaviest."""
    return max((reason.weight for reason in why), default=0)


def _failure(line: Line, span: Span) -> Reasons:
    if line.error is None and span.failed:
        return (Reason(f"it failed: {escaped(span.error_type or span.message) or 'without an error.type'}"),)
    if line.error is not None and not span.failed:
        return (Reason("it did not fail"),)
    if line.error and span.error_type != line.error:
        return (Reason(f"it failed with {escaped(span.error_type) or 'no error.type'}, not {line.error}"),)
    return ()


def _attributes(line: Line, span: Span, placeholders: Mapping[str, Placeholder]) -> list[Reason]:
    why = []
    for key, wanted in line.attributes.items():
        if key not in span.attributes:
            why.append(Reason(f"it has no {key}"))
        elif wanted is not None and not fits(wanted, found := write_value(span.attributes[key]), placeholders):
            why.append(Reason(f"{key} is {escaped(found)}, not {wanted}"))
    return why

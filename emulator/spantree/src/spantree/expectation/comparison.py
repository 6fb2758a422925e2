"""Compares one expected line with one span, and holds the result of comparing whole levels: rows and alignments."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from spantree.expectation.parser import ExpectedSpan, Level
from spantree.expectation.placeholders import Placeholder, fits, placeholder_hint
from spantree.expectation.reasons import (
    DIFFERENT,
    Reason,
    Reasons,
    attribute_reasons,
    budget_reasons,
    error_reasons,
)
from spantree.notation import Line, escaped
from spantree.span import Named, Span

__all__ = [
    "DIFFERENT",
    "RENAMED",
    "Alignment",
    "Reason",
    "Reasons",
    "Row",
    "Violation",
    "compare",
    "compared_attributes",
    "same_service_and_name",
    "text_of_an_attribute",
    "weight",
]

RENAMED = 3
"""The weight of another name or service: more than that of any other difference."""


@dataclass(frozen=True, slots=True)
class Row:
    """An expected span, a span, or both side by side with the `reasons` why they differ.

    `place` is the index in the level's items at which the row stands. A span that nothing expects, and an expected
    span that is missing, are differences unless `allowed`: by `...`, or because the line is optional.
    """

    expected: ExpectedSpan | None
    span: Span | None
    place: int
    reasons: Reasons = ()
    below: "Alignment | None" = None
    allowed: bool = False

    @property
    def differs(self) -> bool:
        """Whether the row itself is a difference, regardless of what is below it."""
        return not self.allowed and (self.expected is None or self.span is None or bool(self.reasons))


@dataclass(frozen=True, slots=True)
class Alignment:
    """A level of an expected tree beside the spans of a trace. `cost` is 0 if everything is as expected."""

    level: Level
    rows: tuple[Row, ...]
    cost: int
    violations: tuple["Violation", ...] = ()
    """The spans of the whole trace that must not occur; only the alignment of a whole tree has them."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A span that fits a line below `never:`. `place` is the span above it that has this line; None at the top."""

    expected: ExpectedSpan
    span: Span
    place: Span | None


def compare(expected: ExpectedSpan, span: Span, placeholders: Mapping[str, Placeholder]) -> Reasons | None:
    """Return why a span does not fit its line: nothing if it fits, None if they have nothing in common.

    What is below the line and the span is not compared.
    """
    line = expected.line
    same_service, same_kind = line.service == span.service, line.kind in {"any", span.kind}
    if not fits(line.name, span.name, placeholders):
        # A repeated line accepts spans of its own name only: it would take in every sibling otherwise.
        if expected.repeats or not (same_service and same_kind):
            return None
        return (Reason(f"its name is {escaped(span.name)}{placeholder_hint(line.name, placeholders)}", RENAMED),)
    service = [] if same_service else [Reason(f"its service is {escaped(span.service)}", RENAMED)]
    kind = [] if same_kind else [Reason(f"its kind is {span.kind}")]
    return (
        *service,
        *kind,
        *error_reasons(line, span),
        *attribute_reasons(line, span, placeholders),
        *budget_reasons(line, span),
    )


def same_service_and_name(line: Line, span: Named, placeholders: Mapping[str, Placeholder]) -> bool:
    """Return whether a span has the service and the name of a line."""
    return line.service == span.service and fits(line.name, span.name, placeholders)


def weight(reasons: Reasons) -> int:
    """Return the weight of all reasons together: that of the heaviest."""
    return max((reason.weight for reason in reasons), default=0)


def compared_attributes(line: Line) -> Iterable[str]:
    """Return the keys of the attributes that `compare` looks at."""
    return (condition.key for condition in line.attributes)


def text_of_an_attribute(line: Line) -> tuple[str, str] | None:
    """Return the key and the text of an attribute that a span must have to fit; None if any text may do."""
    for condition in line.attributes:
        value = condition.value
        if condition.operator == "=" and not condition.negated and isinstance(value, str) and "{" not in value:
            return condition.key, value
    return None

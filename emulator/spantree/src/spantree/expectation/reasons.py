"""Why a span does not fit its line: its failure, its attributes and its time, in words."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from spantree.expectation.placeholders import Placeholder, fits
from spantree.failure_reason import failure_reason
from spantree.notation import Budget, Condition, Line, duration_text, escaped, percent_text, write_value
from spantree.notation.budget import COMPARISONS
from spantree.span import Span

__all__ = ["Reason", "Reasons", "attribute_reasons", "budget_reasons", "error_reasons", "holds"]

DIFFERENT = 2
"""The weight of another kind, error, attribute or duration."""


class Reason(NamedTuple):
    """A reason why a span does not fit its line, in words, and its weight."""

    text: str
    weight: int = DIFFERENT


Reasons: TypeAlias = tuple[Reason, ...]


def error_reasons(line: Line, span: Span) -> Reasons:
    """Compare the failure."""
    if line.error is None and span.failed:
        return (Reason(f"it failed: {failure_reason(span) or 'without an error.type'}"),)
    if line.error is not None and not span.failed:
        return (Reason("it did not fail"),)
    if line.error and span.error_type != line.error:
        failure = failure_reason(span)
        found = f"{failure}" if span.error_type else f"no error.type{f' ({failure})' if failure else ''}"
        return (Reason(f"it failed with {found}, not {line.error}"),)
    return ()


def attribute_reasons(line: Line, span: Span, placeholders: Mapping[str, Placeholder]) -> Iterator[Reason]:
    """Compare the attributes."""
    for condition in line.attributes:
        if not holds(condition, span.attributes, placeholders):
            yield Reason(_attribute_reason(condition, span.attributes))


def holds(condition: Condition, attributes: Mapping[str, Any], placeholders: Mapping[str, Placeholder]) -> bool:
    """Return whether attributes are as a condition says. One with `not` holds as well if there is no such attribute."""
    if condition.key not in attributes:
        return condition.negated
    return _is_met(condition, attributes[condition.key], placeholders) is not condition.negated


def _is_met(condition: Condition, value: Any, placeholders: Mapping[str, Placeholder]) -> bool:  # noqa: ANN401 - OTLP's
    if isinstance(condition.value, Decimal):
        number = _number(value)
        return number is not None and COMPARISONS[condition.operator](number, condition.value)
    if condition.operator == "/":
        return re.search(condition.value, write_value(value)) is not None
    return not condition.operator or fits(condition.value, write_value(value), placeholders)


def _number(value: Any) -> Decimal | None:  # noqa: ANN401 - as above
    """Return a value as a number, also one that an exporter sent as text; None if it is none."""
    return _decimal(value if isinstance(value, str) else write_value(value))


@lru_cache(1024)
def _decimal(text: str) -> Decimal | None:
    return Decimal(text) if re.fullmatch(r"\s*-?\d+(\.\d+)?([eE][+-]?\d{1,4})?\s*", text) else None


def _attribute_reason(condition: Condition, attributes: Mapping[str, Any]) -> str:
    key, operator, target = escaped(condition.key), condition.operator, condition.target
    if condition.key not in attributes:
        return f"it has no {key}"
    found = escaped(write_value(attributes[condition.key]))
    if condition.negated:
        return (
            f"{key} is {found}, which {target} matches" if operator == "/" else f"{key} is {found}, which must not be"
        )
    if operator == "/":
        return f"{key} is {found}, which {target} does not match"
    if operator == "=":
        return f"{key} is {found}, not {condition.value}"
    is_number = _number(attributes[condition.key]) is not None
    return f"{key} is {found}, {'' if is_number else 'no number and '}not {target}"


def budget_reasons(line: Line, span: Span) -> Iterator[Reason]:
    """Compare the time that a span took with the budgets of its line."""
    for budget in line.budgets:
        if text := _share_reason(budget, span) if budget.is_share else _duration_reason(budget, span):
            yield Reason(text)


def _duration_reason(budget: Budget, span: Span) -> str:
    duration = Decimal(span.duration)
    return "" if budget.allows(duration) else f"it took {duration_text(duration, budget)}, not {budget}"


def _share_reason(budget: Budget, span: Span) -> str:
    top = span
    for top in span.ancestors:  # noqa: B007 - the last one is the top
        pass
    # A trace of a coarse clock may take no time at all; its spans then have the same share of it.
    share = Decimal(span.duration) * 100 / top.duration if top.duration else Decimal(100)
    if budget.allows(share):
        return ""
    return f"it is {percent_text(share, budget)} of {escaped(f'{top.service}: {top.name}')}'s time, not {budget}"

"""Selects log records and metrics by criteria, and explains what came closest, as `spantree.queries` does for spans."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

__all__ = ["Tests", "check_criteria", "explain", "has_attributes", "has_text", "unmet"]

T = TypeVar("T")
Tests = Mapping[str, Callable[[T, Any], bool]]
CANDIDATES = 10
"""The most items that a message lists."""


def check_criteria(criteria: Mapping[str, Any], tests: Tests[T]) -> None:
    """Raise TypeError for a criterion that does not exist."""
    __tracebackhide__ = True
    for name in criteria:
        if name not in tests:
            raise TypeError(f"there is no criterion {name!r}; the criteria are {', '.join(tests)}")


def unmet(item: T, criteria: Mapping[str, Any], tests: Tests[T]) -> list[str]:
    """Return the names of the criteria that an item does not meet."""
    return [name for name, value in criteria.items() if value is not None and not tests[name](item, value)]


def _missed(item: T, criteria: Mapping[str, Any], tests: Tests[T]) -> list[str]:
    """Return the same for a message. A `where` that asserts something, and fails, is not met."""
    try:
        return unmet(item, criteria, tests)
    except AssertionError:
        return [*unmet(item, {name: value for name, value in criteria.items() if name != "where"}, tests), "where"]


def explain(noun: str, items: Sequence[T], criteria: Mapping[str, Any], tests: Tests[T]) -> str:
    """Say that not exactly one item meets the criteria, and list those that do, or those that come closest."""
    asked_for = ", ".join(f"{name}={_show(value)}" for name, value in criteria.items() if value is not None)
    missed = [_missed(item, criteria, tests) for item in items]
    fewest = min(map(len, missed), default=0)
    closest = [(item, names) for item, names in zip(items, missed, strict=True) if len(names) == fewest]
    if not items:
        return f"no {noun} has arrived"
    if not fewest:
        return (
            f"{len(closest)} {noun}s have {asked_for or 'arrived'}; give more criteria, or use all():{_list(closest)}"
        )
    return f"none of {len(items)} {noun}s has {asked_for}. The closest:{_list(closest)}"


def has_text(value: object, expected: str | re.Pattern[str]) -> bool:
    """Return whether a value is this text, or all of it matches this pattern."""
    if isinstance(expected, re.Pattern):
        return isinstance(value, str) and expected.fullmatch(value) is not None
    return value == expected


def has_attributes(attributes: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    """Return whether these attributes are among others."""
    return all(name in attributes and attributes[name] == value for name, value in expected.items())


def _list(items: Sequence[tuple[object, list[str]]]) -> str:
    lines = [f"\n  {item!r}" + (f", but not {', '.join(names)}" if names else "") for item, names in items[:CANDIDATES]]
    more = [f"\n  and {len(items) - CANDIDATES} more"] if len(items) > CANDIDATES else []
    return "".join([*lines, *more])


def _show(value: object) -> str:
    if isinstance(value, re.Pattern):
        return f"re {value.pattern!r}"
    return getattr(value, "__name__", "…") if callable(value) else repr(value)

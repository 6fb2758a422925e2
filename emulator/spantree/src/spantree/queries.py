"""Finds spans in a trace by service, name, kind, status, error and attributes, or by a text anywhere in them."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypedDict, Unpack

from spantree.candidates import NotOne, has_name, listed
from spantree.failure_reason import failure_reason
from spantree.notation import KINDS, write_value
from spantree.span import Span
from spantree.spans import Spans

__all__ = ["Criteria", "NotOne", "check_criteria", "describe_criteria", "one", "search", "select"]


class Criteria(TypedDict, total=False):
    """The criteria for finding spans.

    `name` is the whole name, or a compiled pattern that matches all of it. `status` is an HTTP status code. `error` is
    an `error.type`, True for any failure, False for no failure. `attributes` are values by name;
    `where` is a function for any other test.
    """

    name: str | re.Pattern[str]
    kind: str
    status: int
    error: str | bool
    attributes: Mapping[str, Any]
    where: Callable[[Span], bool]


def select(spans: Iterable[Span], service: str | None = None, **criteria: Unpack[Criteria]) -> Spans:
    """Return the spans that meet all criteria. Raises TypeError or ValueError for a criterion that does not exist."""
    __tracebackhide__ = True
    check_criteria(criteria)
    values = {"service": service, **criteria}
    asked_for = describe_criteria(values)
    return Spans((span for span in spans if not _unmet(span, values)), f"has {asked_for}" if asked_for else "")


def search(spans: Iterable[Span], text: str) -> Spans:
    """Return the spans that have a text, in upper or lower case, in what they say: see `SpanTree.search`."""
    wanted = text.casefold()
    found = (span for span in spans if any(wanted in said.casefold() for said in _texts(span)))
    return Spans(found, f"contains {text!r}")


def _texts(span: Span) -> Iterator[str]:
    """Yield what a span says. A text with `=` finds an attribute with its value."""
    yield from (span.service, span.name, span.message)
    for attributes in (span.attributes, *(event.attributes for event in span.events)):
        yield from (f"{key}={write_value(value)}" for key, value in attributes.items())
    yield from (event.name for event in span.events)


def one(spans: Iterable[Span], service: str | None = None, **criteria: Unpack[Criteria]) -> Span:
    """Return the only span that meets all criteria. Raises NotOne."""
    __tracebackhide__ = True
    spans = list(spans)
    found = select(spans, service, **criteria)
    if len(found) != 1:
        raise NotOne(_explain(spans, found, {"service": service, **criteria}))
    return found[0]


def describe_criteria(criteria: Mapping[str, Any]) -> str:
    """Write criteria as they are passed to `one`, without those that are None."""
    return ", ".join(f"{name}={_show(value)}" for name, value in criteria.items() if value is not None)


def check_criteria(criteria: Criteria) -> None:
    """Raise TypeError or ValueError for a criterion that does not exist."""
    __tracebackhide__ = True
    for name in criteria:
        if name not in TESTS:
            raise TypeError(f"there is no criterion {name!r}; the criteria are {', '.join(TESTS)}")
    if criteria.get("kind", "internal") not in KINDS:
        raise ValueError(f"kind is {criteria['kind']!r}; it must be one of {', '.join(KINDS)}")


def _has_error(span: Span, expected: str | bool) -> bool:
    return span.failed is expected if isinstance(expected, bool) else span.failed and span.error_type == expected


def _has_attributes(span: Span, expected: Mapping[str, Any]) -> bool:
    return all(name in span.attributes and span.attributes[name] == value for name, value in expected.items())


TESTS: dict[str, Callable[[Span, Any], bool]] = {
    "service": lambda span, expected: span.service == expected,
    "name": has_name,
    "kind": lambda span, expected: span.kind == expected,
    "status": lambda span, expected: span.status == expected,
    "error": _has_error,
    "attributes": _has_attributes,
    "where": lambda span, expected: expected(span),
}


def _unmet(span: Span, expected: Mapping[str, Any]) -> list[str]:
    return [name for name, value in expected.items() if value is not None and not TESTS[name](span, value)]


def _explain(spans: list[Span], found: list[Span], expected: Mapping[str, Any]) -> str:
    asked_for = describe_criteria(expected)
    if found:
        has = f"{len(found)} spans have {asked_for}" if asked_for else f"there are {len(found)} spans"
        return f"{has}; give more criteria, or use all():\n{_list(found, _describe)}"
    unmet = {span: _unmet(span, expected) for span in spans}
    fewest = min((len(names) for names in unmet.values()), default=0)
    closest = [span for span, names in unmet.items() if len(names) == fewest]
    return f"none of {len(spans)} spans has {asked_for}. The closest:\n" + _list(
        closest, lambda span: f"{span}, but {', '.join(_actual(span, name, expected) for name in unmet[span])}"
    )


def _list(spans: list[Span], describe: Callable[[Span], str]) -> str:
    return "\n".join(listed(map(describe, spans)))


def _describe(span: Span) -> str:
    status = "" if span.status is None else f" {span.status}"
    failure = failure_reason(span)
    status += f" ({failure})" if failure and failure not in {span.error_type, str(span.status)} else ""
    return f"{span}{status}, id {span.span_id}, {f'below {span.parent}' if span.parent else 'a root'}"


def _actual(span: Span, name: str, expected: Mapping[str, Any]) -> str:
    if name == "attributes":
        differing = [key for key, value in expected[name].items() if span.attributes.get(key) != value]
        return ", ".join(
            f"{key}={span.attributes[key]!r}" if key in span.attributes else f"without {key}" for key in differing
        )
    if name == "error":
        return f"it failed: {failure_reason(span) or 'without an error.type'}" if span.failed else "it did not fail"
    return "`where` returns false" if name == "where" else f"{name}={getattr(span, name)!r}"


def _show(value: Any) -> str:  # noqa: ANN401 - a criterion
    if isinstance(value, re.Pattern):
        return f"re {value.pattern!r}"
    return getattr(value, "__name__", "…") if callable(value) else repr(value)

"""Finding spans in a trace: by service, name, kind, status, error and attributes."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict, Unpack

from spantree.notation import KINDS
from spantree.span import Span

__all__ = ["Criteria", "NotOne", "one", "select"]

CANDIDATES = 10


class Criteria(TypedDict, total=False):
    """What a span can be found by; what is left out does not matter.

    `name` is the whole name, or a compiled pattern for it. `status` is an HTTP status code. `error` is an
    `error.type`, True for any failure, False for none. `attributes` are values by name; `where` is any other test.
    """

    name: str | re.Pattern[str]
    kind: str
    status: int
    error: str | bool
    attributes: Mapping[str, Any]
    where: Callable[[Span], bool]


class NotOne(AssertionError):
    """There is not just one span of the sort. The message has what there is instead."""


def select(spans: Iterable[Span], service: str | None = None, **criteria: Unpack[Criteria]) -> list[Span]:
    """Return the spans that fit."""
    _refuse_unknown(criteria)
    wanted = {"service": service, **criteria}
    return [span for span in spans if not _misfits(span, wanted)]


def one(spans: Iterable[Span], service: str | None = None, **criteria: Unpack[Criteria]) -> Span:
    """Return the only span that fits. Raises NotOne."""
    __tracebackhide__ = True
    spans = list(spans)
    found = select(spans, service, **criteria)
    if len(found) != 1:
        raise NotOne(_explain(spans, found, {"service": service, **criteria}))
    return found[0]


def _refuse_unknown(criteria: Criteria) -> None:
    for name in criteria:
        if name not in TESTS:
            raise TypeError(f"spans are not found by {name!r}, but by {', '.join(TESTS)}")
    if criteria.get("kind", "internal") not in KINDS:
        raise ValueError(f"kind={criteria['kind']!r} is none of {', '.join(KINDS)}")


def _named(span: Span, wanted: str | re.Pattern[str]) -> bool:
    return span.name == wanted if isinstance(wanted, str) else wanted.fullmatch(span.name) is not None


def _failed(span: Span, wanted: str | bool) -> bool:
    return span.failed is wanted if isinstance(wanted, bool) else span.failed and span.error_type == wanted


def _carries(span: Span, wanted: Mapping[str, Any]) -> bool:
    return all(name in span.attributes and span.attributes[name] == value for name, value in wanted.items())


TESTS: dict[str, Callable[[Span, Any], bool]] = {
    "service": lambda span, wanted: span.service == wanted,
    "name": _named,
    "kind": lambda span, wanted: span.kind == wanted,
    "status": lambda span, wanted: span.status == wanted,
    "error": _failed,
    "attributes": _carries,
    "where": lambda span, wanted: wanted(span),
}


def _misfits(span: Span, wanted: Mapping[str, Any]) -> list[str]:
    return [name for name, value in wanted.items() if value is not None and not TESTS[name](span, value)]


def _explain(spans: list[Span], found: list[Span], wanted: Mapping[str, Any]) -> str:
    words = ", ".join(f"{name}={_show(value)}" for name, value in wanted.items() if value is not None)
    if found:
        return f"{len(found)} spans have {words}, not one:\n{_list(found, _place)}"
    misfits = {span: _misfits(span, wanted) for span in spans}
    fewest = min((len(names) for names in misfits.values()), default=0)
    nearest = [span for span, names in misfits.items() if len(names) == fewest]
    return f"none of {len(spans)} spans has {words}. The nearest:\n" + _list(
        nearest, lambda span: f"{span}, but {', '.join(_actual(span, name, wanted) for name in misfits[span])}"
    )


def _list(spans: list[Span], describe: Callable[[Span], str]) -> str:
    lines = [f"  {describe(span)}" for span in spans[:CANDIDATES]]
    if len(spans) > CANDIDATES:
        lines.append(f"  and {len(spans) - CANDIDATES} more")
    return "\n".join(lines)


def _place(span: Span) -> str:
    above = span.parent
    status = "" if span.status is None else f" {span.status}"
    return f"{span}{status}, id {span.span_id}, {f'below {above}' if above else 'a root'}"


def _actual(span: Span, name: str, wanted: Mapping[str, Any]) -> str:
    if name == "attributes":
        differing = [key for key, value in wanted[name].items() if span.attributes.get(key) != value]
        return ", ".join(
            f"{key}={span.attributes[key]!r}" if key in span.attributes else f"without {key}" for key in differing
        )
    if name == "error":
        return f"error={span.error_type!r}" if span.failed else "it did not fail"
    return "where is not met" if name == "where" else f"{name}={getattr(span, name)!r}"


def _show(value: Any) -> str:  # noqa: ANN401 - a criterion
    if isinstance(value, re.Pattern):
        return f"re {value.pattern!r}"
    return getattr(value, "__name__", "…") if callable(value) else repr(value)

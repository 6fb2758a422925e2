"""The log records that a receiver got: find them by criteria, or wait for them."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NoReturn, TypedDict, Unpack

from spantree.log_record import SEVERITIES, LogRecord
from spantree.receiver.arrivals import Arrivals
from spantree.receiver.criteria import Tests, check_criteria, explain, has_attributes, has_text, unmet
from spantree.receiver.pending import Pending
from spantree.span import Span
from spantree.span_tree import SpanTree

__all__ = ["LogCriteria", "Logs", "NotOneLog"]


class LogCriteria(TypedDict, total=False):
    """The criteria for finding log records.

    `body` is the whole text, or a compiled pattern that matches all of it. `severity` is TRACE, DEBUG, INFO, WARN,
    ERROR or FATAL. `logger` and `event` are names, `attributes` values by name. `span` and `trace` select the records
    that were written in them. `where` is a function for any other test.
    """

    body: Any
    severity: str
    logger: str
    event: str
    attributes: Mapping[str, Any]
    span: Span
    trace: SpanTree
    where: Callable[[LogRecord], bool]


class NotOneLog(AssertionError):
    """Not exactly one log record meets the criteria, or none arrived in time. The message lists the closest."""


class Logs:
    """All log records so far, in order of arrival."""

    def __init__(self) -> None:
        self._records: list[LogRecord] = []
        self._arrivals: Arrivals[LogRecord] = Arrivals()

    def add(self, records: list[LogRecord]) -> None:
        """Keep records that have arrived."""

        def keep() -> Iterable[LogRecord]:
            self._records += records
            return records

        self._arrivals.add(keep)

    def all(self, service: str | None = None, **criteria: Unpack[LogCriteria]) -> list[LogRecord]:
        """Return the records so far that meet all criteria."""
        __tracebackhide__ = True
        values = _values(service, criteria)
        return [record for record in list(self._records) if not unmet(record, values, TESTS)]

    def one(self, service: str | None = None, **criteria: Unpack[LogCriteria]) -> LogRecord:
        """Return the only record so far that meets all criteria. Raises NotOneLog."""
        __tracebackhide__ = True
        found = self.all(service, **criteria)
        if len(found) != 1:
            raise NotOneLog(explain("log record", list(self._records), _values(service, criteria), TESTS))
        return found[0]

    def wait_for(
        self, service: str | None = None, *, timeout: float = 10.0, **criteria: Unpack[LogCriteria]
    ) -> Pending[LogRecord]:
        """Return the first record that meets all criteria, to be awaited, or to be waited for by `.wait()`.

        It may have arrived already. Raises NotOneLog after `timeout` seconds.
        """
        __tracebackhide__ = True
        values = _values(service, criteria)

        def fail() -> NoReturn:
            __tracebackhide__ = True
            reason = explain("log record", list(self._records), values, TESTS)
            raise NotOneLog(f"no such log record arrived within {timeout:g} s: {reason}")

        return self._arrivals.wait(
            lambda: self._records, lambda record: not unmet(record, values, TESTS), timeout, fail
        )

    def __iter__(self) -> Iterator[LogRecord]:
        return iter(list(self._records))

    def __len__(self) -> int:
        return len(self._records)

    def __repr__(self) -> str:
        return f"<{len(self)} log records>"


def _values(service: str | None, criteria: LogCriteria) -> dict[str, Any]:
    __tracebackhide__ = True
    values = {"service": service, **criteria}
    check_criteria(values, TESTS)
    if criteria.get("severity") not in {None, *SEVERITIES}:
        raise ValueError(f"severity is {criteria['severity']!r}; it must be one of {', '.join(SEVERITIES)}")
    return values


def _has_body(record: LogRecord, expected: Any) -> bool:  # noqa: ANN401 - a body may be any value
    return has_text(record.body, expected) if isinstance(expected, re.Pattern) else bool(record.body == expected)


TESTS: Tests[LogRecord] = {
    "service": lambda record, expected: record.service == expected,
    "body": _has_body,
    "severity": lambda record, expected: record.severity == expected,
    "logger": lambda record, expected: record.logger == expected,
    "event": lambda record, expected: record.event == expected,
    "attributes": lambda record, expected: has_attributes(record.attributes, expected),
    "span": lambda record, expected: (record.trace_id, record.span_id) == (expected.trace_id, expected.span_id),
    "trace": lambda record, expected: record.trace_id == expected.trace_id,
    "where": lambda record, expected: expected(record),
}

"""A log record, as OpenTelemetry's exporters send it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spantree.notation import write_value

__all__ = ["SEVERITIES", "LogRecord"]

SEVERITIES = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
"""The names of the ranges of severity numbers, of four numbers each (logs data model, "Field: SeverityNumber")."""
RANGE = 4


@dataclass(frozen=True, slots=True, repr=False)
class LogRecord:
    """A log record. Ids are lower-case hex, `""` outside any span; times are nanoseconds since the epoch, 0 if unknown.

    `body` is mostly text, but may be any value. `logger` is the name of the instrumentation scope, which is the
    logger's where a logging library is bridged. `event` is the name of an event, `""` for any other record.
    """

    body: Any
    severity_number: int = 0
    severity_text: str = ""
    """The severity as the logging library names it."""
    time: int = 0
    observed: int = 0
    trace_id: str = ""
    span_id: str = ""
    logger: str = ""
    event: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    resource: Mapping[str, Any] = field(default_factory=dict)

    @property
    def service(self) -> str:
        """The `service.name` of the resource."""
        return str(self.resource.get("service.name", "unknown_service"))

    @property
    def severity(self) -> str:
        """TRACE, DEBUG, INFO, WARN, ERROR or FATAL, whatever the logging library calls it; `""` if it is not known."""
        number = (self.severity_number - 1) // RANGE
        return SEVERITIES[number] if 0 <= number < len(SEVERITIES) else ""

    def __str__(self) -> str:
        what = [self.severity, self.event, "" if self.body is None else write_value(self.body)]
        failure = self.attributes.get("exception.type")
        return " ".join(filter(None, what)) + (f" !{failure}" if failure else "")

    def __repr__(self) -> str:
        return f"<log record of {self.service}: {self}>"

    def __hash__(self) -> int:
        return hash((self.time, self.trace_id, self.span_id, self.severity_number))

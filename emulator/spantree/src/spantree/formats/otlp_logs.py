"""Log records in OTLP, as protobuf or JSON."""

from collections.abc import Mapping
from typing import Any

from spantree.formats.json_messages import parse_json
from spantree.formats.otlp_json import MalformedOtlp
from spantree.formats.otlp_protobuf import parse, read_attributes, read_value
from spantree.log_record import LogRecord

__all__ = ["logs_from_json", "logs_from_protobuf", "read_optional_id"]

EXPORT = "collector.logs.v1.logs_service_pb2", "ExportLogsServiceRequest"


def logs_from_protobuf(body: bytes) -> list[LogRecord]:
    """Read the log records of an ExportLogsServiceRequest. Raises MalformedOtlp."""
    return _log_records(parse(body, *EXPORT))


def logs_from_json(body: bytes) -> list[LogRecord]:
    """Read the log records of one OTLP JSON document with `resourceLogs`. Raises MalformedOtlp."""
    return _log_records(parse_json(body, *EXPORT))


def read_optional_id(value: bytes, field: str, size: int) -> str:
    """Return an id in hex, `""` for none: a log record and an exemplar may belong to no span. Raises MalformedOtlp."""
    if value and len(value) != size:
        raise MalformedOtlp(f"{field} is {value.hex()!r}; it must be {2 * size} hex digits, or absent")
    return value.hex() if any(value) else ""


def _log_records(request: Any) -> list[LogRecord]:  # noqa: ANN401 - generated code has no types
    return [
        _log_record(record, of_scope.scope.name, resource)
        for of_resource in request.resource_logs
        for resource in [read_attributes(of_resource.resource.attributes)]
        for of_scope in of_resource.scope_logs
        for record in of_scope.log_records
    ]


def _log_record(record: Any, logger: str, resource: Mapping[str, Any]) -> LogRecord:  # noqa: ANN401 - as above
    return LogRecord(
        body=read_value(record.body),
        severity_number=record.severity_number,
        severity_text=record.severity_text,
        time=record.time_unix_nano,
        observed=record.observed_time_unix_nano,
        trace_id=read_optional_id(record.trace_id, "trace_id", 16),
        span_id=read_optional_id(record.span_id, "span_id", 8),
        logger=logger,
        event=getattr(record, "event_name", ""),  # older versions of opentelemetry-proto do not have it
        attributes=read_attributes(record.attributes),
        resource=resource,
    )

"""What one request brings: spans, log records or metrics, in protobuf or JSON."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from spantree.formats.otlp_json import spans_from_json
from spantree.formats.otlp_logs import logs_from_json, logs_from_protobuf
from spantree.formats.otlp_metrics import metrics_from_json, metrics_from_protobuf
from spantree.formats.span_records import SpanRecords, records_from_protobuf, records_of
from spantree.log_record import LogRecord
from spantree.metric import Metric
from spantree.span import Span

__all__ = ["Batch", "read_batch"]


@dataclass(frozen=True, slots=True)
class Batch:
    """What came in a request. Spans are by trace id, and decoded when somebody asks for them."""

    by_trace: Mapping[str, SpanRecords] = field(default_factory=dict)
    logs: list[LogRecord] = field(default_factory=list)
    metrics: list[Metric] = field(default_factory=list)

    def spans(self) -> list[Span]:
        """Return the spans, trace by trace."""
        return [records.span(number) for records in self.by_trace.values() for number in range(len(records))]


def read_batch(signal: str, content_type: str, body: bytes) -> Batch:
    """Read the body of a request for traces, logs or metrics. Raises MalformedOtlp."""
    return READERS[signal, content_type](body)


READERS: dict[tuple[str, str], Callable[[bytes], Batch]] = {
    ("traces", "application/x-protobuf"): lambda body: Batch(records_from_protobuf(body)),
    ("traces", "application/json"): lambda body: Batch(records_of(spans_from_json(body))),
    ("logs", "application/x-protobuf"): lambda body: Batch(logs=logs_from_protobuf(body)),
    ("logs", "application/json"): lambda body: Batch(logs=logs_from_json(body)),
    ("metrics", "application/x-protobuf"): lambda body: Batch(metrics=metrics_from_protobuf(body)),
    ("metrics", "application/json"): lambda body: Batch(metrics=metrics_from_json(body)),
}

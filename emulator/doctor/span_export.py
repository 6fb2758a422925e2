"""Sends one span as every command does, and records the collector's answer, which exporters do not return."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext, TraceFlags
from requests import Response, Session

from emulator.doctor.endpoint import GRPC, Endpoint
from emulator.doctor.export_results import ExportResult
from emulator.doctor.retry import with_timeout
from emulator.runtime.export import Export, otlp_exporter, resource_of
from emulator.runtime.seeded_random import SeededRandom
from emulator.runtime.span_ids import RandomIds

__all__ = ["check_set_up", "new_span", "send"]

SERVICE = "emulator-doctor"
NEVER_SENT = "Invalid metadata"
"""What gRPC raises instead of sending invalid headers."""
DURATION_NANOSECONDS = 1_000_000
GRPC_STUB = "_client"
"""The private attribute of the gRPC exporter that holds its stub. There is no public way to see the answer."""

Record = Callable[[ExportResult], None]


def check_set_up(endpoint: Endpoint) -> None:
    """Set up the export as every command does, and discard it. Raises ValueError if that fails."""
    try:
        exporter = otlp_exporter(endpoint.exporter_url)
    except Exception as error:  # SDKs raise various errors for invalid variables
        raise ValueError(str(error) or type(error).__name__) from error
    if exporter is None:
        raise ValueError("OTEL_TRACES_EXPORTER names an exporter other than otlp")
    export = Export(exporter)
    try:
        export.tracer(SERVICE, SeededRandom(owner=SERVICE))
    finally:
        export.close()


def new_span() -> ReadableSpan:
    """Return a span that Jaeger shows as a trace of its own. No sampler and no disabled SDK can drop it."""
    ids, now = RandomIds(), time.time_ns()
    return ReadableSpan(
        "emulator doctor",
        SpanContext(ids.generate_trace_id(), ids.generate_span_id(), is_remote=False, trace_flags=TraceFlags(1)),
        resource=resource_of(SERVICE, SeededRandom(owner=SERVICE)),
        attributes={"openstack.doctor.text": "as it was sent", "openstack.doctor.number": os.getpid()},
        start_time=now - DURATION_NANOSECONDS,
        end_time=now,
    )


def send(span: ReadableSpan, endpoint: Endpoint, seconds: float) -> ExportResult:
    """Send a span; return what the collector answered within `seconds`. Call `check_set_up` first."""
    # exporters retry by themselves, and each attempt is recorded: the last one counts
    recorded, began = list[ExportResult](), time.monotonic()
    if endpoint.protocol == GRPC:
        exporter = otlp_exporter(endpoint.exporter_url)
        recording = _record_grpc(exporter, recorded.append)
    else:
        exporter = otlp_exporter(endpoint.exporter_url, session=_RecordingSession(recorded.append))
        recording = True
    assert exporter is not None
    try:
        result = with_timeout(seconds, lambda: exporter.export([span]))
    except TimeoutError as error:
        return recorded[-1] if recorded else ExportResult(error=str(error))
    finally:
        exporter.shutdown()
    unrecorded = ExportResult(code="OK" if result is SpanExportResult.SUCCESS else "", is_recorded=recording)
    return replace(recorded[-1] if recorded else unrecorded, seconds=time.monotonic() - began)


class _RecordingSession(Session):
    """A session that records answers and errors: the exporter treats every status below 400 as success."""

    def __init__(self, record: Record) -> None:
        super().__init__()
        self._record = record

    def request(self, *args: Any, **more: Any) -> Response:  # noqa: ANN401 - requests' own signature
        try:
            response = super().request(*args, **more)
        except Exception as error:
            self._record(_not_sent(error))
            raise
        self._record(_http_result(response))
        return response


def _http_result(response: Response) -> ExportResult:
    content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_otlp = response.status_code == HTTPStatus.OK and content_type == "application/x-protobuf"
    rejected, message = _partial_success(response.content) if is_otlp else (0, "")
    text = message if is_otlp else response.content.decode(errors="replace")
    location = response.headers.get("location", "")
    return ExportResult(str(response.status_code), text, content_type, location, rejected)


def _record_grpc(exporter: SpanExporter | None, record: Record) -> bool:
    """Wrap the exporter's stub; return False if this version of the exporter has none where it is expected."""
    stub: Any = getattr(exporter, GRPC_STUB, None)
    if not callable(getattr(stub, "Export", None)):
        return False
    stub.Export = partial(_export_over_grpc, stub.Export, record)
    return True


def _export_over_grpc(call: Callable[..., Any], record: Record, **more: Any) -> Any:  # noqa: ANN401 - the stub's types
    try:
        response = call(**more)
    except Exception as error:
        code, details = getattr(error, "code", None), getattr(error, "details", None)
        if code and details and details() != NEVER_SENT:
            record(ExportResult(code().name, str(details())))
        else:
            record(_not_sent(ValueError(NEVER_SENT) if details else error))
        raise
    partial_success = response.partial_success
    record(ExportResult("OK", partial_success.error_message, rejected=partial_success.rejected_spans))
    return response


def _partial_success(body: bytes) -> tuple[int, str]:
    try:
        partial_success = ExportTraceServiceResponse.FromString(body).partial_success
    except Exception:  # noqa: BLE001 - protobuf's DecodeError, whose module differs between versions
        return 0, ""
    return partial_success.rejected_spans, partial_success.error_message


def _not_sent(error: BaseException) -> ExportResult:
    """Return the result of a request without an answer. A ValueError means that it is invalid: a retry fails too."""
    return ExportResult(error=_innermost(error), is_permanent=isinstance(error, ValueError))


def _innermost(error: BaseException) -> str:
    """Return the innermost reason: requests wraps urllib3's errors, and these wrap the operating system's."""
    while isinstance(getattr(error, "reason", None), BaseException) or (
        error.args and isinstance(error.args[0], BaseException)
    ):
        reason = getattr(error, "reason", None)
        error = reason if isinstance(reason, BaseException) else error.args[0]
    return str(error) or type(error).__name__

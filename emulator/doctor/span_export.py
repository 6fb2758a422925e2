"""One span on its way: sent as all commands send theirs, while the collector's answer is overheard, which exporters
keep to themselves.
"""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext, TraceFlags

from emulator.doctor.endpoint import GRPC, Endpoint
from emulator.doctor.export_results import Answer
from emulator.doctor.retry import within
from emulator.runtime.export import Export, otlp_exporter, resource_of
from emulator.runtime.seeded_random import SeededRandom
from emulator.runtime.span_ids import RandomIds

__all__ = ["a_span", "send", "set_up"]

SERVICE = "emulator-doctor"
NEVER_SENT = "Invalid metadata"
"""What gRPC says of headers that it does not send, in the place of an answer."""
LASTS_NANOSECONDS = 1_000_000


def set_up(endpoint: Endpoint) -> None:
    """Set up what all commands set up, and throw it away. Raises ValueError if they could not send a span with it."""
    try:
        exporter = otlp_exporter(endpoint.given)
    except Exception as error:  # SDKs raise what they like of what variables say
        raise ValueError(str(error) or type(error).__name__) from error
    if exporter is None:
        raise ValueError("OTEL_TRACES_EXPORTER names another exporter than otlp")
    export = Export(exporter)
    try:
        export.tracer(SERVICE, SeededRandom(owner=SERVICE))
    finally:
        export.close()


def a_span() -> ReadableSpan:
    """Make a span that Jaeger shows as a trace of its own. Neither a sampler nor a disabled SDK has a say in it."""
    ids, now = RandomIds(), time.time_ns()
    return ReadableSpan(
        "emulator doctor",
        SpanContext(ids.generate_trace_id(), ids.generate_span_id(), is_remote=False, trace_flags=TraceFlags(1)),
        resource=resource_of(SERVICE, SeededRandom(owner=SERVICE)),
        attributes={"openstack.doctor.text": "as it was sent", "openstack.doctor.number": os.getpid()},
        start_time=now - LASTS_NANOSECONDS,
        end_time=now,
    )


def send(span: ReadableSpan, endpoint: Endpoint, seconds: float) -> Answer:
    """Send a span, and return what was answered within these seconds. `set_up` has shown that there is an exporter."""
    exporter = otlp_exporter(endpoint.given)
    assert exporter is not None
    answers, began = list[Answer](), time.monotonic()
    (_overhear_grpc if endpoint.protocol == GRPC else _overhear_http)(exporter, answers.append)
    try:
        result = within(seconds, lambda: exporter.export([span]))
    except TimeoutError as error:
        return answers[-1] if answers else Answer(error=str(error))
    finally:
        exporter.shutdown()
    answer = answers[-1] if answers else Answer(code="OK" if result is SpanExportResult.SUCCESS else "")
    return replace(answer, seconds=time.monotonic() - began)


def _overhear_http(exporter: SpanExporter, hear: Callable[[Answer], None]) -> None:
    """Listen at the exporter's transport: the exporter takes each status below 400 for a success."""
    transport = getattr(getattr(exporter, "_client", None), "_transport", None)
    if transport is not None:
        transport.request = partial(_http, transport.request, hear)


def _http(request: Callable[..., Any], hear: Callable[[Answer], None], *args: Any, **more: Any) -> Any:  # noqa: ANN401 - the transport's types
    result = request(*args, **more)
    if result.error is not None:
        hear(_fault(result.error))
        return result
    headers, body = result.headers(), result.content()
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    accepted = result.status_code == 200 and kind == "application/x-protobuf"  # noqa: PLR2004 - HTTP's OK
    rejected, message = _partial_success(body) if accepted else (0, "")
    words = message if accepted else body.decode(errors="replace")
    hear(Answer(str(result.status_code), words, kind, headers.get("location", ""), rejected))
    return result


def _overhear_grpc(exporter: SpanExporter, hear: Callable[[Answer], None]) -> None:
    """Listen at the exporter's stub, for as long as it keeps that."""
    stub = getattr(exporter, "_client", None)
    if stub is not None:
        stub.Export = partial(_grpc, stub.Export, hear)


def _grpc(call: Callable[..., Any], hear: Callable[[Answer], None], **more: Any) -> Any:  # noqa: ANN401 - as above
    try:
        response = call(**more)
    except Exception as error:
        code, details = getattr(error, "code", None), getattr(error, "details", None)
        if code and details and details() != NEVER_SENT:
            hear(Answer(code().name, str(details())))
        else:
            hear(_fault(ValueError(NEVER_SENT) if details else error))
        raise
    partly = response.partial_success
    hear(Answer("OK", partly.error_message, rejected=partly.rejected_spans))
    return response


def _partial_success(body: bytes) -> tuple[int, str]:
    try:
        partly = ExportTraceServiceResponse.FromString(body).partial_success
    except Exception:  # noqa: BLE001 - protobuf's DecodeError, which it keeps elsewhere in each version
        return 0, ""
    return partly.rejected_spans, partly.error_message


def _fault(error: BaseException) -> Answer:
    """What came instead of an answer; a ValueError comes of what is to be sent, and will come again."""
    return Answer(error=_words(error), is_hopeless=isinstance(error, ValueError))


def _words(error: BaseException) -> str:
    """The innermost reason: requests wraps what urllib3 wraps what the system said."""
    while isinstance(getattr(error, "reason", None), BaseException) or (
        error.args and isinstance(error.args[0], BaseException)
    ):
        reason = getattr(error, "reason", None)
        error = reason if isinstance(reason, BaseException) else error.args[0]
    return str(error) or type(error).__name__

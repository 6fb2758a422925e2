"""Log records through the receiver, from the SDK's own exporters and by hand."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from opentelemetry._logs import LogRecord as SdkRecord
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as OverGrpc
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as OverHttp
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import LogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from spantree import LogRecord, NotOneLog, OtlpReceiver
from tests.support.otlp import JSON, post
from tests.support.spans import TRACE

SHOP = Resource({"service.name": "shop"})
EXPORTERS: dict[str, Callable[[str], LogRecordExporter]] = {
    "http": lambda url: OverHttp(endpoint=f"{url}/v1/logs"),
    "grpc": lambda url: OverGrpc(endpoint=url, insecure=True),
}


def provider_for(otlp: OtlpReceiver, over: str = "http") -> LoggerProvider:
    provider = LoggerProvider(SHOP, shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(EXPORTERS[over](otlp.endpoint)))
    return provider


@pytest.mark.parametrize("over", EXPORTERS)
def test_the_sdks_log_exporters_send_every_kind_of_record(otlp: OtlpReceiver, over: str) -> None:
    provider = provider_for(otlp, over)
    logger = provider.get_logger("shop.cart")
    logger.emit(
        SdkRecord(
            timestamp=5,
            observed_timestamp=6,
            severity_number=SeverityNumber.WARN2,
            severity_text="WARNING",
            body={"items": [1, 2.5, True], "of": "cart"},
            attributes={"shop.order.id": 17},
            event_name="cart.changed",
        )
    )
    logger.emit(SdkRecord(body="plain"))
    provider.shutdown()
    assert otlp.logs.one(event="cart.changed") == LogRecord(
        body={"items": [1, 2.5, True], "of": "cart"},
        severity_number=14,
        severity_text="WARNING",
        time=5,
        observed=6,
        logger="shop.cart",
        event="cart.changed",
        attributes={"shop.order.id": 17},
        resource=dict(SHOP.attributes),
    )
    assert otlp.logs.one(severity="WARN").severity == "WARN"
    plain = otlp.logs.one("shop", body="plain")
    assert (plain.trace_id, plain.span_id, plain.severity, plain.service) == ("", "", "", "shop")
    assert [record.body for record in otlp.logs] == [otlp.logs.all()[0].body, "plain"]


def log_in_spans(otlp: OtlpReceiver) -> None:
    """Write records in two spans and outside them, the inner one with an exception, and end the spans."""
    logs, spans = provider_for(otlp), TracerProvider(resource=SHOP, shutdown_on_exit=False)
    spans.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=f"{otlp.endpoint}/v1/traces")))
    logger, tracer = logs.get_logger("shop"), spans.get_tracer("shop")
    logger.emit(SdkRecord(timestamp=1, body="starting"))
    with tracer.start_as_current_span("check out"):
        logger.emit(SdkRecord(timestamp=2, severity_number=SeverityNumber.INFO, body="checking out"))
        with tracer.start_as_current_span("charge card"):
            failed = {"exception.type": "Declined", "exception.message": "no money"}
            logger.emit(
                SdkRecord(timestamp=3, severity_number=SeverityNumber.ERROR, body="not charged", attributes=failed)
            )
    logs.shutdown()
    spans.shutdown()


def test_a_log_record_is_found_by_its_span_and_shows_below_it(otlp: OtlpReceiver) -> None:
    log_in_spans(otlp)
    trace = otlp.trace().wait()
    [record] = otlp.logs.all(span=trace.one(name="charge card"))
    assert record.attributes["exception.message"] == "no money"
    assert trace.find(record.span_id) == trace.one(name="charge card")
    assert [found.body for found in otlp.logs.all(trace=trace)] == ["checking out", "not charged"]
    assert trace.as_text(logs=otlp.logs) == (
        "shop: check out\n  | INFO checking out\n  shop: charge card\n    | ERROR not charged !Declined"
    )
    assert str(trace) == trace.as_text() == "shop: check out\n  shop: charge card"


def test_a_log_record_that_is_not_there_is_answered_with_the_closest(otlp: OtlpReceiver) -> None:
    with pytest.raises(NotOneLog, match="no log record has arrived"):
        otlp.logs.one()
    log_in_spans(otlp)
    with pytest.raises(NotOneLog) as none:
        otlp.logs.one("shop", body=re.compile("not .*"), severity="INFO")
    assert str(none.value) == (
        "none of 3 log records has service='shop', body=re 'not .*', severity='INFO'. The closest:\n"
        "  <log record of shop: INFO checking out>, but not body\n"
        "  <log record of shop: ERROR not charged !Declined>, but not severity"
    )
    with pytest.raises(NotOneLog, match=r"3 log records have service='shop'; give more criteria, or use all\(\):"):
        otlp.logs.one("shop")
    with pytest.raises(TypeError, match="there is no criterion 'text'; the criteria are service, body"):
        otlp.logs.one(text="x")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="severity is 'error'; it must be one of TRACE, DEBUG"):
        otlp.logs.all(severity="error")


async def test_a_log_record_is_awaited_until_it_arrives(otlp: OtlpReceiver) -> None:
    pending = otlp.logs.wait_for(body="not charged")
    await asyncio.to_thread(log_in_spans, otlp)
    assert (await pending).severity == "ERROR"
    assert (await otlp.logs.wait_for(severity="INFO")).body == "checking out"
    with pytest.raises(
        NotOneLog, match=r"no such log record arrived within 0\.01 s: none of 3 log records has body='x'"
    ):
        otlp.logs.wait_for(body="x", timeout=0.01).wait()


def test_an_error_of_a_where_reaches_its_caller(otlp: OtlpReceiver) -> None:
    pending = otlp.logs.wait_for(where=lambda record: record.attributes["missing"])
    log_in_spans(otlp)
    with pytest.raises(KeyError, match="missing"):
        pending.wait()


def json_logs(**more: object) -> bytes:
    record = {"timeUnixNano": "5", "severityNumber": 9, "body": {"stringValue": "hello"}, "traceId": TRACE, **more}
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "node"}}]}
    return json.dumps({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]}).encode()


def test_log_records_are_read_from_json_with_ids_in_hex(otlp: OtlpReceiver) -> None:
    body = json_logs(spanId="00000000000000ab", attributes=[{"key": "n", "value": {"intValue": "3"}}], new=1)
    assert post(otlp, body, JSON, "/v1/logs")[0] == 200
    record = otlp.logs.one("node", body="hello", severity="INFO")
    assert (record.trace_id, record.span_id, record.attributes, record.time) == (TRACE, "00000000000000ab", {"n": 3}, 5)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "not an ExportLogsServiceRequest in JSON"),
        (b"[]", "not an ExportLogsServiceRequest in JSON"),
        (b"[" * 100_000, "not an ExportLogsServiceRequest in JSON"),
        (json_logs(traceId="xyz"), "traceId is 'xyz'; it must be hex digits"),
        (json_logs(spanId="abcd"), "span_id is 'abcd'; it must be 16 hex digits, or absent"),
        (json_logs(timeUnixNano="soon"), "timeUnixNano"),
        (json_logs(attributes=3), "attributes"),
    ],
)
def test_malformed_logs_are_refused_with_the_field_named(otlp: OtlpReceiver, body: bytes, message: str) -> None:
    status, answer = post(otlp, body, JSON, "/v1/logs")
    assert status == 400
    assert message in json.loads(answer)["message"]
    assert len(otlp.logs) == 0


PROGRAM = """
import logging
from opentelemetry import trace, metrics
from opentelemetry._logs import get_logger, LogRecord
from opentelemetry.sdk._configuration import _OTelSDKConfigurator

_OTelSDKConfigurator().configure()
with trace.get_tracer("shop").start_as_current_span("work"):
    get_logger("shop").emit(LogRecord(body="working"))
    metrics.get_meter("shop").create_counter("shop.orders").add(2)
"""


def run(environment: dict[str, str]) -> None:
    inherited = {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://127.0.0.1:9", "OTEL_METRICS_EXPORTER": "none"}
    env = {**os.environ, **inherited, **environment, "OTEL_SERVICE_NAME": "shop"}
    subprocess.run([sys.executable, "-c", PROGRAM], env=env, check=True, timeout=60)  # noqa: S603 - our own program


def test_a_subprocess_sends_metrics_and_logs_only_where_asked_for(otlp: OtlpReceiver) -> None:
    run(dict(otlp.environment))
    first = otlp.trace().wait()
    assert (len(otlp.logs), len(otlp.metrics)) == (0, 0)
    run(dict(otlp.environment_with("metrics", "logs")))
    assert otlp.logs.one("shop", body="working").trace_id == otlp.trace().wait().trace_id != first.trace_id
    assert otlp.metrics.one("shop.orders", service="shop").point().value == 2
    with pytest.raises(ValueError, match="'profiles' is no signal that can be added; there are metrics and logs"):
        otlp.environment_with("profiles")

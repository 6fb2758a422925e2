"""What becomes of spans: each one is counted as sent or as lost, whatever the collector does."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

from emulator.instrumentation import export
from emulator.instrumentation.delivery import Delivery, SpanSender
from emulator.instrumentation.export import ExportLog, otlp_exporter
from spantree import OtlpReceiver
from tests.support.servers import PAGE, REDIRECT, closed, grpc_only, http, partly, partly_over_http, saying

HTTP, GRPC = "http/protobuf", "grpc"
CLOSE_SECONDS = 1.0


@pytest.fixture(params=[HTTP, GRPC])
def protocol(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Send by this protocol."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", request.param)
    return str(request.param)


@pytest.fixture
def exports() -> Iterator[ExportLog]:
    """The log of the exporters."""
    log = ExportLog()
    yield log
    log.close()


def sender_to(exporter: SpanExporter | None, exports: ExportLog, queue: int = 65_536) -> SpanSender:
    assert exporter is not None
    return SpanSender(exporter, exports, queue)


def end_spans(sender: SpanSender, number: int, *, sampled: bool = True) -> None:
    provider = TracerProvider(ALWAYS_ON if sampled else ALWAYS_OFF, shutdown_on_exit=False)
    provider.add_span_processor(sender)
    tracer = provider.get_tracer("a test")
    for _ in range(number):
        tracer.start_span("work").end()


def received(otlp: OtlpReceiver) -> int:
    return sum(len(trace) for trace in otlp.traces)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    ours = [record for record in caplog.records if record.name.startswith("emulator.")]  # pytest hears muted ones too
    return [record.getMessage() for record in ours if record.levelno >= logging.WARNING]


@pytest.mark.usefixtures("protocol")
def test_sent_and_lost_add_up_if_the_collector_dies(exports: ExportLog, caplog: pytest.LogCaptureFixture) -> None:
    with OtlpReceiver() as otlp:
        sender = sender_to(otlp_exporter(otlp.endpoint), exports)
        end_spans(sender, 700)
        sender.force_flush()
        assert sender.delivery == Delivery(700, sent=700)
        arrived = received(otlp)
    end_spans(sender, 600)
    assert sender.close(CLOSE_SECONDS)
    assert sender.delivery == Delivery(1300, sent=700, lost=600, reason="Connection refused")
    assert arrived == 700
    assert warnings(caplog) == ["600 of 1300 spans could not be sent over OTLP (Connection refused)"]


def test_a_loss_is_told_once_at_once_and_in_full_at_the_end(
    exports: ExportLog, caplog: pytest.LogCaptureFixture
) -> None:
    with saying(http("400 Bad Request", body=b"no")) as port:  # exporters do not retry it
        sender = sender_to(otlp_exporter(f"http://127.0.0.1:{port}"), exports)
        for _ in range(3):
            end_spans(sender, 10)
            sender.force_flush()
        assert sender.delivery.lost == 30
        [at_once] = warnings(caplog)
        assert at_once.startswith("spans cannot be sent over OTLP (")
        sender.close(CLOSE_SECONDS)
    assert len(warnings(caplog)) == 2
    assert warnings(caplog)[1].startswith("30 of 30 spans could not be sent over OTLP (")


@pytest.mark.parametrize(
    ("via", "collector", "lost", "reason"),
    [
        (HTTP, lambda: saying(partly_over_http(3, "no such tenant")), 3, "the collector rejected them: no such tenant"),
        (GRPC, lambda: grpc_only(lambda *_: partly(3, "too old")), 3, "the collector rejected them: too old"),
        (HTTP, lambda: saying(partly_over_http(9999, "")), 10, "the collector rejected them"),
        (HTTP, lambda: saying(partly_over_http(0, "just a hint")), 0, ""),
        (HTTP, lambda: saying(REDIRECT), 10, "the collector rejected them: HTTP 302, a redirect"),
        (HTTP, lambda: saying(PAGE), 10, "the collector rejected them: HTTP 200, a web page"),
        (HTTP, lambda: saying(http("200 OK", "Content-Type: application/x-protobuf", body=b"\xff")), 0, ""),
    ],
    ids=["HTTP", "gRPC", "more than were sent", "only a message", "redirect", "web page", "unreadable answer"],
)
def test_spans_that_a_collector_rejects_are_lost(
    monkeypatch: pytest.MonkeyPatch,
    exports: ExportLog,
    via: str,
    collector: Callable[[], AbstractContextManager[int]],
    lost: int,
    reason: str,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", via)
    with collector() as port:
        sender = sender_to(otlp_exporter(f"http://127.0.0.1:{port}"), exports)
        end_spans(sender, 10)
        sender.close(CLOSE_SECONDS)
    assert sender.delivery == Delivery(10, sent=10 - lost, lost=lost, reason=reason)


def test_answers_are_still_seen_after_grpc_has_connected_again(
    monkeypatch: pytest.MonkeyPatch, exports: ExportLog
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", GRPC)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.3")
    with grpc_only(lambda *_: partly(1, "")) as port:
        sender = sender_to(otlp_exporter(f"http://127.0.0.1:{port}"), exports)
        end_spans(sender, 10)
        sender.force_flush()
    end_spans(sender, 10)
    sender.force_flush()  # fails, and the exporter makes a new channel
    with grpc_only(lambda *_: partly(1, ""), f"127.0.0.1:{port}"):
        monkeypatch.delenv("OTEL_EXPORTER_OTLP_TIMEOUT")
        end_spans(sender, 10)
        sender.force_flush()
        sender.close(CLOSE_SECONDS)
    assert sender.delivery.sent + sender.delivery.lost == 30
    assert sender.delivery.sent % 9 == 0, "one span of each batch that was answered was rejected"
    assert sender.delivery.sent > 0


class Slow(SpanExporter):
    """Counts spans, and takes the first batch only after `go` is set."""

    def __init__(self) -> None:
        self.began, self.go, self.exported = threading.Event(), threading.Event(), 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.began.set()
        assert self.go.wait(30)
        self.exported += len(spans)
        return SpanExportResult.SUCCESS


def test_spans_that_find_the_queue_full_are_lost_and_counted_at_once(
    monkeypatch: pytest.MonkeyPatch, exports: ExportLog, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "5")
    exporter = Slow()
    sender = sender_to(exporter, exports, queue=20)
    end_spans(sender, 5)
    assert exporter.began.wait(30)
    end_spans(sender, 50)  # while five are on their way, twenty can wait
    assert sender.delivery == Delivery(55, sent=0, lost=30, reason="the queue was full")
    exporter.go.set()
    sender.close(30)
    assert sender.delivery == Delivery(55, sent=25, lost=30, reason="the queue was full")
    assert exporter.exported == 25
    assert len(warnings(caplog)) == 2


def test_spans_that_wait_when_time_is_up_are_lost(exports: ExportLog) -> None:
    exporter = Slow()
    sender = sender_to(exporter, exports)
    end_spans(sender, 700)
    assert not sender.close(0.01)
    assert sender.delivery == Delivery(700, sent=0, lost=700, reason="no answer in time")
    exporter.go.set()


class Broken(SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        raise ValueError(f"{len(spans)} is not my number")


def test_an_exporter_that_raises_loses_its_batch_and_nothing_else(exports: ExportLog) -> None:
    sender = sender_to(Broken(), exports)
    end_spans(sender, 10)
    sender.close(CLOSE_SECONDS)
    assert sender.delivery == Delivery(10, sent=0, lost=10, reason="10 is not my number")


@pytest.mark.usefixtures("protocol")
def test_spans_that_are_not_sampled_are_not_counted(exports: ExportLog) -> None:
    with closed() as port:
        sender = sender_to(otlp_exporter(f"http://127.0.0.1:{port}"), exports)
        end_spans(sender, 10, sampled=False)
        sender.close(CLOSE_SECONDS)
    assert sender.delivery == Delivery()


def test_an_exporter_that_hides_its_answers_says_so_once(
    monkeypatch: pytest.MonkeyPatch, exports: ExportLog, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(export, "watch_session", lambda *_: None)  # as a future SDK might
    with OtlpReceiver() as otlp:
        sender = sender_to(otlp_exporter(otlp.endpoint), exports)
        for _ in range(2):
            end_spans(sender, 10)
            sender.force_flush()
        sender.close(CLOSE_SECONDS)
    assert warnings(caplog) == ["this exporter hides the collector's answers: spans that it rejects count as sent"]

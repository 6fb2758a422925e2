"""Sends spans in batches and counts what becomes of each: sent, or lost to a full queue, a failure, or a rejection."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from emulator.instrumentation.collector_answers import CollectorAnswer
from emulator.instrumentation.export import ExportLog, collector_answer, endpoint_of

__all__ = ["Delivery", "SpanSender"]

GIVE_UP_SECONDS = 0.2
QUEUE_FULL = "the queue was full"
HIDDEN = "this exporter hides the collector's answers: spans that it rejects count as sent"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of the spans so far: how many ended, were sent, and were lost, and why. The others still wait.

    After the sender is closed, none waits: `sent + lost == ended`. Spans that are not sampled are not counted.
    """

    ended: int = 0
    sent: int = 0
    lost: int = 0
    reason: str = ""


class SpanSender(SpanProcessor):
    """Batches sampled spans, sends them by an exporter, and counts them. Warns once at the first loss.

    `max_queue_size` limits how many spans wait; more are dropped.
    """

    def __init__(self, exporter: SpanExporter, exports: ExportLog, max_queue_size: int) -> None:
        self.destination = endpoint_of(exporter)
        """The OTLP endpoint, if `otlp_exporter` made the exporter."""
        self._exports = exports
        self._most_waiting = max_queue_size
        self._lock = threading.Lock()  # spans end in one thread and are exported by another
        self._ended = self._taken = self._sent = self._dropped = self._failed = self._rejected = 0
        self._rejection = self._gave_up_after = ""
        self._is_closing = self._is_closed = self._has_warned = self._is_blind = False
        self._exporter = _CountingExporter(exporter, self._take, self._count)
        # The SDK's queue never overflows, because this sender drops spans before: the SDK does not count its drops.
        self._batches = BatchSpanProcessor(self._exporter, max_queue_size=max_queue_size)

    @property
    def delivery(self) -> Delivery:
        """The counts at this moment."""
        with self._lock:
            known = self._dropped + self._failed + self._rejected
            lost = self._ended - self._sent if self._is_closed else known
            return Delivery(self._ended, self._sent, lost, "; ".join(self._reasons(lost)))

    def _reasons(self, lost: int) -> list[str]:
        unsent = lost - self._dropped - self._rejected
        failure = self._gave_up_after or self._exports.last
        reasons = {failure: unsent, self._rejection: self._rejected, QUEUE_FULL: self._dropped}
        return [reason for reason, number in reasons.items() if number]

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Do nothing: a span is sent when it has ended."""

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span, unless the queue is full."""
        if span.context is None or not span.context.trace_flags.sampled:
            return
        with self._lock:
            self._ended += 1
            is_full = self._ended - self._taken - self._dropped > self._most_waiting
            self._dropped += is_full
        if is_full:
            self._warn(QUEUE_FULL)
        else:
            self._batches.on_end(span)

    def _take(self, number: int) -> None:
        """Count spans that leave the queue."""
        with self._lock:
            self._taken += number

    def _count(self, number: int, failure: str | None, answer: CollectorAnswer | None) -> None:
        """Count a batch that was sent or, with a `failure`, could not be sent. `answer` is None for other exporters."""
        if failure is not None:
            self._exports.last = failure or self._exports.last
            with self._lock:
                self._failed += number
            self._warn(self._exports.last)
            return
        rejected = _rejected(number, answer)
        with self._lock:
            self._sent += number - rejected
            self._rejected += rejected
        if answer is not None and rejected:
            self._rejection = f"the collector rejected them: {answer.message}".removesuffix(": ")
            self._warn(self._rejection)
        elif answer is not None and not answer.is_seen and not self._is_blind:
            self._is_blind = True
            log.warning(HIDDEN)

    def _warn(self, reason: str) -> None:
        """Warn of the first loss, unless the total follows at once."""
        with self._lock:
            is_first, self._has_warned = not (self._has_warned or self._is_closing), True
        if is_first:
            log.warning("spans cannot be sent over OTLP (%s); their number follows at the end", reason)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send the spans that have ended so far. Blocks until that is done."""
        return self._batches.force_flush(timeout_millis)

    def close(self, seconds: float) -> bool:
        """Send the remaining spans within `seconds`, and warn of what was lost. Return whether all threads have ended.

        The SDK's own shutdown retries for longer than the user of a command would wait for an unreachable collector.
        """
        with self._lock:
            self._is_closing = True
        flush = threading.Thread(target=self._batches.shutdown, daemon=True)
        flush.start()
        flush.join(seconds)
        if flush.is_alive():
            self._gave_up_after = self._exports.last  # not that the exporter was shut down, which it logs next
            self._exporter.shutdown()
            flush.join(GIVE_UP_SECONDS)
        with self._lock:
            self._is_closed = True
        delivery = self.delivery
        if delivery.lost:
            log.warning(
                "%d of %d spans could not be sent over OTLP (%s)", delivery.lost, delivery.ended, delivery.reason
            )
        return not flush.is_alive()


def _rejected(number: int, answer: CollectorAnswer | None) -> int:
    return 0 if answer is None else min(answer.rejected, number)


class _CountingExporter(SpanExporter):
    """Passes batches to an exporter. Calls `take` before each with its size, and `count` after it with its outcome."""

    def __init__(
        self,
        onward: SpanExporter,
        take: Callable[[int], None],
        count: Callable[[int, str | None, CollectorAnswer | None], None],
    ) -> None:
        self._onward: SpanExporter | None = onward
        self._answer = collector_answer(onward)
        self._take = take
        self._count = count

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._take(len(spans))
        onward = self._onward
        if onward is None:  # it was shut down because it took too long: the rest is lost
            return SpanExportResult.FAILURE
        try:
            result = onward.export(spans)
        except Exception as error:  # noqa: BLE001 - gRPC raises ValueError for invalid headers; the batch is lost
            self._count(len(spans), str(error) or type(error).__name__, self._answer)
            return SpanExportResult.FAILURE
        self._count(len(spans), None if result is SpanExportResult.SUCCESS else "", self._answer)
        return result

    def shutdown(self) -> None:
        onward, self._onward = self._onward, None
        if onward is not None:
            onward.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - the SDK's signature
        return True

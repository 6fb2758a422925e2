"""An OTLP receiver for tests: one loopback port for HTTP and gRPC, and traces to wait for."""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from spantree.expectation import Expectation
from spantree.receiver.batch import Batch
from spantree.receiver.environment import exporter_environment
from spantree.receiver.logs import Logs
from spantree.receiver.metrics import Metrics
from spantree.receiver.other_signals import exporting
from spantree.receiver.otlp_server import OtlpServer
from spantree.receiver.pending import Pending
from spantree.receiver.trace_store import TraceStore
from spantree.span_tree import SpanTree

__all__ = ["OtlpReceiver"]


class OtlpReceiver:
    """Receives spans inside its `with` or `async with` block, on threads of its own.

    So spans arrive even while the test blocks, waits for a subprocess or flushes an exporter. `port` 0 selects a free
    port.
    """

    def __init__(self, port: int = 0) -> None:
        self._store = TraceStore()
        self.logs = Logs()
        """The log records that have arrived: `all`, `one` and `wait_for` find them."""
        self.metrics = Metrics()
        """The metrics that have arrived: `all`, `one` and `wait_for` find them."""
        self._server = OtlpServer(self._take, port)

    @property
    def endpoint(self) -> str:
        """The URL to send spans to, over HTTP and gRPC: `http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def environment(self) -> Mapping[str, str]:
        """Environment variables that make the SDK of a subprocess, in any language, send its spans here soon.

        They override what the subprocess would inherit from this process: endpoints for traces only, and proxies.
        """
        return exporter_environment(self.endpoint)

    def environment_with(self, *signals: str) -> Mapping[str, str]:
        """Return `environment`, but with these signals exported as well: "metrics", "logs", or both.

        They are off by default, since they cost the program time and most tests do not look at them.
        """
        return {**self.environment, **exporting(signals, self.endpoint)}

    def _take(self, batch: Batch) -> None:
        if batch.by_trace:
            self._store.add(batch)
        if batch.logs:
            self.logs.add(batch.logs)
        if batch.metrics:
            self.metrics.add(batch.metrics)

    @property
    def traces(self) -> list[SpanTree]:
        """All traces that have arrived so far, complete or not."""
        return self._store.trees()

    def find(self, trace_id: str) -> SpanTree | None:
        """Return the spans of a trace that have arrived so far; None if there are none."""
        return self._store.tree(trace_id)

    def trace(
        self, *, expecting: Expectation | None = None, trace_id: str | None = None, timeout: float = 10.0
    ) -> Pending[SpanTree]:
        """Return the next complete trace, to be awaited, or to be waited for by `.wait()` in blocking code.

        A trace is complete when its root and all parents have arrived. Work that outlasts the root, behind a message
        for example, cannot be foreseen: with `expecting`, the trace is returned once every expected span has arrived.
        No trace is returned twice, unless it is asked for by `trace_id`. Raises NotReceived after `timeout` seconds,
        with what is missing and what did arrive.
        """
        return self._store.trace(expecting, trace_id and trace_id.lower(), timeout)

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.__exit__(kind, error, traceback)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, traceback)

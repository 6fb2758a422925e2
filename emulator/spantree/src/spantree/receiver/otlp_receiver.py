"""An OTLP receiver for tests: one loopback port for HTTP and gRPC, and traces to wait for."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Self, Unpack

from spantree.expectation import Expectation
from spantree.queries import Criteria, check_criteria
from spantree.receiver.environment import exporter_environment, exporting
from spantree.receiver.late_spans import LateSpans
from spantree.receiver.logs import Logs
from spantree.receiver.metrics import Metrics
from spantree.receiver.otlp_server import OtlpServer
from spantree.receiver.pending import Pending
from spantree.receiver.selection import Selection
from spantree.receiver.traceparent import TraceParent, new_traceparent, read_traceparent
from spantree.receiver.windows import Inbox, Windows
from spantree.span_tree import SpanTree

__all__ = ["OtlpReceiver"]


class OtlpReceiver:
    """Receives spans inside its `with` or `async with` block, on threads of its own.

    So spans arrive even while the test blocks, waits for a subprocess or flushes an exporter. `port` 0 selects a free
    port. `settle` is how many seconds a trace must have been silent before `trace` returns it.
    """

    def __init__(self, port: int = 0, *, settle: float = 0.0) -> None:
        self.settle = settle
        self._inbox = Inbox()
        self._windows = Windows(self._inbox)
        self._server = OtlpServer(self._windows.take, port)

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

    @property
    def logs(self) -> Logs:
        """The log records that have arrived: `all`, `one` and `wait_for` find them."""
        return self._inbox.logs

    @property
    def metrics(self) -> Metrics:
        """The metrics that have arrived: `all`, `one` and `wait_for` find them."""
        return self._inbox.metrics

    @property
    def traces(self) -> list[SpanTree]:
        """All traces that have arrived so far, complete or not."""
        return self._inbox.traces.trees()

    def find(self, trace_id: str) -> SpanTree | None:
        """Return the spans of a trace that have arrived so far; None if there are none."""
        return self._inbox.traces.tree(trace_id)

    def trace(
        self,
        *,
        expecting: Expectation | None = None,
        trace_id: str | None = None,
        traceparent: str | None = None,
        timeout: float = 10.0,
        settle: float | None = None,
        service: str | None = None,
        **root: Unpack[Criteria],
    ) -> Pending[SpanTree]:
        """Return the next complete trace, to be awaited, or to be waited for by `.wait()` in blocking code.

        A trace is complete when its root and all parents have arrived. Work that outlasts the root, behind a message
        for example, cannot be foreseen: with `expecting`, the trace is returned once every expected span has arrived,
        and with `settle`, once it has been silent for so many seconds.

        `service`, `name`, `kind`, `attributes` and so on say which trace is meant, by its root; so do `trace_id` and
        `traceparent`, the value of a header that the test has sent. No trace is returned twice, unless it is asked for
        by its id.

        Raises NotReceived after `timeout` seconds, with what is missing and what did arrive, and as soon as a trace is
        complete but later spans can no longer make it as expected.
        """
        __tracebackhide__ = True
        check_criteria(root)
        if expecting is not None and not isinstance(expecting, Expectation):
            raise TypeError(f"expecting is {type(expecting).__name__}; it must be an expected tree, from tree(...)")
        if traceparent is not None:
            caller = read_traceparent(traceparent)
            self._know_caller(caller, may_arrive=True)
            trace_id = trace_id or caller.trace_id
        selection = Selection(trace_id and trace_id.lower(), service, root)
        silence = self.settle if settle is None else settle
        for argument, seconds in (("timeout", timeout), ("settle", silence)):
            if not isinstance(seconds, int | float) or not seconds >= 0:
                raise ValueError(f"{argument} is {seconds!r}; it must be a number of seconds, 0 or more")
        return self._inbox.waiters.trace(selection, expecting, timeout, silence)

    def traceparent(self) -> str:
        """Return a value for the header `traceparent` of a request: its trace has the test as its caller.

        The span that it names is the test's own and will not arrive: the spans that it calls are the roots.
        """
        caller = new_traceparent()
        self._know_caller(caller, may_arrive=False)
        return str(caller)

    def verify(self) -> None:
        """Raise LateSpans if a trace was as expected when the test looked at it, and no longer is.

        The fixture `otlp` does this at the end of each test.
        """
        __tracebackhide__ = True
        if reports := self._inbox.traces.late_spans():
            raise LateSpans("\n\n".join(reports))

    @contextmanager
    def window(self) -> "Iterator[OtlpReceiver]":
        """Yield a receiver at the same endpoint that has only what begins to arrive inside the block.

        A trace whose first span arrived earlier does not get into it, however late its other spans are.
        """
        with self._windows.window() as inbox:
            view = OtlpReceiver(settle=self.settle)
            view._inbox, view._windows, view._server = inbox, self._windows, self._server
            yield view

    def _know_caller(self, caller: TraceParent, *, may_arrive: bool) -> None:
        self._windows.claim(caller.trace_id, self._inbox)
        self._inbox.traces.know_caller(caller, may_arrive=may_arrive)

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.__exit__(kind, error, traceback)
        self._inbox.waiters.close()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, traceback)

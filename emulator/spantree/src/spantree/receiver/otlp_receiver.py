"""An OTLP receiver for tests: one loopback port for HTTP and gRPC, and traces to await."""

import asyncio
import os
from collections.abc import Mapping
from socket import MSG_PEEK, MSG_WAITALL, socket
from types import TracebackType
from typing import Self

from spantree.expectation import Expectation
from spantree.receiver.grpc_handler import GrpcDoor
from spantree.receiver.http_handler import answer_http
from spantree.receiver.listener import Listener
from spantree.receiver.pending import Pending
from spantree.receiver.trace_store import Arrivals
from spantree.span_tree import SpanTree

__all__ = ["OtlpReceiver"]

HTTP2 = b"PRI "


class OtlpReceiver:
    """Receives spans while its block lasts, `with` or `async with`, on threads of its own.

    So a test may block, run a subprocess or flush an exporter, and its spans still come in. `port` 0 is a free one.
    """

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self._arrivals = Arrivals()
        self._grpc = GrpcDoor(self._arrivals.add)
        self._listener: Listener | None = None

    @property
    def endpoint(self) -> str:
        """Where to send spans, whatever the protocol: `http://127.0.0.1:PORT`."""
        if self._listener is None:
            raise RuntimeError("the receiver receives within its `with` block only")
        return f"http://127.0.0.1:{self._listener.port}"

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that make the SDK of any language send its spans here, and soon: to add to a subprocess's own.

        They take back what this process's own variables say of traces alone, and of proxies.
        """
        own = {
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{self.endpoint}/v1/traces",
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
            "NO_PROXY": ",".join(filter(None, (os.environ.get("NO_PROXY"), "127.0.0.1"))),
            "no_proxy": ",".join(filter(None, (os.environ.get("no_proxy"), "127.0.0.1"))),
        }
        return {
            **{name: value for name, value in own.items() if name in os.environ or name.upper() == "NO_PROXY"},
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_INSECURE": "true",
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
            "OTEL_TRACES_SAMPLER": "parentbased_always_on",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "OTEL_SDK_DISABLED": "false",
        }

    @property
    def traces(self) -> list[SpanTree]:
        """Every trace that has come so far, as far as it has come."""
        return self._arrivals.trees()

    def find(self, trace_id: str) -> SpanTree | None:
        """Return a trace as far as it has come, None if nothing of it has."""
        return self._arrivals.tree(trace_id)

    def trace(
        self, *, expecting: Expectation | None = None, trace_id: str | None = None, timeout: float = 10.0
    ) -> Pending[SpanTree]:
        """Return the next complete trace, when it is there: `await` it, or call `.wait()` where nothing awaits.

        A trace is complete when its root and every parent have come. Work that goes on after the root, behind a
        message for one, cannot be foreseen: with `expecting` it is the moment at which every expected span has come.
        No trace is given out twice, but one that is asked for by `trace_id`. Raises NotReceived after `timeout`
        seconds, with what is missing and what did come.
        """
        return self._arrivals.trace(expecting, trace_id and trace_id.lower(), timeout)

    def __enter__(self) -> Self:
        self._listener = Listener(self._port, self._answer)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        assert self._listener is not None
        self._listener.close()
        self._grpc.close()
        self._listener = None

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, where)

    def _answer(self, connection: socket) -> None:
        try:
            begins = connection.recv(len(HTTP2), MSG_PEEK | MSG_WAITALL)
        except OSError:
            return
        if begins == HTTP2:
            self._grpc.answer(connection)
        else:
            answer_http(connection, self._arrivals.add)

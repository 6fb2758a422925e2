"""Serves OTLP over HTTP and gRPC on one port, and passes the spans on. It keeps none."""

from collections.abc import Callable
from socket import MSG_PEEK, MSG_WAITALL, socket
from types import TracebackType
from typing import Self

from spantree.receiver.batch import Batch
from spantree.receiver.grpc_handler import GrpcHandler
from spantree.receiver.http_handler import serve_http
from spantree.receiver.listener import Listener

__all__ = ["OtlpServer"]

HTTP2_PREFACE = b"PRI "
"""The start of the connection preface of HTTP/2 (RFC 9113, section 3.4)."""


class OtlpServer:
    """Listens inside its `with` block, on threads of its own, which call `take` with the `Batch` of each request.

    `port` 0 selects a free port. Raises OSError if it cannot listen there.
    """

    def __init__(self, take: Callable[[Batch], None], port: int = 0, address: str = "127.0.0.1") -> None:
        self._take = take
        self._place = address, port
        self._grpc = GrpcHandler(take)
        self._listener: Listener | None = None

    @property
    def port(self) -> int:
        """The port that it listens on. Raises RuntimeError outside the `with` block."""
        if self._listener is None:
            raise RuntimeError("the receiver has no endpoint outside its `with` block")
        return self._listener.port

    def __enter__(self) -> Self:
        self._listener = Listener(*self._place, self._serve)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._listener is not None
        self._listener.close()
        self._grpc.close()
        self._listener = None

    def _serve(self, connection: socket) -> None:
        try:
            first_bytes = connection.recv(len(HTTP2_PREFACE), MSG_PEEK | MSG_WAITALL)
        except OSError:
            return
        if first_bytes == HTTP2_PREFACE:
            self._grpc.serve(connection)
        else:
            serve_http(connection, self._take)

"""OTLP/gRPC. HTTP/2 is grpcio's business: it is imported when the first such connection comes, and gets its bytes."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from socket import SHUT_RDWR, SHUT_WR, create_connection, socket
from typing import Any

from spantree.formats.otlp_json import MalformedOtlp
from spantree.formats.otlp_protobuf import spans_from_protobuf
from spantree.receiver.http_handler import LARGEST_BODY
from spantree.span import Span

__all__ = ["GrpcDoor"]

SERVICE = "opentelemetry.proto.collector.{0}.v1.{1}Service"
CHUNK = 65536


class GrpcDoor:
    """Answers connections that begin as HTTP/2 does, and passes their spans to `take`."""

    def __init__(self, take: Callable[[list[Span]], None]) -> None:
        self._take = take
        self._lock = threading.Lock()
        self._server: Any = None
        self._threads: ThreadPoolExecutor
        self._port = 0

    def answer(self, connection: socket) -> None:
        """Let a connection have its bytes answered until it ends."""
        with create_connection(("127.0.0.1", self._started())) as onward:
            back = threading.Thread(target=_pass_on, args=(onward, connection))
            back.start()
            _pass_on(connection, onward)
            back.join()

    def close(self) -> None:
        """End it."""
        if self._server is not None:
            self._server.stop(None).wait()
            self._threads.shutdown()
            self._server = None

    def _started(self) -> int:
        with self._lock:
            if self._server is None:
                self._threads = ThreadPoolExecutor(4)
                self._server, self._port = _serve(self._take, self._threads)
        return self._port


def _serve(take: Callable[[list[Span]], None], threads: ThreadPoolExecutor) -> tuple[Any, int]:
    """Start a gRPC server on a port of its own; return both."""
    try:
        import grpc
    except ModuleNotFoundError as error:
        needed = "spans arrive over gRPC, which needs the extra `grpc`: pip install 'spantree[grpc]'"
        raise RuntimeError(needed) from error

    def export(body: bytes, call: Any) -> bytes:  # noqa: ANN401 - grpc has no types
        try:
            take(spans_from_protobuf(body))
        except MalformedOtlp as error:
            call.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        return b""

    def pass_by(body: bytes, call: Any) -> bytes:  # noqa: ANN401, ARG001 - as above
        return b""

    server = grpc.server(
        threads,
        options=[("grpc.max_receive_message_length", LARGEST_BODY), ("grpc.so_reuseport", 0)],
    )
    for signal, handle in (("Trace", export), ("Metrics", pass_by), ("Logs", pass_by)):
        methods = {"Export": grpc.unary_unary_rpc_method_handler(handle)}
        name = SERVICE.format(signal.lower(), signal)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def _pass_on(source: socket, target: socket) -> None:
    """Copy bytes until one side has no more; then the other has no more, either."""
    try:
        while piece := source.recv(CHUNK):
            target.sendall(piece)
        target.shutdown(SHUT_WR)
    except OSError:
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(SHUT_RDWR)

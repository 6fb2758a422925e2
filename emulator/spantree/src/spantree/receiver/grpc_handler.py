"""OTLP over gRPC. A grpcio server handles HTTP/2: the bytes of each gRPC connection are forwarded to its own port.

grpcio is an extra and slow to import, so it is imported when the first gRPC connection arrives.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from socket import SHUT_RDWR, SHUT_WR, create_connection, socket
from typing import Any

from spantree.formats.otlp_json import MalformedOtlp
from spantree.receiver.batch import Batch, read_batch
from spantree.receiver.http_handler import LARGEST_BODY, PROTOBUF

__all__ = ["GrpcHandler"]

SERVICE = "opentelemetry.proto.collector.{0}.v1.{1}Service"
SERVICES = {"traces": "Trace", "metrics": "Metrics", "logs": "Logs"}
CHUNK = 65536


class GrpcHandler:
    """Serves connections that speak HTTP/2, and passes what they send to `take`."""

    def __init__(self, take: Callable[[Batch], None]) -> None:
        self._take = take
        self._lock = threading.Lock()
        self._server: Any = None
        self._threads: ThreadPoolExecutor
        self._port = 0

    def serve(self, connection: socket) -> None:
        """Serve a connection until it ends."""
        with create_connection(("127.0.0.1", self._start())) as upstream:
            responses = threading.Thread(target=_forward, args=(upstream, connection))
            responses.start()
            _forward(connection, upstream)
            responses.join()

    def close(self) -> None:
        """Stop the gRPC server, if one was started."""
        if self._server is not None:
            self._server.stop(None).wait()
            self._threads.shutdown()
            self._server = None

    def _start(self) -> int:
        with self._lock:
            if self._server is None:
                self._threads = ThreadPoolExecutor(4)
                self._server, self._port = _start_server(self._take, self._threads)
        return self._port


def _start_server(take: Callable[[Batch], None], threads: ThreadPoolExecutor) -> tuple[Any, int]:
    """Start a gRPC server on a free loopback port; return both."""
    try:
        import grpc
    except ModuleNotFoundError as error:
        needed = "a program sends spans over gRPC, which needs the extra `grpc`: pip install 'spantree[grpc]'"
        raise RuntimeError(needed) from error

    def export(signal: str, body: bytes, call: Any) -> bytes:  # noqa: ANN401 - grpcio has no types
        try:
            take(read_batch(signal, PROTOBUF, body))
        except MalformedOtlp as error:
            call.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        return b""

    # Generic handlers take the messages as bytes, so that no generated code of a fixed protobuf version is needed.
    server = grpc.server(
        threads,
        options=[("grpc.max_receive_message_length", LARGEST_BODY), ("grpc.so_reuseport", 0)],
    )
    for signal, service in SERVICES.items():
        methods = {"Export": grpc.unary_unary_rpc_method_handler(partial(export, signal))}
        name = SERVICE.format(service.lower(), service)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def _forward(source: socket, target: socket) -> None:
    """Copy bytes until the source ends, then end the target's."""
    try:
        while chunk := source.recv(CHUNK):
            target.sendall(chunk)
        target.shutdown(SHUT_WR)
    except OSError:
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(SHUT_RDWR)

"""Servers on loopback ports that give every connection the same answer: bytes, perhaps over TLS, or none."""

import ipaddress
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

LONGEST_REQUEST = 65536


@contextmanager
def saying(answer: bytes, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Answer the first request of each connection with the same bytes, in two pieces, and close it. Yields the port."""

    def talk(connection: socket.socket) -> None:
        with suppress(OSError), tls.wrap_socket(connection, server_side=True) if tls else connection as end:
            end.recv(LONGEST_REQUEST)
            end.sendall(answer[:1])
            end.sendall(answer[1:])
            end.shutdown(socket.SHUT_WR)
            while end.recv(LONGEST_REQUEST):
                pass  # or what is unread would take the answer back

    with _listening(talk) as port:
        yield port


@contextmanager
def silent() -> Iterator[int]:
    """Accept connections and never answer."""

    def talk(connection: socket.socket) -> None:
        with suppress(OSError):
            while connection.recv(LONGEST_REQUEST):
                pass

    with _listening(talk) as port:
        yield port


@contextmanager
def _listening(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    class Talk(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            talk(self.request)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Talk) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def full() -> Iterator[int]:
    """Behave like a firewall that drops packets: the backlog is full, so that Linux drops new connections."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        address = server.getsockname()
        waiting = [socket.socket() for _ in range(2)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(address)
        try:
            yield address[1]
        finally:
            for each in waiting:
                each.close()


@contextmanager
def closed() -> Iterator[int]:
    """Yield a port on which nothing listens, and which no other process gets."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@contextmanager
def grpc_only(answer: Callable[[bytes, Any], bytes], address: str = "127.0.0.1:0") -> Iterator[int]:
    """A gRPC server of grpcio, which speaks only HTTP/2."""
    import grpc

    with ThreadPoolExecutor(2) as threads:
        server = grpc.server(threads, options=[("grpc.so_reuseport", 0)])
        methods = {"Export": grpc.unary_unary_rpc_method_handler(answer)}
        name = "opentelemetry.proto.collector.trace.v1.TraceService"
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, methods),))
        port = server.add_insecure_port(address)
        server.start()
        try:
            yield port
        finally:
            server.stop(None).wait()


def http(status: str, *headers: str, body: bytes = b"") -> bytes:
    """Return an HTTP/1.1 answer."""
    lines = (f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "Connection: close", "", "")
    return "\r\n".join(lines).encode() + body


REDIRECT = http("302 Found", "Location: http://127.0.0.1:1/")
PAGE = http("200 OK", "Content-Type: text/html; charset=utf-8", body=b"<title>Hello</title>")
"""A web page, from a server that is not a collector."""


def partly(rejected: int, message: str) -> bytes:
    partial = ExportTracePartialSuccess(rejected_spans=rejected, error_message=message)
    body: bytes = ExportTraceServiceResponse(partial_success=partial).SerializeToString()
    return body


def partly_over_http(rejected: int, message: str) -> bytes:
    return http("200 OK", "Content-Type: application/x-protobuf", body=partly(rejected, message))


def certificate(
    folder: Path, name: str = "127.0.0.1", valid_days: int = 1, *, subject_alone: bool = False
) -> tuple[ssl.SSLContext, Path]:
    """Create a self-signed certificate; return a server's TLS context and the file to trust.

    It has expired if `valid_days` is below 0. With `subject_alone` it has no subjectAltName, only a common name.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name if subject_alone else "emulator")])
    now = datetime.now(UTC)
    try:
        called: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        called = x509.DNSName(name)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=9))
        .not_valid_after(now + timedelta(days=valid_days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    if not subject_alone:
        builder = builder.add_extension(x509.SubjectAlternativeName([called]), critical=False)
    made = builder.sign(key, hashes.SHA256())
    file, secret = folder / "certificate.pem", folder / "key.pem"
    file.write_bytes(made.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, secret)
    return context, file

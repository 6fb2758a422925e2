"""OTLP over HTTP/1.1 (OTLP specification, "OTLP/HTTP"): protobuf or JSON, plain or compressed.

Errors are answered with a google.rpc.Status in the encoding of the request, as the specification demands.
"""

import json
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from socket import SHUT_WR, socket
from urllib.parse import urlsplit

from spantree.formats.otlp_json import MalformedOtlp
from spantree.receiver.batch import Batch, read_batch

__all__ = ["LARGEST_BODY", "PROTOBUF", "serve_http"]

LARGEST_BODY = 20 * 1024 * 1024
"""Bytes, before and after decompression: the default limit of the OpenTelemetry Collector (`max_request_body_size`)."""
LONGEST_DRAIN = 8 * LARGEST_BODY
"""Bytes of an oversized body that are read and dropped: closing at once would reset the connection before the client
has read the response."""
IDLE_SECONDS = 60.0
LONGEST_CHUNK_HEADER = 1024
MOST_DIGITS = 20

PROTOBUF, JSON = "application/x-protobuf", "application/json"
WINDOW_BITS = {"gzip": 31, "deflate": 15}
SIGNALS = {f"/v1/{signal}": signal for signal in ("traces", "metrics", "logs")}
STATUS_CODES = {400: 3, 404: 12, 405: 12, 411: 3, 413: 8, 415: 3}
"""google.rpc.Code by HTTP status: INVALID_ARGUMENT 3, RESOURCE_EXHAUSTED 8, UNIMPLEMENTED 12."""


class RequestError(Exception):
    """A request that cannot be served: the HTTP status and a message for its sender."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def serve_http(connection: socket, take: Callable[[Batch], None]) -> None:
    """Serve the requests of a connection until it ends, and pass what they bring to `take`."""
    try:
        _Handler(connection, take)
    except OSError:
        return  # the client is gone


class _Handler(BaseHTTPRequestHandler):
    """Serves one connection, by means of the standard library's HTTP/1.1."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True

    def __init__(self, connection: socket, take: Callable[[Batch], None]) -> None:
        self._take = take
        super().__init__(connection, connection.getpeername(), None)  # type: ignore[arg-type] # no server is needed

    def do_POST(self) -> None:
        try:
            batch = self._batch()
        except MalformedOtlp as error:
            self._respond(400, str(error))
        except RequestError as error:
            self._respond_and_close(error)
        else:
            self._take(batch)
            self._respond(200)

    def do_GET(self) -> None:
        self._respond_and_close(RequestError(405, f"{self.command} is not allowed; POST traces to /v1/traces"))

    do_HEAD = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_GET  # noqa: N815 - http.server's names

    def _batch(self) -> Batch:
        path = urlsplit(self.path).path
        if path not in SIGNALS:
            raise RequestError(404, f"there is no {path}; POST traces to /v1/traces")
        content_type = self._content_type()
        if content_type not in {PROTOBUF, JSON}:
            raise RequestError(415, f"Content-Type is {content_type!r}; it must be {PROTOBUF} or {JSON}")
        body = _decompress(self._body(), self.headers.get("Content-Encoding", ""))
        return read_batch(SIGNALS[path], content_type, body)

    def _content_type(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    def _body(self) -> bytes:
        if "Transfer-Encoding" in self.headers:
            if self.headers["Transfer-Encoding"].lower() != "chunked":
                raise RequestError(
                    400, f"Transfer-Encoding is {self.headers['Transfer-Encoding']!r}; it must be chunked"
                )
            return b"".join(self._chunks())
        length = self.headers.get("Content-Length")
        if length is None:
            raise RequestError(411, "Content-Length is missing; send it, or Transfer-Encoding: chunked")
        if not length.isdecimal() or len(length) > MOST_DIGITS:
            raise RequestError(400, f"Content-Length is {length[:MOST_DIGITS]!r}; it must be a number of bytes")
        return self._read(int(length))

    def _chunks(self) -> Iterator[bytes]:
        total = 0
        while True:
            line = self.rfile.readline(LONGEST_CHUNK_HEADER).partition(b";")[0].strip()
            try:
                size = int(line, 16)
            except ValueError as error:
                raise RequestError(400, f"the size of a chunk is {line!r}; it must be a hexadecimal number") from error
            total += size
            if size < 0 or total > LARGEST_BODY:
                raise RequestError(413, f"the body has more than {LARGEST_BODY} bytes")
            if size == 0:
                break
            yield self._read(size)
            if self.rfile.readline(LONGEST_CHUNK_HEADER).strip():
                raise RequestError(400, "a chunk is longer than its size")
        while self.rfile.readline(LONGEST_CHUNK_HEADER).strip():
            pass  # trailers

    def _read(self, size: int) -> bytes:
        if size > LARGEST_BODY:
            raise RequestError(413, f"the body has {size} bytes; at most {LARGEST_BODY} are accepted")
        body = self.rfile.read(size)
        if len(body) < size:
            raise RequestError(400, f"the body ends after {len(body)} of {size} bytes")
        return body

    def _respond_and_close(self, error: RequestError) -> None:
        """Respond with an error and end the connection: where the next request would start is unknown."""
        self.close_connection = True
        self._respond(error.status, str(error))
        self.connection.shutdown(SHUT_WR)
        budget = LONGEST_DRAIN
        while budget > 0 and (dropped := self.rfile.read1(65536)):
            budget -= len(dropped)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Respond to a request that is not valid HTTP. Called by http.server."""
        self.close_connection, self.request_version = True, self.protocol_version
        # http.server would send no status line to a client of HTTP/0.9, which it takes malformed requests for.
        self._respond(code, explain or message or "the request is not valid HTTP")

    def log_message(self, *_: object) -> None:
        """Log nothing: http.server logs each time-out of an idle connection."""

    def _respond(self, status: int, error: str = "") -> None:
        as_json = hasattr(self, "headers") and self._content_type() == JSON
        code = STATUS_CODES.get(status, 3)
        if as_json:
            body = json.dumps({"code": code, "message": error} if error else {}).encode()
        else:
            body = _status_message(code, error) if error else b""
        self.send_response_only(status)
        self.send_header("Content-Type", JSON if as_json else PROTOBUF)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _decompress(body: bytes, encoding: str) -> bytes:
    encoding = encoding.strip().lower()
    if encoding in {"", "identity"}:
        return body
    if encoding not in WINDOW_BITS:
        raise RequestError(415, f"Content-Encoding is {encoding!r}; it must be {' or '.join(WINDOW_BITS)}")
    unpacked = b""
    while body:  # RFC 1952, section 2.2: a gzip file may have several members
        decompressor = zlib.decompressobj(WINDOW_BITS[encoding])
        try:
            unpacked += decompressor.decompress(body, LARGEST_BODY + 1 - len(unpacked))
        except zlib.error as error:
            raise MalformedOtlp(f"the body is not valid {encoding}: {error}") from error
        if len(unpacked) > LARGEST_BODY:
            raise RequestError(413, f"the body has more than {LARGEST_BODY} bytes after decompression")
        if not decompressor.eof:
            raise MalformedOtlp(f"the body ends before its {encoding} data does")
        body = decompressor.unused_data
    return unpacked


def _status_message(code: int, message: str) -> bytes:
    """Encode a google.rpc.Status in protobuf: field 1 is the code, field 2 the message."""
    text = message.encode(errors="replace")
    length, varint = len(text), bytearray()
    while length > 0x7F:  # noqa: PLR2004 - a varint has seven bits a byte
        varint.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes((0x08, code, 0x12, *varint, length)) + text

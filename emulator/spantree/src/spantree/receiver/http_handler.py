"""OTLP/HTTP, as the OTLP specification has it: protobuf or JSON, plain or compressed, errors as google.rpc.Status."""

import json
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from socket import SHUT_WR, socket
from urllib.parse import urlsplit

from spantree.formats.otlp_json import MalformedOtlp, spans_from_json
from spantree.formats.otlp_protobuf import spans_from_protobuf
from spantree.span import Span

__all__ = ["LARGEST_BODY", "answer_http"]

LARGEST_BODY = 20 * 1024 * 1024
"""Bytes, compressed or not: what OpenTelemetry's Collector takes."""
LONGEST_DRAIN = 8 * LARGEST_BODY
"""Bytes of a body that is too large which are read and thrown away, for its sender to see the answer."""
IDLE_SECONDS = 60.0
LONGEST_LINE = 1024
LONGEST_NUMBER = 20

READERS: dict[str, Callable[[bytes], list[Span]]] = {
    "application/x-protobuf": spans_from_protobuf,
    "application/json": spans_from_json,
}
WINDOW_BITS = {"gzip": 31, "deflate": 15}
SIGNALS = {"/v1/traces", "/v1/metrics", "/v1/logs"}
CODES = {400: 3, 404: 12, 405: 12, 411: 3, 413: 8, 415: 3}
"""google.rpc.Code: INVALID_ARGUMENT, UNIMPLEMENTED, RESOURCE_EXHAUSTED."""


class Refused(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def answer_http(connection: socket, take: Callable[[list[Span]], None]) -> None:
    """Answer the requests that come over a connection until it ends, and pass their spans to `take`."""
    try:
        _Requests(connection, take)
    except OSError:
        return  # the other side has gone


class _Requests(BaseHTTPRequestHandler):
    """The standard library's HTTP/1.1, with what OTLP says of requests and answers."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True

    def __init__(self, connection: socket, take: Callable[[list[Span]], None]) -> None:
        self._take = take
        super().__init__(connection, connection.getpeername(), None)  # type: ignore[arg-type] # there is no server

    def do_POST(self) -> None:
        try:
            spans = self._spans()
        except MalformedOtlp as error:
            self._answer(400, str(error))
        except Refused as error:
            self._refuse(error)
        else:
            self._take(spans)
            self._answer(200)

    def do_GET(self) -> None:
        self._refuse(Refused(405, f"{self.command} is not for OTLP: POST to /v1/traces"))

    do_HEAD = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_GET  # noqa: N815 - http.server's names

    def _spans(self) -> list[Span]:
        """Return the spans that a request brings; none for metrics and logs, which are welcome and thrown away."""
        path = urlsplit(self.path).path
        if path not in SIGNALS:
            raise Refused(404, f"there is no {path}: traces go to /v1/traces")
        read = READERS.get(self._content_type())
        if read is None:
            raise Refused(415, f"Content-Type is {self._content_type()!r}, not {' or '.join(READERS)}")
        body = _unpacked(self._body(), self.headers.get("Content-Encoding", ""))
        return read(body) if path == "/v1/traces" else []

    def _content_type(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    def _body(self) -> bytes:
        if "Transfer-Encoding" in self.headers:
            if self.headers["Transfer-Encoding"].lower() != "chunked":
                raise Refused(400, f"Transfer-Encoding is {self.headers['Transfer-Encoding']!r}, not chunked")
            return b"".join(self._chunks())
        length = self.headers.get("Content-Length")
        if length is None:
            raise Refused(411, "Content-Length is missing")
        if not length.isdecimal() or len(length) > LONGEST_NUMBER:
            raise Refused(400, f"Content-Length is {length[:LONGEST_NUMBER]!r}, not a number of bytes")
        return self._read(int(length))

    def _chunks(self) -> Iterator[bytes]:
        total = 0
        while True:
            line = self.rfile.readline(LONGEST_LINE).partition(b";")[0].strip()
            try:
                size = int(line, 16)
            except ValueError as error:
                raise Refused(400, f"{line!r} is not the size of a chunk") from error
            total += size
            if size < 0 or total > LARGEST_BODY:
                raise Refused(413, f"the body is larger than {LARGEST_BODY} bytes")
            if size == 0:
                break
            yield self._read(size)
            if self.rfile.readline(LONGEST_LINE).strip():
                raise Refused(400, "a chunk is longer than it says")
        while self.rfile.readline(LONGEST_LINE).strip():
            pass  # trailers

    def _read(self, size: int) -> bytes:
        if size > LARGEST_BODY:
            raise Refused(413, f"the body has {size} bytes, {LARGEST_BODY} are the most")
        body = self.rfile.read(size)
        if len(body) < size:
            raise Refused(400, f"the body ends after {len(body)} of {size} bytes")
        return body

    def _refuse(self, error: Refused) -> None:
        """Answer with an error, after which the connection ends: what is left of the request is not to be trusted."""
        self.close_connection = True
        self._answer(error.status, str(error))
        self.connection.shutdown(SHUT_WR)
        left = LONGEST_DRAIN
        while left > 0 and (thrown_away := self.rfile.read1(65536)):
            left -= len(thrown_away)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a request that is no HTTP, as http.server found; it calls this."""
        self.close_connection, self.request_version = True, self.protocol_version  # or there would be no status line
        self._answer(code, explain or message or "not HTTP")

    def log_message(self, *_: object) -> None:
        """Say nothing: a connection that is idle for long is no news."""

    def _answer(self, status: int, error: str = "") -> None:
        as_json = hasattr(self, "headers") and self._content_type() == "application/json"
        code = CODES.get(status, 3)
        if as_json:
            body = json.dumps({"code": code, "message": error} if error else {}).encode()
        else:
            body = _status_message(code, error) if error else b""
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json" if as_json else "application/x-protobuf")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _unpacked(body: bytes, encoding: str) -> bytes:
    encoding = encoding.strip().lower()
    if encoding in {"", "identity"}:
        return body
    if encoding not in WINDOW_BITS:
        raise Refused(415, f"Content-Encoding is {encoding!r}, not {' or '.join(WINDOW_BITS)}")
    unpacked = b""
    while body:  # gzip may have several members
        unpacking = zlib.decompressobj(WINDOW_BITS[encoding])
        try:
            unpacked += unpacking.decompress(body, LARGEST_BODY + 1 - len(unpacked))
        except zlib.error as error:
            raise MalformedOtlp(f"the body is not {encoding}: {error}") from error
        if len(unpacked) > LARGEST_BODY:
            raise Refused(413, f"the body has more than {LARGEST_BODY} bytes when unpacked")
        if not unpacking.eof:
            raise MalformedOtlp(f"the body is not all of its {encoding}: it ends too early")
        body = unpacking.unused_data
    return unpacked


def _status_message(code: int, message: str) -> bytes:
    """Encode a google.rpc.Status: two fields, 1 a number and 2 a text."""
    text = message.encode(errors="replace")
    length, varint = len(text), bytearray()
    while length > 0x7F:  # noqa: PLR2004 - seven bits a byte
        varint.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes((0x08, code, 0x12, *varint, length)) + text

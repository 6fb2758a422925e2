"""Finds out which protocol a server speaks by talking to it: HTTP/1, HTTP/2 (for gRPC), TLS, AMQP, or another one."""

import re
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from email.utils import parsedate_to_datetime
from socket import socket

from emulator.doctor.check_result import CheckFailed, CheckResult, failure, ok, warning
from emulator.doctor.connectivity import connected
from emulator.doctor.endpoint import Target
from emulator.doctor.tls import IDENTITY, is_tls, ssl_context

__all__ = ["probe"]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""How a client begins HTTP/2 (RFC 9113, section 3.4), with settings that change nothing."""
SETTINGS, TYPE_AT, FRAME_HEADER = 4, 3, 9
BEGINNINGS = {b"\x15\x03": "TLS", b"\x16\x03": "TLS", b"AMQP": "AMQP", b"HTTP/": "HTTP/1"}
MAYBE_TLS = {b"", b"HTTP/1.0 400", b"HTTP/1.1 400"}
"""Answers to plain text from servers that expect TLS: Go and nginx send an error, others close the connection."""
MOST_BYTES = 4096

SLIGHT_SKEW, LARGE_SKEW = 5, 60
HOUR = 3600
"""Seconds between two clocks: SLIGHT_SKEW is visible; LARGE_SKEW ahead or an HOUR behind makes UIs miss traces."""


def probe(target: Target, seconds: float) -> Iterator[CheckResult]:
    """Send a request in the expected protocol, and conclude from the answer which one the server speaks."""
    check, expected = f"{target.role} protocol", "gRPC" if target.http2 else "HTTP"
    answer = _answer(target, PREFACE if target.http2 else _request(target), seconds)
    spoken = _protocol(target, answer, seconds)
    if spoken != ("HTTP/2" if target.http2 else "HTTP/1"):
        raise _mismatch(target, spoken, answer)
    yield ok(check, f"it speaks {expected}")
    yield from _clock(target, answer)


def _request(target: Target) -> bytes:
    request = (
        f"GET {target.path} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: emulator-doctor\r\nConnection: close\r\n\r\n"
    )
    return request.encode("ascii", "replace")


def _answer(target: Target, request: bytes, seconds: float) -> bytes:
    """Return the beginning of the answer, b"" if the server closes the connection. Raises CheckFailed on silence."""
    with connected(target, seconds) as plain:
        try:
            with closing(_secured(target, plain) if target.tls else plain) as end:
                end.sendall(request)
                return _read(end)
        except TimeoutError as error:
            message = f"{target} accepts connections but does not answer"
            remedy = "check what listens there: it may still be starting, hang, or not be a collector"
            raise CheckFailed(f"{target.role} protocol", message, remedy, retryable=True) from error
        except ssl.SSLError as error:
            remedy = f"set {' and '.join(IDENTITY)}"
            message = f"the server ends TLS: {error.reason}; it may require a client certificate"
            raise CheckFailed(f"{target.role} TLS", message, remedy) from error
        except OSError:
            return b""


def _secured(target: Target, plain: socket) -> socket:
    return ssl_context(target).wrap_socket(plain, server_hostname=target.host)


def _read(connection: socket) -> bytes:
    answer = b""
    try:
        while _is_incomplete(answer) and (piece := connection.recv(MOST_BYTES)):
            answer += piece
    except (ConnectionError, TimeoutError):  # what has arrived may be enough to identify the protocol
        if not answer:
            raise
    return answer


def _is_incomplete(answer: bytes) -> bool:
    """Whether more bytes are needed to identify the protocol: an answer may arrive in several pieces."""
    if answer.startswith(b"HTTP/"):
        return b"\r\n\r\n" not in answer and len(answer) < MOST_BYTES
    return len(answer) < FRAME_HEADER and not _spoken(answer)


def _protocol(target: Target, answer: bytes, seconds: float) -> str:
    spoken = _spoken(answer)
    if spoken in {"", "HTTP/1"} and answer[:12] in MAYBE_TLS and not target.tls and is_tls(target, seconds):
        return "TLS"
    if not answer and not target.http2:
        return _spoken(_answer(target, PREFACE, seconds))
    return spoken


def _spoken(answer: bytes) -> str:
    # A server's HTTP/2 begins with a SETTINGS frame (RFC 9113, section 3.4), which is shorter than 64 KiB.
    if len(answer) >= FRAME_HEADER and answer[TYPE_AT] == SETTINGS and answer[0] == 0:
        return "HTTP/2"
    return next((name for begins, name in BEGINNINGS.items() if answer.startswith(begins)), "")


def _mismatch(target: Target, spoken: str, answer: bytes) -> CheckFailed:
    check = f"{target.role} protocol"
    port = "16686" if target.role == "jaeger" else "4317" if target.http2 else "4318"
    correct_port = f"correct the port: {port} is usual"
    match spoken:
        case "TLS":
            return CheckFailed(
                f"{target.role} TLS", f"{target} speaks TLS, but the URL is http://", "make the URL https://"
            )
        case "AMQP":
            return CheckFailed(check, f"{target} is an AMQP broker, like RabbitMQ", correct_port)
        case "HTTP/2":
            remedy = f"send to {target.host}:4318, or set OTEL_EXPORTER_OTLP_PROTOCOL=grpc"
            return CheckFailed(check, f"{target} speaks gRPC, but was sent HTTP", _unless_jaeger(target, remedy))
        case "HTTP/1":
            remedy = f"send to {target.host}:4317, or set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"
            return CheckFailed(check, f"{target} speaks HTTP, but was sent gRPC", remedy)
    if answer:
        shown = re.sub(r"[^ -~]", "?", answer[:20].decode("latin-1"))
        return CheckFailed(check, f"{target} answers {shown!r}, which is not HTTP", correct_port)
    message = f"{target} closes the connection without an answer"
    return CheckFailed(check, message, f"check what listens there; {port} is the usual port", retryable=True)


def _unless_jaeger(target: Target, remedy: str) -> str:
    return "set --jaeger-url to the port of its UI, usually 16686" if target.role == "jaeger" else remedy


def _clock(target: Target, answer: bytes) -> Iterator[CheckResult]:
    """Compare the clocks, by the answer's Date header. It has whole seconds."""
    dated = re.search(rb"\r\ndate: *([^\r]+)", answer, re.IGNORECASE)
    if dated is None:
        return
    try:
        ahead = time.time() - parsedate_to_datetime(dated[1].decode("latin-1")).timestamp()
    except ValueError:
        return
    check, apart = f"{target.role} clock", f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'}"
    message = f"the clock here is {apart} the one there"
    remedy = "synchronize both with NTP; a virtual machine that was suspended may be behind"
    if ahead > LARGE_SKEW or ahead < -HOUR:
        yield failure(check, f"{message}: a UI that shows the last hour does not show traces from here", remedy)
    elif abs(ahead) > SLIGHT_SKEW:
        yield warning(check, f"{message}: traces will show effects before their causes", remedy)
    else:
        yield ok(check, "it agrees with the clock here")

"""What a server really speaks, found out by talking to it: HTTP/1, HTTP/2 as gRPC does, TLS, AMQP, or nothing."""

import re
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from email.utils import parsedate_to_datetime
from socket import socket

from emulator.doctor.connectivity import connected
from emulator.doctor.endpoint import Place
from emulator.doctor.finding import Finding, Trouble, failure, ok, warning
from emulator.doctor.tls import IDENTITY, is_tls, trusting

__all__ = ["greet"]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""How a client begins HTTP/2 (RFC 9113, section 3.4), with settings that change nothing."""
SETTINGS, TYPE_AT, FRAME_HEADER = 4, 3, 9
BEGINNINGS = {b"\x15\x03": "TLS", b"\x16\x03": "TLS", b"AMQP": "AMQP", b"HTTP/": "HTTP/1"}
DOUBTFUL = {b"", b"HTTP/1.0 400", b"HTTP/1.1 400"}
"""What servers answer that want TLS: Go's and nginx say it in plain text, others hang up."""
ENOUGH = 4096

ODD, SKEWED = 5, 60
HOUR = 3600
"""Seconds: how far clocks may be apart before it shows, before new traces are not found, before old ones are not."""


def greet(place: Place, seconds: float) -> Iterator[Finding]:
    """Say hello in the protocol that is to be spoken, and see by the answer what the server speaks."""
    check, wanted = f"{place.role} protocol", "gRPC" if place.http2 else "HTTP"
    answer = _answer(place, PREFACE if place.http2 else _request(place), seconds)
    spoken = _protocol(place, answer, seconds)
    if spoken != ("HTTP/2" if place.http2 else "HTTP/1"):
        raise _mixed_up(place, spoken, answer)
    yield ok(check, f"{wanted} is spoken there")
    yield from _clock(place, answer)


def _request(place: Place) -> bytes:
    asked = f"GET {place.path} HTTP/1.1\r\nHost: {place}\r\nUser-Agent: emulator-doctor\r\nConnection: close\r\n\r\n"
    return asked.encode("ascii", "replace")


def _answer(place: Place, hello: bytes, seconds: float) -> bytes:
    """Return the beginning of what a server answers; nothing if it hangs up. Raises Trouble if it keeps silent."""
    with connected(place, seconds) as plain:
        try:
            with closing(trusting(place).wrap_socket(plain, server_hostname=place.host) if place.tls else plain) as end:
                end.sendall(hello)
                return _read(end)
        except TimeoutError as error:
            said = f"{place} takes connections and keeps silent"
            remedy = "see what listens there: it may still be starting, hang, or be no collector"
            raise Trouble(f"{place.role} protocol", said, remedy, may_heal=True) from error
        except ssl.SSLError as error:
            remedy = f"name one by {' and '.join(IDENTITY)}"
            said = f"TLS ends: {error.reason}; a server that wants a client's certificate does that"
            raise Trouble(f"{place.role} TLS", said, remedy) from error
        except OSError:
            return b""


def _read(end: socket) -> bytes:
    answer = b""
    try:
        while _goes_on(answer) and (piece := end.recv(ENOUGH)):
            answer += piece
    except (ConnectionError, TimeoutError):
        if not answer:
            raise
    return answer


def _goes_on(answer: bytes) -> bool:
    """Whether more is to come until it is known who speaks: networks cut where they like."""
    if answer.startswith(b"HTTP/"):
        return b"\r\n\r\n" not in answer and len(answer) < ENOUGH
    return len(answer) < FRAME_HEADER and not _known(answer)


def _protocol(place: Place, answer: bytes, seconds: float) -> str:
    known = _known(answer)
    if known in {"", "HTTP/1"} and answer[:12] in DOUBTFUL and not place.tls and is_tls(place, seconds):
        return "TLS"
    if not answer and not place.http2:
        return _known(_answer(place, PREFACE, seconds))
    return known


def _known(answer: bytes) -> str:
    if len(answer) >= FRAME_HEADER and answer[TYPE_AT] == SETTINGS and answer[0] == 0:
        return "HTTP/2"
    return next((name for begins, name in BEGINNINGS.items() if answer.startswith(begins)), "")


def _mixed_up(place: Place, spoken: str, answer: bytes) -> Trouble:
    check = f"{place.role} protocol"
    port = "16686" if place.role == "jaeger" else "4317" if place.http2 else "4318"
    match spoken:
        case "TLS":
            return Trouble(f"{place.role} TLS", f"{place} speaks TLS, and is asked without", "make the URL https://")
        case "AMQP":
            return Trouble(check, f"{place} is an AMQP broker, as RabbitMQ", f"correct the port: {port} is usual")
        case "HTTP/2":
            remedy = f"send to {place.host}:4318, or set OTEL_EXPORTER_OTLP_PROTOCOL=grpc"
            return Trouble(check, f"{place} speaks gRPC, and is asked over HTTP", _unless_jaeger(place, remedy))
        case "HTTP/1":
            remedy = f"send to {place.host}:4317, or set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"
            return Trouble(check, f"{place} speaks HTTP, and is asked over gRPC", remedy)
    if answer:
        shown = re.sub(r"[^ -~]", "?", answer[:20].decode("latin-1"))
        return Trouble(check, f"{place} answers {shown!r}, which is no HTTP", f"correct the port: {port} is usual")
    said = f"{place} hangs up without a word"
    return Trouble(check, said, f"see what listens there; {port} is the usual port", may_heal=True)


def _unless_jaeger(place: Place, remedy: str) -> str:
    return "name the port of its UI, 16686 usually, by --jaeger-url" if place.role == "jaeger" else remedy


def _clock(place: Place, answer: bytes) -> Iterator[Finding]:
    """Compare clocks, by the Date of an answer, which is in whole seconds."""
    dated = re.search(rb"\r\ndate: *([^\r]+)", answer, re.IGNORECASE)
    if dated is None:
        return
    try:
        ahead = time.time() - parsedate_to_datetime(dated[1].decode("latin-1")).timestamp()
    except ValueError:
        return
    check, apart = f"{place.role} clock", f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'}"
    said = f"the clock here is {apart} the one there"
    remedy = "set both by NTP; a virtual machine that slept may be late"
    if ahead > SKEWED or ahead < -HOUR:
        yield failure(check, f"{said}: a UI that shows the last hour does not show traces from here", remedy)
    elif abs(ahead) > ODD:
        yield warning(check, f"{said}: effects will be seen before their causes", remedy)
    else:
        yield ok(check, "it agrees with the one here")

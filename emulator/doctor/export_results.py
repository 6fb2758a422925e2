"""What a collector's answer means, over HTTP and gRPC, and what to do about it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from emulator.doctor.check_result import CheckFailed, CheckResult, ok, warning
from emulator.doctor.endpoint import PATH, Endpoint
from emulator.doctor.redaction import redact
from emulator.doctor.server_fingerprint import identify

__all__ = ["ExportResult", "interpret"]

CHECK = "span sent"
ACCEPTED = {"OK", "200", "202"}
"""202 is not in OTLP, but gateways that process spans later answer with it."""
UNTRUSTED = re.compile("self-signed certificate|unable to get (local )?issuer certificate", re.IGNORECASE)
LONGEST_TEXT = 200
REDIRECTS = range(300, 400)


@dataclass(frozen=True, slots=True)
class ExportResult:
    """A collector's answer: `code` is an HTTP status or the name of a gRPC status, `text` its message or body.

    `code` is "" if there was no answer but an `error`; `is_permanent` if a retry would fail as well. `rejected` counts
    spans of a partial success. `is_recorded` is False if the exporter did not let us see the answer.
    """

    code: str = ""
    text: str = ""
    content_type: str = ""
    location: str = ""
    rejected: int = 0
    error: str = ""
    is_permanent: bool = False
    is_recorded: bool = True
    seconds: float = 0.0

    def redacted(self, secrets: frozenset[str]) -> "ExportResult":
        """Return the same result without these secrets, its texts shortened to one line."""
        text, location, error = (_one_line(redact(secrets, text)) for text in (self.text, self.location, self.error))
        return replace(self, text=text, location=location, error=error)


def _one_line(text: str) -> str:
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:LONGEST_TEXT]


class Meaning(NamedTuple):
    """What a code means, and whether a retry may succeed."""

    message: str
    remedy: str
    retryable: bool = False


UNAUTHENTICATED = Meaning(
    "it requires credentials",
    "send them with OTEL_EXPORTER_OTLP_HEADERS, for example authorization=Bearer%20…, or renew them",
)
FORBIDDEN = Meaning("these credentials lack a permission", "check the token's tenant, project and right to send traces")
TOO_LARGE = Meaning("the message is too large", "lower OTEL_BSP_MAX_EXPORT_BATCH_SIZE, or raise the server's limit")
BUSY = Meaning("it is overloaded, or a quota is used up", "send less, or raise the limit there", retryable=True)
UNAVAILABLE = Meaning(
    "nothing behind it accepts spans at the moment", "check the log of the collector, or of the proxy", retryable=True
)
FAILED = Meaning("it failed", "look at the log of the collector", retryable=True)
UNREADABLE = Meaning("it cannot read what is sent", "send OTLP protobuf to a collector; check what listens there")
NO_RECEIVER = Meaning("nothing there accepts traces", "send to a collector's OTLP port: 4318 over HTTP, 4317 over gRPC")

MEANINGS = {
    "400": UNREADABLE,
    "401": UNAUTHENTICATED,
    "403": FORBIDDEN,
    "404": NO_RECEIVER,
    "405": NO_RECEIVER,
    "407": Meaning(
        "a proxy requires credentials", "put them into the proxy's URL, or set NO_PROXY for the collector's host"
    ),
    "413": TOO_LARGE,
    "415": UNREADABLE,
    "429": BUSY,
    "500": FAILED,
    "502": UNAVAILABLE,
    "503": UNAVAILABLE,
    "504": UNAVAILABLE,
    "DEADLINE_EXCEEDED": UNAVAILABLE,
    "INTERNAL": FAILED,
    "INVALID_ARGUMENT": UNREADABLE,
    "PERMISSION_DENIED": FORBIDDEN,
    "RESOURCE_EXHAUSTED": BUSY,
    "UNAUTHENTICATED": UNAUTHENTICATED,
    "UNAVAILABLE": UNAVAILABLE,
    "UNIMPLEMENTED": NO_RECEIVER,
    "UNKNOWN": FAILED,
}
NOT_A_COLLECTOR = {"400", "404", "405", "415", "UNIMPLEMENTED"}
"""Answers of servers that are not collectors, and of collectors for unknown paths."""


def interpret(endpoint: Endpoint, result: ExportResult, seconds: float) -> Iterator[CheckResult]:
    """Say what an answer means. Raises CheckFailed if the span was not accepted."""
    if result.code in ACCEPTED and result.content_type != "text/html":  # some web servers answer 200 to anything
        yield from _accepted(result)
        return
    if result.code.isdecimal() and int(result.code) in REDIRECTS:
        message = (
            f"{endpoint.url} answers {result.code}, a redirect to {result.location or 'nowhere'}: the span is lost"
        )
        raise CheckFailed(CHECK, message, "send to that URL; exporters follow no redirects and count them as success")
    if result.code in NOT_A_COLLECTOR or result.code in ACCEPTED:
        raise _not_a_collector(endpoint, result, seconds)
    if not result.code:
        reason = result.error or "the exporter does not say why"
        message, remedy = f"it could not be sent: {reason}", _remedy(result, endpoint.target.trust)
        raise CheckFailed(CHECK, message, remedy, retryable=not result.is_permanent)
    meaning = MEANINGS.get(result.code, FAILED)
    raise CheckFailed(CHECK, _quoted(result, meaning.message), meaning.remedy, retryable=meaning.retryable)


def _accepted(result: ExportResult) -> Iterator[CheckResult]:
    if result.rejected:
        message = f"the collector answers with a partial success: it rejected the span{_text(result)}"
        raise CheckFailed(CHECK, message, "follow its message: such spans are lost")
    from emulator.runtime.export import FLUSH_SECONDS

    if result.seconds > FLUSH_SECONDS:
        message = f"the collector takes {result.seconds:.1f} s to answer; `boot` waits {FLUSH_SECONDS} s"
        remedy = "find out what keeps it busy, or send to one nearby"
        raise CheckFailed(CHECK, f"{message} and loses its last spans", remedy, retryable=True)
    if not result.is_recorded:
        message = "the exporter reports success, but this version of it hides the collector's answer"
        yield warning(CHECK, message, "look at the log of the collector for rejected spans")
    elif result.text and result.code != "202":
        yield warning(CHECK, f"the collector accepted it, with a warning{_text(result)}", "follow the warning")
    else:
        yield ok(CHECK, f"the collector accepted it ({result.code})")


def _not_a_collector(endpoint: Endpoint, result: ExportResult, seconds: float) -> CheckFailed:
    path, source = endpoint.target.path, endpoint.source
    if path.count(PATH) > 1:
        remedy = f"remove {PATH} from {source}: the exporter adds it"
        return CheckFailed(CHECK, _quoted(result, f"{PATH} is in {endpoint.url} twice"), remedy)
    if not path.rstrip("/").endswith(PATH) and not endpoint.target.http2:
        remedy = f"add {PATH} to {source}, or set OTEL_EXPORTER_OTLP_ENDPOINT, to which the exporter adds it"
        return CheckFailed(CHECK, _quoted(result, f"{PATH} is missing in {endpoint.url}"), remedy)
    kind = endpoint.target.host and identify(endpoint.target, seconds)
    if kind:
        return CheckFailed(CHECK, _quoted(result, f"{endpoint.target} is {kind}, not a collector"), NO_RECEIVER.remedy)
    meaning = MEANINGS.get(result.code, NO_RECEIVER)
    is_page = result.content_type == "text/html"
    message = "it answers with a web page: it is not a collector" if is_page else meaning.message
    return CheckFailed(CHECK, _quoted(result, message), meaning.remedy)


def _quoted(result: ExportResult, message: str) -> str:
    is_page = result.content_type == "text/html"
    return f"{result.code}: {message}" + ("" if is_page else _text(result))


def _text(result: ExportResult) -> str:
    return f" ({result.text})" if result.text else ""


def _remedy(result: ExportResult, trust: str) -> str:
    if result.is_permanent:
        return "correct the variable that sets this"
    if UNTRUSTED.search(result.error):
        return f"set {trust} to the file with its authority's certificate"
    return "check the collector's log, and the network between here and there"

"""What a collector's answer means, over HTTP and gRPC alike, and what to do about it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from emulator.doctor.endpoint import PATH, Endpoint
from emulator.doctor.finding import Finding, Trouble, ok, warning
from emulator.doctor.redaction import without
from emulator.doctor.server_fingerprint import identify

__all__ = ["Answer", "judge"]

CHECK = "span sent"
TAKEN = {"OK", "200", "202"}
"""202 is not OTLP's, but what gateways say that look later."""
UNTRUSTED = re.compile("self-signed certificate|unable to get (local )?issuer certificate", re.IGNORECASE)
LONGEST_WORDS = 200
REDIRECTS = range(300, 400)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered, after how many `seconds`: an HTTP status or gRPC's name of one as `code`, none if an `error`
    came instead, which `is_hopeless` if it will come again.
    """

    code: str = ""
    words: str = ""
    content_type: str = ""
    location: str = ""
    rejected: int = 0
    error: str = ""
    is_hopeless: bool = False
    seconds: float = 0.0

    def tellable(self, secrets: frozenset[str]) -> "Answer":
        """Return the same, with no secret in its words, and not too many of those."""
        words, location, error = (
            _printable(without(secrets, text)) for text in (self.words, self.location, self.error)
        )
        return replace(self, words=words, location=location, error=error)


def _printable(text: str) -> str:
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:LONGEST_WORDS]


class Meaning(NamedTuple):
    """What a code means, and whether it may be another one soon."""

    said: str
    remedy: str
    may_heal: bool = False


LOGIN = Meaning(
    "it wants credentials", "send them by OTEL_EXPORTER_OTLP_HEADERS, authorization=Bearer%20… say, or renew them"
)
FORBIDDEN = Meaning("these credentials may not do this", "check what the token is for: tenant, project, sending traces")
TOO_LARGE = Meaning("the message is too large", "lower OTEL_BSP_MAX_EXPORT_BATCH_SIZE, or raise the server's limit")
BUSY = Meaning("it is too busy, or a quota is used up", "send less, or raise the limit there", may_heal=True)
AWAY = Meaning("nothing behind it takes spans now", "look at the log of the collector, or of the proxy", may_heal=True)
FAILED = Meaning("it failed", "look at the log of the collector", may_heal=True)
UNREADABLE = Meaning("it cannot read what is sent", "send OTLP's protobuf to a collector; see what listens there")
NOT_THERE = Meaning("there is nothing that takes traces", "send to a collector's OTLP port: 4318 over HTTP, 4317 gRPC")

MEANINGS = {
    "400": UNREADABLE,
    "401": LOGIN,
    "403": FORBIDDEN,
    "404": NOT_THERE,
    "405": NOT_THERE,
    "407": Meaning("a proxy wants credentials", "put them into the proxy's URL, or set NO_PROXY for this host"),
    "413": TOO_LARGE,
    "415": UNREADABLE,
    "429": BUSY,
    "500": FAILED,
    "502": AWAY,
    "503": AWAY,
    "504": AWAY,
    "DEADLINE_EXCEEDED": AWAY,
    "INTERNAL": FAILED,
    "INVALID_ARGUMENT": UNREADABLE,
    "PERMISSION_DENIED": FORBIDDEN,
    "RESOURCE_EXHAUSTED": BUSY,
    "UNAUTHENTICATED": LOGIN,
    "UNAVAILABLE": AWAY,
    "UNIMPLEMENTED": NOT_THERE,
    "UNKNOWN": FAILED,
}
WRONG_DOOR = {"400", "404", "405", "415", "UNIMPLEMENTED"}
"""What servers say that are no collector, or are asked for a path that they do not have."""


def judge(endpoint: Endpoint, answer: Answer, seconds: float) -> Iterator[Finding]:
    """Tell what an answer means. Raises Trouble if the span was not taken."""
    if answer.code in TAKEN and answer.content_type != "text/html":
        yield from _taken(answer)
        return
    if answer.code.isdecimal() and int(answer.code) in REDIRECTS:
        said = f"{endpoint.url} answers {answer.code}, a redirect to {answer.location or 'nowhere'}: the span is lost"
        raise Trouble(CHECK, said, "send to where it leads; exporters follow no redirect, and take it for a success")
    if answer.code in WRONG_DOOR or answer.code in TAKEN:
        raise _wrong_door(endpoint, answer, seconds)
    if not answer.code:
        reason = answer.error or "the exporter does not say why"
        raise Trouble(
            CHECK,
            f"it could not be sent: {reason}",
            _try(answer, endpoint.place.trust),
            may_heal=not answer.is_hopeless,
        )
    meaning = MEANINGS.get(answer.code, FAILED)
    raise Trouble(CHECK, _quoted(answer, meaning.said), meaning.remedy, may_heal=meaning.may_heal)


def _taken(answer: Answer) -> Iterator[Finding]:
    if answer.rejected:
        said = f"the collector answers with a partial success: it rejected the span{_because(answer)}"
        raise Trouble(CHECK, said, "do as it says; exporters do not tell of this")
    from emulator.runtime.export import FLUSH_SECONDS

    if answer.seconds > FLUSH_SECONDS:
        said = f"the collector takes {answer.seconds:.1f} s to answer; `boot` waits {FLUSH_SECONDS} s"
        remedy = "see what keeps it busy, or send to one nearby"
        raise Trouble(CHECK, f"{said} and loses its last spans", remedy, may_heal=True)
    if answer.words and answer.code != "202":
        yield warning(CHECK, f"the collector took it, with a warning{_because(answer)}", "do as it says")
    else:
        yield ok(CHECK, f"the collector took it ({answer.code})")


def _wrong_door(endpoint: Endpoint, answer: Answer, seconds: float) -> Trouble:
    path, by = endpoint.place.path, endpoint.said_by
    if path.count(PATH) > 1:
        remedy = f"leave {PATH} out of {by}: the exporter adds it"
        return Trouble(CHECK, _quoted(answer, f"{PATH} is in {endpoint.url} twice"), remedy)
    if not path.rstrip("/").endswith(PATH) and not endpoint.place.http2:
        remedy = f"add {PATH} to {by}, or set OTEL_EXPORTER_OTLP_ENDPOINT, to which the exporter adds it"
        return Trouble(CHECK, _quoted(answer, f"{PATH} is missing in {endpoint.url}"), remedy)
    known = endpoint.place.host and identify(endpoint.place, seconds)
    if known:
        return Trouble(CHECK, _quoted(answer, f"{endpoint.place} is {known}, no collector"), NOT_THERE.remedy)
    meaning = MEANINGS.get(answer.code, NOT_THERE)
    said = "it answers with a web page: it is no collector" if answer.content_type == "text/html" else meaning.said
    return Trouble(CHECK, _quoted(answer, said), meaning.remedy)


def _quoted(answer: Answer, said: str) -> str:
    page = answer.content_type == "text/html"
    return f"{answer.code}: {said}" + ("" if page else _because(answer))


def _because(answer: Answer) -> str:
    return f" ({answer.words})" if answer.words else ""


def _try(answer: Answer, trust: str) -> str:
    if answer.is_hopeless:
        return "correct the variables from which that comes"
    if UNTRUSTED.search(answer.error):
        return f"let {trust} name the file of its authority"
    return "look at the log of the collector, and for what stands between here and there"

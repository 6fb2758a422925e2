"""The doctor's round: settings, the way to the collector, a span, the way to Jaeger, and the span again."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from time import monotonic
from urllib.parse import urlsplit

from emulator.doctor.connectivity import connect, resolve
from emulator.doctor.endpoint import Endpoint, Environment, Place, effective
from emulator.doctor.export_results import judge
from emulator.doctor.exporter_settings import EXPORTER_CHECKS
from emulator.doctor.finding import Finding, Trouble, ok, skipped
from emulator.doctor.jaeger_lookup import ask, compare, find, whats_there
from emulator.doctor.protocol_probe import greet
from emulator.doctor.proxy import proxy_for
from emulator.doctor.redaction import secrets_of, without
from emulator.doctor.retry import Patience
from emulator.doctor.sdk_settings import SDK_CHECKS
from emulator.doctor.tls import handshake
from spantree import Span, spans_from_sdk

__all__ = ["Case", "examine"]

Step = Callable[[Place, float], Iterator[Finding]]

TO_A_PROXY: dict[str, Step] = {"name": resolve, "port": connect}
TO_A_SERVER: dict[str, Step] = {**TO_A_PROXY, "TLS": handshake, "protocol": greet}
SENDING_SECONDS = 15.0
"""What exporters take for their own tries, and some more."""
NO_TRACE = "1".zfill(32)


@dataclass(frozen=True, slots=True)
class Case:
    """What is examined: the environment, the endpoint that an option gave, if one did, the name of that, and Jaeger."""

    env: Environment
    otlp: str | None
    otlp_name: str
    jaeger_url: str


def examine(case: Case, seconds: float, tell: Callable[[str], None]) -> Iterator[Finding]:
    """Look at everything, and yield what is found as it comes. Takes `seconds`, and some for what is tried last.

    `tell` hears what is waited for. No password and no header's value is in what is yielded and told.
    """
    secrets = secrets_of(case.env, case.otlp, case.jaeger_url)
    patience = Patience(seconds, lambda said: tell(without(secrets, said)))
    sent: list[Span] = []
    for part in (_to_the_collector(case, patience, sent, secrets), _to_jaeger(case, patience, sent)):
        try:
            for finding in part:
                yield finding.without(secrets)
        except Trouble as trouble:
            yield trouble.finding.without(secrets)
            patience.end()


def _to_the_collector(case: Case, patience: Patience, sent: list[Span], secrets: frozenset[str]) -> Iterator[Finding]:
    try:
        endpoint = effective(case.env, case.otlp, case.otlp_name)
    except ValueError as error:
        raise Trouble("endpoint", str(error), "write it with http:// or https://, host and port") from error
    for check in EXPORTER_CHECKS:
        yield from check(case.env, endpoint)
    for check_sdk in SDK_CHECKS:
        yield from check_sdk(case.env)
    yield from _reach(endpoint.place, case.env, patience)
    yield from _send(endpoint, patience, sent, secrets)


def _reach(place: Place, env: Environment, patience: Patience) -> Iterator[Finding]:
    """Go to a server step by step; or to the proxy before it, beyond which nothing can be seen."""
    if not place.host:
        yield skipped(f"{place.role} port", "skipped: it is a socket of this machine")
        return
    proxy = proxy_for(place, env)
    if proxy:
        yield proxy.warn(place)
    place, steps = (proxy.place, TO_A_PROXY) if proxy else (place, TO_A_SERVER)
    for name, step in steps.items():
        yield from patience.retry(f"{place.role} {name}", lambda seconds, step=step: list(step(place, seconds)))  # type: ignore[misc]


def _send(endpoint: Endpoint, patience: Patience, sent: list[Span], secrets: frozenset[str]) -> Iterator[Finding]:
    check = "span sent"
    try:
        from emulator.doctor.span_export import a_span, send, set_up

        set_up(endpoint)
    except ValueError as error:  # the SDK reads some of OTEL_* at import
        raise Trouble(check, f"nothing can be sent: {error}", "correct the variable") from error

    def attempt(seconds: float) -> tuple[Span, list[Finding]]:
        span = a_span()
        answer = send(span, endpoint, seconds).tellable(secrets)
        return spans_from_sdk([span])[0], list(judge(endpoint, answer, seconds))

    span, findings = patience.retry(check, attempt, SENDING_SECONDS)
    sent.append(span)
    yield from findings


def _to_jaeger(case: Case, patience: Patience, sent: list[Span]) -> Iterator[Finding]:
    url = case.jaeger_url
    yield from _reach(_place_of(url), case.env, patience)
    patience.retry("jaeger answers", partial(ask, url, NO_TRACE))
    yield ok("jaeger answers", f"its query API is at {url}")
    if not sent:
        yield skipped("span found", "skipped: there is no span that could be looked for")
        return
    [span], began = sent, monotonic()
    try:
        found = patience.retry("span found", partial(find, url, span.trace_id))
    except Trouble as trouble:
        raise _lost(trouble, url, monotonic() - began) from trouble
    yield from compare(span, found)


def _place_of(url: str) -> Place:
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    return Place("jaeger", parts.hostname or "", parts.port or (443 if tls else 80), parts.path or "/", tls)


def _lost(trouble: Trouble, url: str, waited: float) -> Trouble:
    if trouble.finding.check != "span found" or not trouble.may_heal:
        return trouble
    return Trouble(
        "span found",
        f"the span was taken, and this Jaeger does not have it after {waited:.1f} s; {whats_there(url)}",
        "see where the collector sends to (another Jaeger?), whether it samples tails, which keeps only some traces, "
        "and whether it batches for longer than --timeout",
    )

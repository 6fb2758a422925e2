"""The diagnosis: checks the settings, reaches the collector, sends a span, reaches Jaeger, and finds the span there."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from time import monotonic
from urllib.parse import urlsplit

from emulator.doctor.check_result import CheckFailed, CheckResult, ok, skipped
from emulator.doctor.connectivity import connect, resolve
from emulator.doctor.endpoint import Endpoint, Environment, Target, effective_endpoint
from emulator.doctor.export_results import interpret
from emulator.doctor.exporter_settings import EXPORTER_CHECKS
from emulator.doctor.jaeger_lookup import compare, find_trace, known_services, query
from emulator.doctor.protocol_probe import probe
from emulator.doctor.proxy import proxy_for
from emulator.doctor.redaction import redact, secrets_in
from emulator.doctor.retry import RetryBudget
from emulator.doctor.sdk_settings import SDK_CHECKS
from emulator.doctor.tls import handshake
from spantree import Span, spans_from_sdk

__all__ = ["Setup", "diagnose"]

Step = Callable[[Target, float], Iterator[CheckResult]]

TO_A_PROXY: dict[str, Step] = {"name": resolve, "port": connect}
TO_A_SERVER: dict[str, Step] = {**TO_A_PROXY, "TLS": handshake, "protocol": probe}
SEND_SECONDS = 15.0
"""A little longer than exporters take for their own retries."""
GENERAL_VARIABLE = re.compile(r"\bOTEL_EXPORTER_OTLP_(?!TRACES_|ENDPOINT)([A-Z_]+)")
NO_TRACE = "1".zfill(32)
"""A trace id that does not exist: querying it shows whether Jaeger answers."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What to diagnose: the environment, the endpoint set by an option (or None), that option's name, and Jaeger."""

    env: Environment
    otlp: str | None
    otlp_option: str
    jaeger_url: str


def diagnose(setup: Setup, seconds: float, on_wait: Callable[[str], None]) -> Iterator[CheckResult]:
    """Check everything and yield each result as it comes.

    Waits up to `seconds`, and a little longer for the last attempts. `on_wait` gets the reason for waiting. Passwords
    and header values appear neither in results nor in reasons.
    """
    secrets = secrets_in(setup.env, setup.otlp, setup.jaeger_url)
    budget = RetryBudget(seconds, lambda reason: on_wait(redact(secrets, reason)))
    sent: list[Span] = []
    for part in (_collector(setup, budget, sent, secrets), _jaeger(setup, budget, sent)):
        try:
            for result in part:
                yield _in_effect(setup.env, result).redacted(secrets)
        except CheckFailed as error:
            yield _in_effect(setup.env, error.result).redacted(secrets)
            budget.exhaust()  # the rest is still checked, but without waiting: it depends on what has just failed


def _in_effect(env: Environment, result: CheckResult) -> CheckResult:
    """Return the result with a remedy that names variables in effect: one for traces hides the one for all signals.

    Not for endpoints: some remedies suggest to set the other one, which has other rules about paths.
    """

    def name(found: re.Match[str]) -> str:
        for_traces = f"OTEL_EXPORTER_OTLP_TRACES_{found[1]}"
        return for_traces if env.get(for_traces) else found[0]

    return replace(result, remedy=GENERAL_VARIABLE.sub(name, result.remedy))


def _collector(setup: Setup, budget: RetryBudget, sent: list[Span], secrets: frozenset[str]) -> Iterator[CheckResult]:
    """Check the settings and the connection to the collector; send a span, and append it to `sent`."""
    try:
        endpoint = effective_endpoint(setup.env, setup.otlp, setup.otlp_option)
    except ValueError as error:
        raise CheckFailed("endpoint", str(error), "write it with http:// or https://, host and port") from error
    for check in EXPORTER_CHECKS:
        yield from check(setup.env, endpoint)
    for check_sdk in SDK_CHECKS:
        yield from check_sdk(setup.env)
    yield from _reach(endpoint.target, setup.env, budget)
    yield from _send(endpoint, budget, sent, secrets)


def _reach(target: Target, env: Environment, budget: RetryBudget) -> Iterator[CheckResult]:
    """Reach a server step by step. If requests go through a proxy, only the proxy can be checked."""
    if not target.host:
        yield skipped(f"{target.role} port", "skipped: it is a Unix domain socket")
        return
    proxy = proxy_for(target, env)
    if proxy:
        yield proxy.warn(target)
    reached, steps = (proxy.target, TO_A_PROXY) if proxy else (target, TO_A_SERVER)
    for name, step in steps.items():
        yield from budget.retry(f"{reached.role} {name}", partial(_results, step, reached))


def _results(step: Step, target: Target, seconds: float) -> list[CheckResult]:
    return list(step(target, seconds))


def _send(endpoint: Endpoint, budget: RetryBudget, sent: list[Span], secrets: frozenset[str]) -> Iterator[CheckResult]:
    check = "span sent"
    try:
        # imported here: invalid settings make this import fail, and the checks above have explained them by now
        from emulator.doctor.span_export import check_set_up, new_span, send

        check_set_up(endpoint)
    except ValueError as error:  # the SDK reads some of OTEL_* when it is imported
        raise CheckFailed(check, f"nothing can be sent: {error}", "correct the variable") from error

    def attempt(seconds: float) -> tuple[Span, list[CheckResult]]:
        span = new_span()
        exported = send(span, endpoint, seconds).redacted(secrets)
        return spans_from_sdk([span])[0], list(interpret(endpoint, exported, seconds))

    span, results = budget.retry(check, attempt, SEND_SECONDS)
    sent.append(span)
    yield from results


def _jaeger(setup: Setup, budget: RetryBudget, sent: list[Span]) -> Iterator[CheckResult]:
    """Check the connection to Jaeger, and look up the span that was sent."""
    url = setup.jaeger_url
    yield from _reach(_jaeger_target(url), setup.env, budget)
    budget.retry("jaeger answers", partial(query, url, NO_TRACE))
    yield ok("jaeger answers", f"its query API is at {url}")
    if not sent:
        yield skipped("span found", "skipped: no span was sent")
        return
    [span], began = sent, monotonic()
    try:
        found = budget.retry("span found", partial(find_trace, url, span.trace_id))
    except CheckFailed as error:
        raise _not_found(error, url, monotonic() - began) from error
    yield from compare(span, found)


def _jaeger_target(url: str) -> Target:
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    return Target("jaeger", parts.hostname or "", parts.port or (443 if tls else 80), parts.path or "/", tls)


def _not_found(error: CheckFailed, url: str, waited: float) -> CheckFailed:
    """Return a failure that lists what this Jaeger has, if only the span is missing; otherwise the error itself."""
    if error.result.check != "span found" or not error.retryable:
        return error
    return CheckFailed(
        "span found",
        f"the collector accepted the span, but this Jaeger does not have it after {waited:.1f} s; "
        f"{known_services(url)}",
        "see the collector's log for spans that it cannot export; check where it sends to (another Jaeger?), whether "
        "it samples (head or tail sampling) or filters spans, and whether it batches for longer than --timeout",
    )

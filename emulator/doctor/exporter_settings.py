"""What the environment makes of the exporter: endpoint, protocol, TLS, headers, deadline. The network is not
looked at.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from emulator.doctor.endpoint import GRPC, HTTP, Endpoint, Environment, of_traces
from emulator.doctor.finding import Finding, failure, ok, warning

__all__ = ["EXPORTER_CHECKS"]

Check = Callable[[Environment, Endpoint], Iterator[Finding]]

NAMES = {HTTP: re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+"), GRPC: re.compile(r"[0-9a-z_.-]+")}
"""What headers may be called (RFC 9110, section 5.6.2; gRPC's doc/PROTOCOL-HTTP2.md)."""
COMPRESSIONS = {HTTP: {"none", "gzip", "deflate"}, GRPC: {"gzip"}}
LONG_TIMEOUT = 600


def endpoint(env: Environment, chosen: Endpoint) -> Iterator[Finding]:
    """Who says where spans go, and who would say otherwise."""
    where = f"{chosen.url}, {'gRPC' if chosen.protocol == GRPC else 'HTTP'}"
    if chosen.is_default:
        said = f"nobody says where spans go, so that other commands send none; {where} is tried"
        yield warning("endpoint", said, f"give them --otlp {chosen.given}, or set EMULATOR_OTLP")
    else:
        yield ok("endpoint", f"{where}, as {chosen.said_by} says")
    for name in ("EMULATOR_OTLP", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"):
        if env.get(name) and name != chosen.said_by and _origin(env[name]) != _origin(chosen.url):
            said = f"{name} is {env[name]}, and does not count: {chosen.said_by} comes before it"
            yield warning("endpoint", said, f"unset {name}, or {chosen.said_by}")


def _origin(url: str) -> str:
    return urlsplit(url if "//" in url else f"//{url}").netloc.rpartition("@")[2]


def exporter(env: Environment, chosen: Endpoint) -> Iterator[Finding]:
    """OTEL_TRACES_EXPORTER, which the SDK's own variables need, and `--otlp` does not."""
    value = env.get("OTEL_TRACES_EXPORTER", "otlp")
    if value != "otlp":
        remedy = "unset OTEL_TRACES_EXPORTER, or set it to otlp, which is all that the emulator has"
        said = f"OTEL_TRACES_EXPORTER is {value!r}"
        if chosen.said_by.startswith("OTEL_"):
            yield failure("exporter", f"{said}: nothing is sent", remedy)
        else:
            yield warning("exporter", f"{said}, and counts where there is no --otlp and no EMULATOR_OTLP", remedy)


def protocol(env: Environment, chosen: Endpoint) -> Iterator[Finding]:
    """OTEL_EXPORTER_OTLP_PROTOCOL."""
    named = of_traces(env, "PROTOCOL")
    if named and named[1] not in {HTTP, GRPC}:
        said = f"{named[0]} is {named[1]!r}: nothing starts"
        yield failure("protocol", said, f"set it to {HTTP}, the default, or to {GRPC}")
    general = env.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    if named and general and general != named[1]:
        said = f"{named[0]} is {named[1]}, and comes before OTEL_EXPORTER_OTLP_PROTOCOL, {general}"
        yield warning("protocol", said, "unset one of them")
    if chosen.protocol == GRPC and "@" in chosen.url:
        said = f"{chosen.said_by} has a user or password, which gRPC takes for a part of the host: nothing is sent"
        yield failure("protocol", said, "leave it out, and send credentials by OTEL_EXPORTER_OTLP_HEADERS")
    if chosen.protocol == GRPC and chosen.place.path != "/":
        said = f"the path {chosen.place.path} does not count: gRPC has none"
        yield warning("protocol", said, f"leave it out of {chosen.said_by}, or set the protocol to {HTTP}")


def insecure(env: Environment, chosen: Endpoint) -> Iterator[Finding]:
    """OTEL_EXPORTER_OTLP_INSECURE, and endpoints without a scheme."""
    check, scheme, tls = "tls setting", urlsplit(chosen.url).scheme, chosen.place.tls
    name, value = of_traces(env, "INSECURE") or ("", "")
    if name and value.lower() not in {"true", "false"}:
        yield warning(check, f"{name} is {value!r}, which counts as false", "write true or false")
    elif name and (value.lower() == "true") == tls:
        yield warning(check, f"{name} is {value}, and does not count: the endpoint's URL decides", f"unset {name}")
    elif name and tls and scheme == "http":
        said = f"the endpoint is http, but there will be TLS, as {name} is {value}"
        yield warning(check, said, "unset it, and let the endpoint's URL decide")
    elif not name and tls and scheme != "https":
        said = f"the endpoint {chosen.url} does not begin with http://, so that there will be TLS"
        yield warning(check, said, "where there is none, let it begin so, or set OTEL_EXPORTER_OTLP_INSECURE=true")


def certificates(env: Environment, chosen: Endpoint) -> Iterator[Finding]:
    """Files that are named and cannot be read."""
    for what in ("CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"):
        named = of_traces(env, what)
        if named and not Path(named[1]).is_file():
            yield failure("tls files", f"{named[0]} is {named[1]}, and there is no such file", "correct the path")
        elif named and not chosen.place.tls:
            yield warning("tls files", f"{named[0]} does not count: there is no TLS", "make the endpoint https")
    place, trusted = chosen.place, of_traces(env, "CERTIFICATE")
    if trusted and place.tls and place.roots != trusted[1]:
        said = f"{place.trust} is {place.roots}, and comes before {trusted[0]}, {trusted[1]}"
        yield warning("tls files", said, f"unset {place.trust}, or let it name the same")
    if of_traces(env, "CLIENT_KEY") and not of_traces(env, "CLIENT_CERTIFICATE"):
        yield warning("tls files", "there is a client's key but no certificate", "name it by …_CLIENT_CERTIFICATE")
    shown = of_traces(env, "CLIENT_CERTIFICATE")
    if shown and chosen.protocol == GRPC and not trusted:
        said = f"{shown[0]} does not count: over gRPC a client shows one only if it is told whom to trust"
        yield warning("tls files", said, "set OTEL_EXPORTER_OTLP_CERTIFICATE, too")


def headers(env: Environment, chosen: Endpoint) -> Iterator[Finding]:
    """OTEL_EXPORTER_OTLP_HEADERS, whose values are secrets."""
    variable, raw = of_traces(env, "HEADERS") or ("", "")
    found = [_header(entry, NAMES[chosen.protocol]) for entry in raw.split(",") if entry.strip()]
    names = ", ".join(dict.fromkeys(name for name, _ in found))
    bad = ", ".join(name for name, value in found if not (value.isascii() and value.isprintable()))
    if not all(name for name, _ in found):
        said = f"{variable} has an entry that is not name=value"
        yield failure("headers", said, "write name=value,name=value, values percent-encoded")
    elif bad:
        said = f"{variable} gives {bad} a value that no header may have"
        yield failure("headers", said, "look for the end of a line in it, and for what is not in ASCII")
    elif names:
        yield ok("headers", f"{names} will be sent, as {variable} says")


def _header(entry: str, names: re.Pattern[str]) -> tuple[str, str]:
    """Read it as the SDK does. A lone secret in base64, with = at its end, is no header: no name, and no value."""
    from opentelemetry.util.re import parse_env_headers

    for name, value in parse_env_headers(entry, liberal=True).items():
        if names.fullmatch(name) and value.strip("="):
            return name, value
    return "", ""


def deadline(env: Environment, chosen: Endpoint) -> Iterator[Finding]:
    """OTEL_EXPORTER_OTLP_TIMEOUT and OTEL_EXPORTER_OTLP_COMPRESSION."""
    named = of_traces(env, "TIMEOUT")
    if named:
        name, raw = named
        try:
            seconds = float(raw)
        except ValueError:
            level = failure if chosen.protocol == GRPC else warning
            yield level("deadline", f"{name} is {raw!r}, no number of seconds", f"unset {name}, for 10")
        else:
            if seconds <= 0:
                yield failure("deadline", f"{name} is {raw}: no answer comes in that time", f"unset {name}, for 10")
            elif not seconds <= LONG_TIMEOUT:
                said = f"{name} is {raw}: here that are seconds, though other languages take milliseconds"
                yield warning("deadline", said, f"set it to 10, or set {name} for each language apart")
    compressed = of_traces(env, "COMPRESSION")
    if compressed and compressed[1].strip().lower() not in COMPRESSIONS[chosen.protocol]:
        stops = chosen.protocol == GRPC
        said = f"{compressed[0]} is {compressed[1]!r}: {'nothing starts' if stops else 'nothing is compressed'}"
        yield (failure if stops else warning)("compression", said, "set it to gzip, or unset it")


EXPORTER_CHECKS: tuple[Check, ...] = (
    endpoint,
    exporter,
    protocol,
    insecure,
    certificates,
    headers,
    deadline,
)

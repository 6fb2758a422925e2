"""The exporter's settings in the environment: endpoint, protocol, TLS, headers, timeout. Does not use the network."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from emulator.doctor.check_result import CheckResult, failure, ok, warning
from emulator.doctor.endpoint import (
    CERTIFICATES,
    GRPC,
    HTTP,
    Endpoint,
    Environment,
    is_grpc_identity,
    traces_variable,
)

__all__ = ["EXPORTER_CHECKS"]

Check = Callable[[Environment, Endpoint], Iterator[CheckResult]]

NAMES = {HTTP: re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+"), GRPC: re.compile(r"[0-9a-z_.-]+")}
"""Valid header names (RFC 9110, section 5.6.2; gRPC's doc/PROTOCOL-HTTP2.md)."""
COMPRESSIONS = {HTTP: {"none", "gzip", "deflate"}, GRPC: {"gzip"}}
LONG_TIMEOUT = 600


def check_endpoint(env: Environment, endpoint: Endpoint) -> Iterator[CheckResult]:
    """Check which option or variable sets the endpoint, and which others are therefore ignored."""
    where = f"{endpoint.url}, {'gRPC' if endpoint.protocol == GRPC else 'HTTP'}"
    if endpoint.is_default:
        message = f"neither an option nor a variable sets an endpoint, so other commands send nothing; trying {where}"
        yield warning("endpoint", message, f"pass them --otlp {endpoint.exporter_url}, or set EMULATOR_OTLP")
    else:
        yield ok("endpoint", f"{where}, set by {endpoint.source}")
    for name in ("EMULATOR_OTLP", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"):
        if env.get(name) and name != endpoint.source and _origin(env[name]) != _origin(endpoint.url):
            message = f"{name} is {env[name]}, but is ignored: {endpoint.source} takes precedence"
            yield warning("endpoint", message, f"unset {name}, or {endpoint.source}")


def _origin(url: str) -> str:
    return urlsplit(url if "//" in url else f"//{url}").netloc.rpartition("@")[2]


def check_exporter(env: Environment, endpoint: Endpoint) -> Iterator[CheckResult]:
    """Check OTEL_TRACES_EXPORTER. It can turn off the SDK's own endpoint variables, but not `--otlp`."""
    value = env.get("OTEL_TRACES_EXPORTER", "otlp")
    if value != "otlp":
        remedy = "unset OTEL_TRACES_EXPORTER, or set it to otlp, the only exporter that the emulator has"
        message = f"OTEL_TRACES_EXPORTER is {value!r}"
        if endpoint.source.startswith("OTEL_"):
            yield failure("exporter", f"{message}: nothing is sent", remedy)
        else:
            yield warning("exporter", f"{message}, which applies without --otlp and EMULATOR_OTLP", remedy)


def check_protocol(env: Environment, endpoint: Endpoint) -> Iterator[CheckResult]:
    """Check OTEL_EXPORTER_OTLP_PROTOCOL."""
    named = traces_variable(env, "PROTOCOL")
    if named and named[1] not in {HTTP, GRPC}:
        message = f"{named[0]} is {named[1]!r}: nothing starts"
        yield failure("protocol", message, f"set it to {HTTP}, the default, or to {GRPC}")
    general = env.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    if named and general and general != named[1]:
        message = f"{named[0]} is {named[1]}, and takes precedence over OTEL_EXPORTER_OTLP_PROTOCOL, {general}"
        yield warning("protocol", message, "unset one of them")
    if endpoint.protocol == GRPC and "@" in endpoint.url:
        message = f"{endpoint.source} has a user or password, which gRPC takes as part of the host: nothing is sent"
        yield failure("protocol", message, "remove it, and send credentials with OTEL_EXPORTER_OTLP_HEADERS")
    if endpoint.protocol == GRPC and endpoint.target.path != "/":
        message = f"the path {endpoint.target.path} is ignored: gRPC has none"
        yield warning("protocol", message, f"remove it from {endpoint.source}, or set the protocol to {HTTP}")


def check_insecure(env: Environment, endpoint: Endpoint) -> Iterator[CheckResult]:
    """Check OTEL_EXPORTER_OTLP_INSECURE, and endpoints without a scheme."""
    check, scheme, tls = "tls setting", urlsplit(endpoint.url).scheme, endpoint.target.tls
    name, value = traces_variable(env, "INSECURE") or ("", "")
    if name and value.lower() not in {"true", "false"}:
        yield warning(check, f"{name} is {value!r}, which counts as false", "set it to true or false")
    elif name and (value.lower() == "true") == tls:
        yield warning(check, f"{name} is {value}, but is ignored: the endpoint's URL decides", f"unset {name}")
    elif name and tls and scheme == "http":
        message = f"the endpoint is http, but TLS is used because {name} is {value}"
        yield warning(check, message, "unset it, so that the endpoint's URL decides")
    elif not name and tls and scheme != "https":
        message = f"the endpoint {endpoint.url} does not begin with http://, so TLS is used"
        yield warning(check, message, "if the server has no TLS, add http://, or set OTEL_EXPORTER_OTLP_INSECURE=true")


def check_certificates(env: Environment, endpoint: Endpoint) -> Iterator[CheckResult]:
    """Check that the files of certificates and keys exist and are used."""
    for what in ("CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"):
        named = traces_variable(env, what)
        if named and not Path(named[1]).is_file():
            yield failure("tls files", f"{named[0]} is {named[1]}, but there is no such file", "correct the path")
        elif named and not endpoint.target.tls:
            yield warning("tls files", f"{named[0]} is ignored: there is no TLS", "make the endpoint https")
    target, trusted = endpoint.target, traces_variable(env, "CERTIFICATE")
    if trusted and target.tls and target.roots != trusted[1]:
        message = f"{target.trust} is {target.roots}, and takes precedence over {trusted[0]}, {trusted[1]}"
        yield warning("tls files", message, f"unset {target.trust}, or set it to the same file")
    if traces_variable(env, "CLIENT_KEY") and not traces_variable(env, "CLIENT_CERTIFICATE"):
        yield warning("tls files", "there is a client key but no client certificate", "set …_CLIENT_CERTIFICATE")
    shown = traces_variable(env, "CLIENT_CERTIFICATE")
    if shown and endpoint.protocol == GRPC and not is_grpc_identity(shown[0], env):
        needed = shown[0].replace("CLIENT_", "")
        message, remedy = f"uses it only together with {needed}", f"set {needed} as well"
        if env.get(needed):
            message = f"does not use it together with {CERTIFICATES[0]}"
            remedy = "set OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY instead"
        yield warning("tls files", f"{shown[0]} is ignored: the gRPC exporter {message}", remedy)


def check_headers(env: Environment, endpoint: Endpoint) -> Iterator[CheckResult]:
    """Check OTEL_EXPORTER_OTLP_HEADERS, without printing the values, which are secrets."""
    variable, raw = traces_variable(env, "HEADERS") or ("", "")
    found = [_header(entry, NAMES[endpoint.protocol]) for entry in raw.split(",") if entry.strip()]
    names = ", ".join(dict.fromkeys(name for name, _ in found))
    bad = ", ".join(name for name, value in found if not (value.isascii() and value.isprintable()))
    if not all(name for name, _ in found):
        message = f"{variable} has an entry that is not name=value"
        yield failure("headers", message, "write name=value,name=value, values percent-encoded")
    elif bad:
        message = f"{variable} gives {bad} a value that is not valid in a header"
        yield failure("headers", message, "look for line breaks and for characters that are not ASCII")
    elif names:
        yield ok("headers", f"{names} will be sent, set by {variable}")


def _header(entry: str, names: re.Pattern[str]) -> tuple[str, str]:
    """Return name and value as the SDK reads them, or two empty strings.

    A lone secret in base64, which ends with =, looks like a name without a value; it must not be printed as a name.
    """
    from opentelemetry.util.re import parse_env_headers

    for name, value in parse_env_headers(entry, liberal=True).items():
        if names.fullmatch(name) and value.strip("="):
            return name, value
    return "", ""


def check_timeout(env: Environment, endpoint: Endpoint) -> Iterator[CheckResult]:
    """Check OTEL_EXPORTER_OTLP_TIMEOUT and OTEL_EXPORTER_OTLP_COMPRESSION."""
    named = traces_variable(env, "TIMEOUT")
    if named:
        name, raw = named
        try:
            seconds = float(raw)
        except ValueError:
            level = failure if endpoint.protocol == GRPC else warning
            yield level("timeout", f"{name} is {raw!r}, not a number of seconds", f"unset {name}, for 10")
        else:
            if seconds <= 0:
                yield failure("timeout", f"{name} is {raw}: no answer arrives in that time", f"unset {name}, for 10")
            # Milliseconds in the specification: https://github.com/open-telemetry/opentelemetry-python/issues/4044.
            elif not seconds <= LONG_TIMEOUT:  # not `>`, which is false for nan
                message = f"{name} is {raw}: Python reads seconds, other languages read milliseconds"
                yield warning("timeout", message, "set it to 10 here; use another value for other languages")
    compressed = traces_variable(env, "COMPRESSION")
    if compressed and compressed[1].strip().lower() not in COMPRESSIONS[endpoint.protocol]:
        stops = endpoint.protocol == GRPC
        message = f"{compressed[0]} is {compressed[1]!r}: {'nothing starts' if stops else 'nothing is compressed'}"
        yield (failure if stops else warning)("compression", message, "set it to gzip, or unset it")


EXPORTER_CHECKS: tuple[Check, ...] = (
    check_endpoint,
    check_exporter,
    check_protocol,
    check_insecure,
    check_certificates,
    check_headers,
    check_timeout,
)

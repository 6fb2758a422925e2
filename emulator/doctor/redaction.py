"""What must not be printed: values of headers, users and passwords in URLs. Servers may repeat what they are sent."""

import base64
import re
from collections.abc import Iterator
from urllib.parse import unquote

from emulator.doctor.endpoint import Environment

__all__ = ["secrets_of", "without"]

HEADERS = ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
USERINFO = re.compile(r"//[^/\s]*@")
"""To the last @, as passwords may have some."""
SCHEMELESS = re.compile(r"(?:.*?//)?([^/\s]*)@")
"""Over gRPC an endpoint needs no scheme."""
SCHEME = re.compile(r"(bearer|basic)\s+", re.IGNORECASE)
SHORTEST = 4
"""Shorter ones would be found in any text."""


def secrets_of(env: Environment, *urls: str | None) -> frozenset[str]:
    """Return the secrets in variables that exporters read, and in URLs."""
    told = [*filter(None, urls), *(value for name, value in env.items() if _has_url(name))]
    secrets = [*_values(env), *(secret for url in told for secret in _credentials(url))]
    decoded = {form for secret in secrets for form in (secret, unquote(secret))}
    found = {form for secret in decoded for form in (secret, repr(secret)[1:-1], " ".join(secret.split()))}
    return frozenset(secret for secret in found if len(secret) >= SHORTEST)


def without(secrets: frozenset[str], text: str) -> str:
    """Return a text that tells none of them, nor the beginning of one at its end, where it may have been cut."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "…")
        cut = next((length for length in range(len(secret) - 1, SHORTEST - 1, -1) if text.endswith(secret[:length])), 0)
        text = f"{text[:-cut]}…" if cut else text
    return USERINFO.sub("//", text)


def _has_url(name: str) -> bool:
    return name.startswith(("OTEL_EXPORTER", "EMULATOR_OTLP")) or name.lower().endswith("_proxy")


def _credentials(url: str) -> Iterator[str]:
    """What stands before the host, its password, and what clients make of both."""
    found = SCHEMELESS.match(url)
    if found:
        yield from (found[1], found[1].partition(":")[2])
        yield base64.b64encode(unquote(found[1]).encode()).decode()


def _values(env: Environment) -> Iterator[str]:
    for entry in (entry for name in HEADERS for entry in env.get(name, "").split(",")):
        value = unquote(entry.partition("=")[2] or entry).strip()
        yield from (entry.partition("=")[2].strip(), value, SCHEME.sub("", value))

"""Keeps secrets out of the output, even if a server echoes them: header values, and credentials in URLs."""

import base64
import re
from collections.abc import Iterator
from urllib.parse import unquote

from emulator.doctor.endpoint import Environment

__all__ = ["redact", "secrets_in"]

HEADERS = ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
USERINFO = re.compile(r"//[^/\s]*@")
"""Up to the last @, since a password may contain one."""
USERINFO_WITHOUT_SCHEME = re.compile(r"(?:.*?//)?([^/\s]*)@")
"""An endpoint for gRPC needs no scheme."""
AUTH_SCHEME = re.compile(r"(bearer|basic)\s+", re.IGNORECASE)
SHORTEST = 4
"""Characters. Shorter secrets are not redacted: they would match parts of ordinary words."""


def secrets_in(env: Environment, *urls: str | None) -> frozenset[str]:
    """Return the secrets in these URLs and in the variables that exporters read."""
    known_urls = [*filter(None, urls), *(value for name, value in env.items() if _may_hold_url(name))]
    secrets = [*_header_values(env), *(secret for url in known_urls for secret in _credentials(url))]
    decoded = {form for secret in secrets for form in (secret, unquote(secret))}
    # as servers may echo them: as sent, as a Python literal, with white space collapsed
    forms = {form for secret in decoded for form in (secret, repr(secret)[1:-1], " ".join(secret.split()))}
    return frozenset(secret for secret in forms if len(secret) >= SHORTEST)


def redact(secrets: frozenset[str], text: str) -> str:
    """Replace secrets with an ellipsis, even one that is cut off at the end of the text."""
    for secret in sorted(secrets, key=len, reverse=True):  # the longest first: one secret may contain another
        text = text.replace(secret, "…")
        cut = next((length for length in range(len(secret) - 1, SHORTEST - 1, -1) if text.endswith(secret[:length])), 0)
        text = f"{text[:-cut]}…" if cut else text
    return USERINFO.sub("//", text)


def _may_hold_url(name: str) -> bool:
    return name.startswith(("OTEL_EXPORTER", "EMULATOR_OTLP")) or name.lower().endswith("_proxy")


def _credentials(url: str) -> Iterator[str]:
    """Yield a URL's user information, its password, and the basic authentication value that clients derive from it."""
    found = USERINFO_WITHOUT_SCHEME.match(url)
    if found:
        yield from (found[1], found[1].partition(":")[2])
        yield base64.b64encode(unquote(found[1]).encode()).decode()


def _header_values(env: Environment) -> Iterator[str]:
    for entry in (entry for name in HEADERS for entry in env.get(name, "").split(",")):
        value = unquote(entry.partition("=")[2] or entry).strip()
        yield from (entry.partition("=")[2].strip(), value, AUTH_SCHEME.sub("", value))

"""What must not be printed: values of headers, users and passwords in URLs. Servers may repeat what they are sent."""

import re
from collections.abc import Iterator
from urllib.parse import unquote

from emulator.doctor.endpoint import Environment

__all__ = ["secrets_of", "without"]

HEADERS = ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
USERINFO = re.compile(r"//[^/@\s]*@")
PASSWORD = re.compile(r"//[^/@\s:]*:([^/@\s]+)@")
SCHEME = re.compile(r"(bearer|basic)\s+", re.IGNORECASE)
SHORTEST = 4
"""Shorter ones would be found in any text."""


def secrets_of(env: Environment, *urls: str | None) -> frozenset[str]:
    """Return the secrets in variables that exporters read, and in URLs."""
    told = [*filter(None, urls), *(value for name, value in env.items() if _has_url(name))]
    passwords = [password for text in told for password in PASSWORD.findall(text)]
    found = {form for secret in (*_values(env), *passwords) for form in (secret, unquote(secret))}
    return frozenset(secret for secret in found if len(secret) >= SHORTEST)


def without(secrets: frozenset[str], text: str) -> str:
    """Return a text that tells none of them."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "…")
    return USERINFO.sub("//", text)


def _has_url(name: str) -> bool:
    return name.startswith("OTEL_EXPORTER") or name.lower().endswith("_proxy")


def _values(env: Environment) -> Iterator[str]:
    for entry in (entry for name in HEADERS for entry in env.get(name, "").split(",")):
        value = unquote(entry.partition("=")[2] or entry).strip()
        yield from (entry.partition("=")[2].strip(), value, SCHEME.sub("", value))

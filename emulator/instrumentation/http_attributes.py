"""What HTTP server and client spans have in common: methods and URLs as attributes."""

import os

from yarl import URL

from emulator.instrumentation.spans import AttributeValue

__all__ = ["method_attributes", "redacted", "span_name"]

KNOWN_METHODS = frozenset(
    (
        os.environ.get("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS")
        or "CONNECT,DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT,QUERY,TRACE"
    ).split(",")
)
"""The conventions require that the variable replaces the whole list (`http.request.method`)."""

SIGNATURES = ("AWSAccessKeyId", "Signature", "sig", "X-Goog-Signature")
"""Query parameters that grant access. url.full and url.query show them as REDACTED (URL conventions, `url.query`)."""


def method_attributes(method: str) -> dict[str, AttributeValue]:
    """Return the attributes of a method. Unknown ones are `_OTHER`: clients can send any, and metrics keep them all.

    aiohttp's client sends `get` as GET, so that is a known one, too.
    """
    name = _known(method) or "_OTHER"
    if name == method:
        return {"http.request.method": name}
    return {"http.request.method": name, "http.request.method_original": method}


def span_name(method: str, target: str | None) -> str:
    """Return `{method} {target}`. The target is a route or a template, never a path, which would have too many values.

    An unknown method is named HTTP (HTTP spans, "Name").
    """
    name = _known(method) or "HTTP"
    return f"{name} {target}" if target else name


def redacted(url: URL) -> URL:
    """Return a URL that spans may show: without the credentials in it (URL conventions, `url.full`)."""
    if url.raw_user or url.raw_password:
        url = url.with_user("REDACTED").with_password("REDACTED")
    signed = [name for name in SIGNATURES if name in url.query]
    return url.update_query(dict.fromkeys(signed, "REDACTED")) if signed else url


def _known(method: str) -> str | None:
    if method in KNOWN_METHODS:
        return method
    return method.upper() if method.upper() in KNOWN_METHODS else None

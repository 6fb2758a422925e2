"""What HTTP server and client spans have in common: methods and URLs as attributes."""

from yarl import URL

from emulator.instrumentation.spans import AttributeValue

__all__ = ["method_attributes", "redacted", "span_name"]

KNOWN_METHODS = {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}

SIGNATURES = ("AWSAccessKeyId", "Signature", "sig", "X-Goog-Signature")
"""Query parameters that grant access. url.full and url.query show them as REDACTED (URL conventions, `url.query`)."""


def method_attributes(method: str) -> dict[str, AttributeValue]:
    """Return the attributes of a method. Unknown ones are `_OTHER`: clients can send any, and metrics keep them all."""
    if method in KNOWN_METHODS:
        return {"http.request.method": method}
    return {"http.request.method": "_OTHER", "http.request.method_original": method}


def span_name(method: str, target: str | None) -> str:
    """Return `{method} {target}`. The target is a route or a template, never a path, which would have too many values.

    An unknown method is named HTTP (HTTP spans, "Name").
    """
    known = method if method in KNOWN_METHODS else "HTTP"
    return f"{known} {target}" if target else known


def redacted(url: URL) -> URL:
    """Return a URL that spans may show: with the signatures in its query redacted."""
    signed = [name for name in SIGNATURES if name in url.query]
    return url.update_query(dict.fromkeys(signed, "REDACTED")) if signed else url

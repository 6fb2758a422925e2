"""What HTTP server and client spans have in common: methods and URLs as attributes."""

from yarl import URL

from emulator.instrumentation.spans import AttributeValue

__all__ = ["method_attributes", "redacted", "span_name"]

KNOWN_METHODS = {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}

SIGNATURES = ("AWSAccessKeyId", "Signature", "sig", "X-Goog-Signature")
"""Query parameters that grant access: url.full and url.query show them as REDACTED (URL conventions, `url.query`)."""


def method_attributes(method: str) -> dict[str, AttributeValue]:
    """Return the method, which is `_OTHER` if it is unknown: anyone can send new ones, and metrics keep each value."""
    if method in KNOWN_METHODS:
        return {"http.request.method": method}
    return {"http.request.method": "_OTHER", "http.request.method_original": method}


def span_name(method: str, target: str | None) -> str:
    """Return `{method} {target}`, the target being a route or a template; never a path, which has too many values.

    HTTP spans, "Name": an unknown method is called HTTP.
    """
    known = method if method in KNOWN_METHODS else "HTTP"
    return f"{known} {target}" if target else known


def redacted(url: URL) -> URL:
    """Return a URL as spans may show it: without the signatures in its query."""
    signed = [name for name in SIGNATURES if name in url.query]
    return url.update_query(dict.fromkeys(signed, "REDACTED")) if signed else url

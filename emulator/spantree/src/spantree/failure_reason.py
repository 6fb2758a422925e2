"""Says in a few words why a span failed, from what instrumentations leave: status, error.type, exception, HTTP code."""

from spantree.notation import escaped
from spantree.span import Span

__all__ = ["failure_reason", "shortened"]

LONGEST = 120
"""The most characters of a message: a stack trace or a page of HTML may stand in a status."""


def failure_reason(span: Span) -> str:
    """Return why a span failed, on one line; `""` if it did not fail, or does not say why.

    It consists of the type of the error, the message (the description of the status, or else that of the exception)
    and the HTTP status code, each as far as it is known and not part of another.
    """
    if not span.failed:
        return ""
    exception = _exception(span)
    kind = span.error_type or exception.get("exception.type", "")
    message = shortened(span.message or exception.get("exception.message", ""))
    reason = message if kind in message else ": ".join(filter(None, (escaped(kind), message)))
    code = "" if span.status is None or str(span.status) in reason else f"HTTP {span.status}"
    return f"{reason} ({code})" if reason and code else reason or code


def shortened(text: str, longest: int = LONGEST) -> str:
    """Return the first line of a text, cut after so many characters, with unprintable characters escaped."""
    lines = text.strip().splitlines() or [""]
    cut = len(lines) > 1 or len(lines[0]) > longest
    return escaped(lines[0][:longest].rstrip()) + ("…" if cut else "")


def _exception(span: Span) -> dict[str, str]:
    """Return the attributes of the last exception of a span: it is the one that came out."""
    exceptions = [event.attributes for event in span.events if event.name == "exception"]
    return {key: str(value) for key, value in exceptions[-1].items()} if exceptions else {}

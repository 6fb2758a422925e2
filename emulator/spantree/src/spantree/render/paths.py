"""What was asked for, in few words: the path of a request, and ids cut short."""

import re
from urllib.parse import urlsplit

from spantree import Span

__all__ = ["request_path", "shorten_ids"]

ID = re.compile(
    r"(?<![0-9a-f])([0-9a-f]{8})(?:-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{24})(?![0-9a-f])"
)


def request_path(span: Span) -> str:
    """Return the path that a request was for, with its ids cut; "" for a span that names none."""
    url = str(span.attributes.get("url.full", span.attributes.get("http.url", "")))
    target = span.attributes.get("url.path", span.attributes.get("http.target", ""))
    return shorten_ids(_path(url) or str(target).partition("?")[0])


def shorten_ids(text: str) -> str:
    """Cut the UUIDs in a text: eight digits tell them apart."""
    return ID.sub(r"\1…", text)


def _path(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return (parts.path or "/") if parts.netloc else ""

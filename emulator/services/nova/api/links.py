"""The links that nova puts into what it shows: `self` as it was asked for, `bookmark` without a version."""

from aiohttp import web

__all__ = ["bookmark", "links_to", "self_link"]


def self_link(request: web.Request, kind: str, what: str) -> dict[str, str]:
    """Where something is, `kind` being the collection that it is in."""
    return {"rel": "self", "href": f"{request.url.origin()}/v2.1/{kind}/{what}"}


def bookmark(request: web.Request, kind: str, what: str) -> dict[str, str]:
    """What something is called for good."""
    return {"rel": "bookmark", "href": f"{request.url.origin()}/{kind}/{what}"}


def links_to(request: web.Request, kind: str, what: str) -> list[dict[str, str]]:
    """Return both."""
    return [self_link(request, kind, what), bookmark(request, kind, what)]

"""The links in nova's responses: `self` with the API's version, `bookmark` without one, so that it never changes."""

from aiohttp import web

__all__ = ["bookmark", "links_to", "self_link"]


def self_link(request: web.Request, collection: str, resource_id: str) -> dict[str, str]:
    """Return the link to a resource of a collection, such as `servers`."""
    version = "v2" if request.path.startswith("/v2/") else "v2.1"
    return {"rel": "self", "href": f"{request.url.origin()}/{version}/{collection}/{resource_id}"}


def bookmark(request: web.Request, collection: str, resource_id: str) -> dict[str, str]:
    """Return the permanent link to a resource of a collection."""
    return {"rel": "bookmark", "href": f"{request.url.origin()}/{collection}/{resource_id}"}


def links_to(request: web.Request, collection: str, resource_id: str) -> list[dict[str, str]]:
    """Return both links to a resource."""
    return [self_link(request, collection, resource_id), bookmark(request, collection, resource_id)]

"""Discovery documents: the versions of an API, which clients read before their first request to it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from aiohttp import web

from emulator.runtime.http_server import json_response

__all__ = ["Version", "list_versions", "show_version"]

Handler = Callable[[web.Request], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an API. `path` is that of its endpoint; `details` are further fields of its description."""

    id: str
    status: str
    path: str
    details: Mapping[str, Any] = field(default_factory=dict)

    def describe(self, request: web.Request) -> dict[str, Any]:
        """Return the version as discovery documents describe it."""
        # keystoneauth sends all further requests to this link, so it must have the host that the client has reached.
        link = {"rel": "self", "href": f"{request.url.origin()}{self.path}"}
        return {"id": self.id, "status": self.status, **self.details, "links": [link]}


def list_versions(
    *versions: Version,
    status: HTTPStatus = HTTPStatus.OK,
    wrap: Callable[[Sequence[Any]], Any] = list,
) -> Handler:
    """Return a handler that answers `{"versions": …}`. `wrap` puts the list into a further object, as keystone does."""

    async def list_all(request: web.Request) -> web.Response:
        return json_response({"versions": wrap([version.describe(request) for version in versions])}, status)

    return list_all


def show_version(version: Version) -> Handler:
    """Return a handler that answers `{"version": …}`."""

    async def show(request: web.Request) -> web.Response:
        return json_response({"version": version.describe(request)})

    return show

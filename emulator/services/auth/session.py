"""The client side of keystone: log in for a token and a catalog, then call the services of that catalog.

A small stand-in for `keystoneauth1.session`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import msgspec

from emulator.instrumentation.url_template import TemplatedUrl
from emulator.runtime.http_client import Answer, HttpClient, UnexpectedAnswer
from emulator.runtime.simulated_work import wait_for_duration

__all__ = ["Access", "Session", "access_of", "log_in"]

RETRIES = 3
"""How often a request is repeated while its service answers 503."""


class _Endpoint(msgspec.Struct):
    interface: str
    url: str


class _CatalogEntry(msgspec.Struct):
    type: str
    endpoints: list[_Endpoint]


class _Token(msgspec.Struct):
    catalog: list[_CatalogEntry]


class _Answer(msgspec.Struct):
    token: _Token


@dataclass(frozen=True, slots=True)
class Access:
    """A token, its catalog, and the interface whose endpoints to use: `public`, `internal` or `admin`."""

    token: str
    catalog: list[_CatalogEntry]
    interface: str

    def url(self, service_type: str) -> str:
        """Return the endpoint of a service type (`compute`, `network`, `image`). Raises LookupError."""
        for entry in self.catalog:
            for endpoint in entry.endpoints:
                if (entry.type, endpoint.interface) == (service_type, self.interface):
                    return endpoint.url.rstrip("/")
        raise LookupError(f"the catalog has no {self.interface} endpoint of type {service_type}")


async def log_in(
    http: HttpClient,
    keystone_url: str,
    *,
    username: str,
    password: str,
    project: str,
    interface: str,
    step: str | None = None,
) -> Access:
    """Get a token scoped to a project from keystone. `step` is the exchange's number in Figure 1.8, such as "1,2".

    Raises UnexpectedAnswer for an error answer, aiohttp.ClientError and TimeoutError if keystone cannot be reached.
    """
    domain = {"id": "default"}
    auth = {
        "identity": {
            "methods": ["password"],
            "password": {"user": {"name": username, "password": password, "domain": domain}},
        },
        "scope": {"project": {"name": project, "domain": domain}},
    }
    answer = await http.fetch("POST", _identity_url(keystone_url, "/auth/tokens"), body={"auth": auth}, step=step)
    catalog = answer.read(_Answer).token.catalog
    if "X-Subject-Token" not in answer.headers:
        raise UnexpectedAnswer("POST", answer.url, answer.status, "it has no X-Subject-Token header")
    return Access(answer.headers["X-Subject-Token"], catalog, interface)


async def access_of(http: HttpClient, keystone_url: str, token: str, interface: str) -> Access:
    """Return what a token of another client gives access to: its catalog. Raises like `log_in`."""
    catalog = (await http.fetch("GET", _identity_url(keystone_url, "/auth/catalog"), token=token)).read(_Token).catalog
    return Access(token, catalog, interface)


def _identity_url(keystone_url: str, path: str) -> TemplatedUrl:
    """A URL of the Identity API v3; `keystone_url` may end in `/v3` or not, as with OpenStack's clients."""
    return TemplatedUrl(keystone_url.rstrip("/").removesuffix("/v3"), "/v3" + path)


class Session:
    """Sends the requests of a logged-in user to the services in the catalog.

    Like keystoneauth's session, it logs in again once if its token is refused, and repeats a request that is answered
    503, with pauses that double.
    """

    def __init__(self, http: HttpClient, log_in: Callable[[], Awaitable[Access]], access: Access) -> None:
        self._http = http
        self._log_in = log_in
        self._access = access

    async def fetch(
        self,
        method: str,
        service_type: str,
        path: str,
        values: Mapping[str, str] | None = None,
        *,
        query: Mapping[str, str | Sequence[str]] | None = None,
        body: object = None,
        step: str | None = None,
        sink: Callable[[bytes], None] | None = None,
    ) -> Answer:
        """Send a request to the service of a type; `path` is a template for `values`, such as `/servers/{server_id}`.

        Raises LookupError, and what `HttpClient.fetch` raises.
        """
        sent, unavailable, renewed = 0, 0, False
        while True:
            url = TemplatedUrl(self._access.url(service_type), path, values or {}, query or {})
            answer = await self._http.fetch(
                method, url, body=body, token=self._access.token, step=step, resend=sent, sink=sink
            )
            # Only once: if the new token is refused as well, another one will not help.
            if answer.status == HTTPStatus.UNAUTHORIZED and not renewed:
                renewed, self._access = True, await self._log_in()
            elif answer.status == HTTPStatus.SERVICE_UNAVAILABLE and unavailable < RETRIES:
                await wait_for_duration("back off", 2**unavailable)
                unavailable += 1
            else:
                return answer
            sent += 1

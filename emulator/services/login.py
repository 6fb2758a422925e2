"""How a caller logs in at keystone, and what it reads of the answer: a token, and where the services are."""

from dataclasses import dataclass

import msgspec

from emulator.plumbing.http_client import HttpClient, UnexpectedAnswer

__all__ = ["Access", "log_in"]


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
    """A token, and the catalog that came with it."""

    token: str
    catalog: list[_CatalogEntry]

    def url(self, kind: str, interface: str = "public") -> str:
        """Return where the service of a type (`compute`, `network`, `image`) is. Raises LookupError."""
        for entry in self.catalog:
            for endpoint in entry.endpoints:
                if (entry.type, endpoint.interface) == (kind, interface):
                    return endpoint.url.rstrip("/")
        raise LookupError(f"the catalog names no {interface} endpoint of type {kind}")


async def log_in(
    http: HttpClient, keystone_url: str, *, username: str, password: str, project: str, step: str | None = None
) -> Access:
    """Ask keystone for a token for a project. `step` is the number of Figure 1.8 that this is.

    Raises UnexpectedAnswer if keystone refuses, aiohttp.ClientError and TimeoutError if it cannot be reached.
    """
    domain = {"id": "default"}
    auth = {
        "identity": {
            "methods": ["password"],
            "password": {"user": {"name": username, "password": password, "domain": domain}},
        },
        "scope": {"project": {"name": project, "domain": domain}},
    }
    url = f"{keystone_url.rstrip('/').removesuffix('/v3')}/v3/auth/tokens"
    answer = await http.fetch("POST", url, body={"auth": auth}, step=step)
    catalog = answer.read(_Answer).token.catalog
    if "X-Subject-Token" not in answer.headers:
        raise UnexpectedAnswer("POST", url, answer.status, "there is no token in it")
    return Access(answer.headers["X-Subject-Token"], catalog)

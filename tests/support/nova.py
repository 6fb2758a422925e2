"""Nova's API, as its tests use it."""

from typing import Any

from tests.conftest import Api

NEWEST = {"OpenStack-API-Version": "compute 2.96"}


def field(what: Any, path: str) -> Any:
    """Follow a path into an answer; LookupError where it ends before."""
    for part in path.split("."):
        what = what[int(part)] if isinstance(what, list) else what[part]
    return what


async def built(api: Api, **wanted: Any) -> dict[str, Any]:
    status, body = await api.create(headers=NEWEST, **wanted)
    assert status == 202, body
    return await api.until(body["server"]["id"], "ACTIVE")


async def names(api: Api, query: str, path: str = "/v2.1/servers") -> list[str]:
    status, body = await api("GET", "nova-api", f"{path}?{query}", headers=NEWEST)
    assert status == 200, body
    return [server["name"] for server in body["servers"]]

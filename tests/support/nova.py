"""Requests to nova's API that several tests send."""

from collections.abc import Mapping
from typing import Any

from tests.conftest import Api, eventually

NEWEST = {"OpenStack-API-Version": "compute 2.96"}

Body = dict[str, Any]

STOP: Body = {"os-stop": None}
START: Body = {"os-start": None}
SOFT: Body = {"reboot": {"type": "SOFT"}}
HARD: Body = {"reboot": {"type": "HARD"}}
PAUSE: Body = {"pause": None}
UNPAUSE: Body = {"unpause": None}
SUSPEND: Body = {"suspend": None}
RESUME: Body = {"resume": None}
CONSOLE: Body = {"os-getConsoleOutput": {}}

ACTIONS_TO: Mapping[str, list[Body]] = {"ACTIVE": [], "SHUTOFF": [STOP], "PAUSED": [PAUSE], "SUSPENDED": [SUSPEND]}
"""The actions that bring a new server into each state."""


def field(what: Any, path: str) -> Any:
    """Return the value at a dotted path in an answer. Raises LookupError if it is not there."""
    for part in path.split("."):
        what = what[int(part)] if isinstance(what, list) else what[part]
    return what


def message(body: Any) -> str:
    """Return the message of an error answer."""
    [fault] = body.values()
    return str(fault["message"])


async def built(api: Api, **options: Any) -> dict[str, Any]:
    """Create a server and wait until it is ACTIVE."""
    status, body = await api.create(headers=NEWEST, **options)
    assert status == 202, body
    return await api.until(body["server"]["id"], "ACTIVE")


async def built_on(api: Api, networks: Any, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """Create a server on these networks and wait until it is built or has failed."""
    status, body = await api.create(networks=networks, headers=NEWEST if headers is None else headers)
    assert status == 202, body
    return await wait_until_idle(api, body["server"]["id"])


async def a_server(api: Api, status: str = "ACTIVE") -> str:
    """Create a server and bring it into a state. Returns its id."""
    server_id: str = (await api.create())[1]["server"]["id"]
    assert (await wait_until_idle(api, server_id))["status"] == "ACTIVE"
    for body in ACTIONS_TO[status]:
        assert await act(api, server_id, body) == (202, None)
        assert (await wait_until_idle(api, server_id))["status"] == status
    return server_id


async def act(api: Api, server_id: str, body: Any, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    """POST an action. Returns the status and the body."""
    return await api("POST", "nova-api", f"/v2.1/servers/{server_id}/action", headers=headers, json=body)


async def shown(api: Api, server_id: str) -> dict[str, Any]:
    """GET a server."""
    server: dict[str, Any] = (await api("GET", "nova-api", f"/v2.1/servers/{server_id}"))[1]["server"]
    return server


async def wait_until_idle(api: Api, server_id: str) -> dict[str, Any]:
    """Wait until a server has no task in progress, and return it."""
    return await eventually(lambda: shown(api, server_id), lambda server: server["OS-EXT-STS:task_state"] is None)


async def names(api: Api, query: str, path: str = "/v2.1/servers") -> list[str]:
    """List servers by a query. Returns their names."""
    status, body = await api("GET", "nova-api", f"{path}?{query}", headers=NEWEST)
    assert status == 200, body
    return [server["name"] for server in body["servers"]]

"""Requests whose body arrives slowly. The resource may change meanwhile; its state after the body applies."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from yarl import URL

from emulator.services.seed_data import PROJECTS
from tests.conftest import Api, RunningCloud
from tests.support.nova import a_server

ADMIN, DEMO = (project.id for project in PROJECTS[:2])
PRIVATE = {"name": "p", "id": "p", "ram": 64, "vcpus": 1, "disk": 0, "os-flavor-access:is_public": False}


class Slow:
    """A request that has sent half of its body."""

    status: int


@asynccontextmanager
async def slowly(api: Api, method: str, path: str, body: Any) -> AsyncIterator[Slow]:
    """Send headers and part of a body to nova-api, and the rest after the block, which also sets the status."""
    url, whole, slow = URL(api.cloud.endpoints["nova-api"]), json.dumps(body).encode(), Slow()
    reader, writer = await asyncio.open_connection(url.host, url.port)
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: {url.host}\r\nX-Auth-Token: {api.token}\r\n"
        f"Expect: 100-continue\r\nContent-Length: {len(whole)}\r\n\r\n"
    )
    writer.write(head.encode())
    assert b" 100 " in await reader.readuntil(b"\r\n\r\n"), "the request is being handled"
    writer.write(whole[:5])
    yield slow
    writer.write(whole[5:])
    slow.status = int((await reader.readline()).split()[1])
    writer.close()
    await writer.wait_closed()


async def test_a_server_deleted_while_a_body_arrives_is_not_changed_by_it(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api()
    requests: list[tuple[str, str, Any]] = [
        ("POST", "/action", {"lock": None}),
        ("POST", "/action", {"os-stop": None}),
        ("PUT", "", {"server": {"name": "late"}}),
        ("POST", "/metadata", {"metadata": {"a": "b"}}),
        ("PUT", "/metadata", {"metadata": {"a": "b"}}),
        ("PUT", "/metadata/a", {"meta": {"a": "b"}}),
    ]
    for method, more, body in requests:
        server_id = await a_server(api)
        async with slowly(api, method, f"/v2.1/servers/{server_id}{more}", body) as slow:
            await api.gone(server_id)
        assert slow.status == 404, f"{method} {more}"
        path, newest = f"/v2.1/servers/{server_id}/os-instance-actions", {"X-OpenStack-Nova-API-Version": "2.96"}
        actions = (await api("GET", "nova-api", path, headers=newest))[1]["instanceActions"]
        assert [action["action"] for action in actions] == ["delete", "create"]


async def test_a_flavor_changed_while_a_body_arrives_is_not_changed_back(
    running_cloud: RunningCloud,
) -> None:
    api, path = await running_cloud.api(), "/v2.1/flavors/p"
    requests: list[tuple[str, str, Any]] = [
        ("POST", "/action", {"addTenantAccess": {"tenant": DEMO}}),
        ("POST", "/os-extra_specs", {"extra_specs": {"a": "b"}}),
        ("PUT", "/os-extra_specs/a", {"a": "b"}),
    ]
    for method, more, body in requests:
        assert (await api("POST", "nova-api", "/v2.1/flavors", json={"flavor": PRIVATE}))[0] == 200
        async with slowly(api, method, path + more, body) as slow:
            assert (await api("DELETE", "nova-api", path))[0] == 202
        assert slow.status == 404, f"{method} {more}"
        assert (await api("GET", "nova-api", path))[0] == 404
    await api("POST", "nova-api", "/v2.1/flavors", json={"flavor": PRIVATE})
    async with slowly(api, "POST", f"{path}/action", {"addTenantAccess": {"tenant": DEMO}}) as slow:
        await api("POST", "nova-api", f"{path}/action", json={"addTenantAccess": {"tenant": ADMIN}})
    access = (await api("GET", "nova-api", f"{path}/os-flavor-access"))[1]["flavor_access"]
    assert (slow.status, {each["tenant_id"] for each in access}) == (200, {ADMIN, DEMO})

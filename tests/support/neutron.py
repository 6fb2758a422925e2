"""Requests to neutron's API that several tests send."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from emulator.services.seed_data import PROJECTS, resource_id
from tests.conftest import Api, RunningCloud

PRIVATE, PUBLIC = resource_id("network", "private"), resource_id("network", "public")

UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"

ID = {project.name: project.id for project in PROJECTS}


class Neutron:
    """Neutron's API, called by one user."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Send a request. Returns the status and the body."""
        return await self.api(method, "neutron-server", f"/v2.0/{path}", **({} if body is None else {"json": body}))

    async def get(self, path: str) -> Any:
        """Return the value of the body's only key, or of its first."""
        status, body = await self("GET", path)
        assert status == 200, body
        return next(iter(body.values()))

    async def make(self, kind: str, **attributes: Any) -> Any:
        """Create a network, a subnet or a port."""
        status, body = await self("POST", f"{kind}s", {kind: attributes})
        assert status == 201, body
        return body[kind]

    async def refused(self, method: str, path: str, body: Any = None) -> tuple[int, str, str]:
        """Send a request that is refused. Returns the status, the type and the message of the error."""
        status, answer = await self(method, path, body)
        assert set(answer["NeutronError"]) == {"type", "message", "detail"}
        return status, answer["NeutronError"]["type"], answer["NeutronError"]["message"]


async def user(running_cloud: RunningCloud, name: str) -> Neutron:
    """Log in as a user."""
    return Neutron(await running_cloud.api(name))


@asynccontextmanager
async def a_network(
    running_cloud: RunningCloud, cidr: str = "10.1.0.0/24", **subnet: Any
) -> AsyncIterator[tuple[Neutron, str]]:
    """Create a network of demo's with one subnet, and delete it after the block, with its ports."""
    demo = await user(running_cloud, "demo")
    network = (await demo.make("network"))["id"]
    await demo.make("subnet", network_id=network, cidr=cidr, ip_version=6 if ":" in cidr else 4, **subnet)
    try:
        yield demo, network
    finally:
        for port in await demo.get(f"ports?network_id={network}"):
            await demo("DELETE", f"ports/{port['id']}")
        assert await demo("DELETE", f"networks/{network}") == (204, None)

"""Neutron, as its tests use it."""

from typing import Any

from emulator.services.seed_data import PROJECTS, resource_id
from tests.conftest import Api, World

PRIVATE, PUBLIC = resource_id("network", "private"), resource_id("network", "public")

NOWHERE = "00000000-0000-4000-8000-000000000000"

ID = {project.name: project.id for project in PROJECTS}


class Neutron:
    """Neutron, as one user calls it."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Return status and body."""
        return await self.api(method, "neutron-server", f"/v2.0/{path}", **({} if body is None else {"json": body}))

    async def get(self, path: str) -> Any:
        """Return what is in the body's one key, or its first."""
        status, body = await self("GET", path)
        assert status == 200, body
        return next(iter(body.values()))

    async def make(self, kind: str, **words: Any) -> Any:
        """Make a network, a subnet or a port."""
        status, body = await self("POST", f"{kind}s", {kind: words})
        assert status == 201, body
        return body[kind]

    async def refused(self, method: str, path: str, body: Any = None) -> tuple[int, str, str]:
        """Return the status, the type and the message of a refusal."""
        status, answer = await self(method, path, body)
        assert set(answer["NeutronError"]) == {"type", "message", "detail"}
        return status, answer["NeutronError"]["type"], answer["NeutronError"]["message"]


async def user(world: World, name: str) -> Neutron:
    return Neutron(await world.api(name))

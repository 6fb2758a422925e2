"""Logins that several tests send."""

from typing import Any

from emulator.services.seed_data import hex_id
from tests.conftest import Api, RunningCloud

TOKENS = "/v3/auth/tokens"


def login(*methods: str, scope: Any = None, **proofs: Any) -> dict[str, Any]:
    """Return the body of a login by these methods."""
    auth = {"identity": {"methods": list(methods), **proofs}}
    return {"auth": auth if scope is None else {**auth, "scope": scope}}


def password_login(user: str, scope: Any = None) -> dict[str, Any]:
    """Return the body of a user's login by password."""
    return login("password", password={"user": {"id": hex_id("user", user), "password": "secret"}}, scope=scope)


async def logged_in(running_cloud: RunningCloud, body: dict[str, Any]) -> tuple[Api, dict[str, Any]]:
    """Log in with this body; return a client and the token's description."""
    async with running_cloud.session.post(running_cloud.cloud.endpoints["keystone"] + TOKENS, json=body) as response:
        assert response.status == 201, await response.text()
        return Api(running_cloud.session, running_cloud.cloud, response.headers["X-Subject-Token"]), (
            await response.json()
        )["token"]

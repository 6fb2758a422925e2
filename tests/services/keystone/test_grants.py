"""Roles that an admin gives to a user and takes away, and what they allow."""

from typing import Any

import pytest

from emulator.services.seed_data import PROJECTS, USERS, hex_id
from tests.conftest import Api, RunningCloud
from tests.services.keystone.conftest import TOKENS, logged_in, password_login

PROJECT = {project.name: project.id for project in PROJECTS}
USER = {user.name: user.id for user in USERS}
ROLE = {name: hex_id("role", name) for name in ("admin", "member", "reader", "service")}
ON_ADMIN = f"/v3/projects/{PROJECT['admin']}/users/{USER['demo']}/roles"
ON_DOMAIN = f"/v3/domains/default/users/{USER['demo']}/roles"
ON_SYSTEM = f"/v3/system/users/{USER['demo']}/roles"


async def assigned(admin: Api, query: str) -> list[tuple[str, Any]]:
    """Return the role and the scope of each assignment of demo's that the query lists."""
    path = f"/v3/role_assignments?include_names=True&user.id={USER['demo']}&{query}"
    return [
        (one["role"]["name"], one["scope"]) for one in (await admin("GET", "keystone", path))[1]["role_assignments"]
    ]


def demo_on(scope: Any) -> dict[str, Any]:
    return password_login("demo", scope)


async def test_a_granted_role_is_in_new_tokens_and_lists_until_it_is_revoked(running_cloud: RunningCloud) -> None:
    admin, on_admin = await running_cloud.api(), demo_on({"project": {"id": PROJECT["admin"]}})
    path, listed = f"{ON_ADMIN}/{ROLE['member']}", f"scope.project.id={PROJECT['admin']}"
    assert (await admin("HEAD", "keystone", path))[0] == 404
    assert await admin("PUT", "keystone", path) == (204, None)
    assert await admin("PUT", "keystone", path) == (204, None)
    assert [await admin(method, "keystone", path) for method in ("HEAD", "GET")] == [(204, None)] * 2
    [role] = (await admin("GET", "keystone", ON_ADMIN))[1]["roles"]
    assert (role["id"], role["name"]) == (ROLE["member"], "member")
    [(name, scope)] = await assigned(admin, listed)
    assert (name, scope["project"]["name"]) == ("member", "admin")
    assert [name for name, _ in await assigned(admin, f"{listed}&effective")] == ["member", "reader"]
    demo, token = await logged_in(running_cloud, on_admin)
    assert (token["project"]["name"], [one["name"] for one in token["roles"]]) == ("admin", ["member", "reader"])
    assert [one["name"] for one in (await demo("GET", "keystone", "/v3/auth/projects"))[1]["projects"]] == [
        *("admin", "demo")
    ]
    assert (await demo("GET", "nova-api", "/v2.1/servers"))[0] == 200
    assert await admin("DELETE", "keystone", path) == (204, None)
    assert await assigned(admin, listed) == []
    async with running_cloud.session.post(running_cloud.cloud.endpoints["keystone"] + TOKENS, json=on_admin) as refused:
        assert refused.status == 401
    assert (await admin("DELETE", "keystone", path))[0] == 404


async def test_an_admin_role_makes_its_user_an_admin(running_cloud: RunningCloud) -> None:
    admin = await running_cloud.api()
    assert (await (await running_cloud.api("demo"))("GET", "keystone", "/v3/users"))[0] == 403
    path = f"/v3/projects/{PROJECT['demo']}/users/{USER['demo']}/roles/{ROLE['admin']}"
    assert (await admin("PUT", "keystone", path))[0] == 204
    demo = await running_cloud.api("demo")
    assert (await demo("GET", "keystone", "/v3/users"))[0] == 200
    assert (await demo("GET", "nova-api", "/v2.1/os-hypervisors"))[0] == 200


async def test_a_user_without_roles_on_its_default_project_gets_an_unscoped_token(running_cloud: RunningCloud) -> None:
    admin = await running_cloud.api()
    for role in ("member", "reader"):
        path = f"/v3/projects/{PROJECT['demo']}/users/{USER['demo']}/roles/{ROLE[role]}"
        assert (await admin("DELETE", "keystone", path))[0] == 204
    demo, token = await logged_in(running_cloud, demo_on(None))
    assert token.keys().isdisjoint({"project", "roles", "catalog"})
    assert (await demo("GET", "keystone", "/v3/auth/projects"))[1]["projects"] == []


@pytest.mark.parametrize(
    ("roles", "scope", "filtered"),
    [
        (ON_DOMAIN, {"domain": {"id": "default", "name": "Default"}}, "scope.domain.id=default"),
        (ON_SYSTEM, {"system": {"all": True}}, "scope.system=all"),
    ],
    ids=["domain", "system"],
)
async def test_a_role_on_the_domain_or_the_system_allows_tokens_for_it(
    running_cloud: RunningCloud, roles: str, scope: dict[str, Any], filtered: str
) -> None:
    admin = await running_cloud.api()
    assert (await admin("PUT", "keystone", f"{roles}/{ROLE['admin']}"))[0] == 204
    assert await assigned(admin, filtered) == [("admin", scope)]
    demo, token = await logged_in(running_cloud, demo_on(scope))
    assert {key: token[key] for key in scope} == scope
    assert ("project" in token, [one["name"] for one in token["roles"]]) == (False, ["admin", "member", "reader"])
    assert token["catalog"] == (await demo("GET", "keystone", "/v3/auth/catalog"))[1]["catalog"]
    assert (await demo("GET", "keystone", "/v3/users"))[0] == 200
    assert (await demo("GET", "nova-api", "/v2.1/servers"))[0] == 401  # no service but keystone knows such tokens


UNKNOWN = [
    (f"/v3/projects/nope/users/{USER['demo']}/roles/{ROLE['member']}", "Could not find project: nope."),
    (f"/v3/domains/nope/users/{USER['demo']}/roles/{ROLE['member']}", "Could not find domain: nope."),
    (f"/v3/projects/{PROJECT['demo']}/users/nope/roles/{ROLE['member']}", "Could not find user: nope."),
    (f"/v3/projects/{PROJECT['demo']}/users/{USER['demo']}/roles/nope", "Could not find role: nope."),
    (f"/v3/projects/{PROJECT['demo']}/groups/nope/roles/{ROLE['member']}", "Could not find group: nope."),
    (f"/v3/system/groups/nope/roles/{ROLE['member']}", "Could not find group: nope."),
]


@pytest.mark.parametrize(("path", "message"), UNKNOWN)
async def test_a_grant_to_or_on_something_unknown_is_a_404(shared_cloud: RunningCloud, path: str, message: str) -> None:
    status, body = await (await shared_cloud.api())("PUT", "keystone", path)
    assert (status, body["error"]["message"]) == (404, message)


async def test_a_missing_grant_is_named_with_user_role_and_target(shared_cloud: RunningCloud) -> None:
    message = (
        f"Could not find role assignment with role: {ROLE['admin']}, user or group: {USER['demo']}, "
        f"project, domain, or system: {PROJECT['admin']}."
    )
    for method in ("GET", "DELETE"):
        status, body = await (await shared_cloud.api())(method, "keystone", f"{ON_ADMIN}/{ROLE['admin']}")
        assert (status, body["error"]["message"]) == (404, message)


FORBIDDEN = [
    ("PUT", f"{ON_ADMIN}/{ROLE['admin']}", "create_grant"),
    ("GET", f"{ON_ADMIN}/{ROLE['admin']}", "check_grant"),
    ("DELETE", f"{ON_ADMIN}/{ROLE['admin']}", "revoke_grant"),
    ("GET", ON_ADMIN, "list_grants"),
    ("PUT", f"{ON_SYSTEM}/{ROLE['admin']}", "create_system_grant_for_user"),
    ("GET", ON_SYSTEM, "list_system_grants_for_user"),
]


@pytest.mark.parametrize(("method", "path", "rule"), FORBIDDEN)
async def test_members_can_neither_grant_nor_list_roles(
    shared_cloud: RunningCloud, method: str, path: str, rule: str
) -> None:
    status, body = await (await shared_cloud.api("demo"))(method, "keystone", path)
    message = f"You are not authorized to perform the requested action: identity:{rule}."
    assert (status, body["error"]["message"]) == (403, message)

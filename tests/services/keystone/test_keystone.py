"""keystone: the fields of its answers, who may see what, and which logins it accepts."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.services.seed_data import PROJECTS, USERS
from tests.conftest import Api, RunningCloud, credentials
from tests.services.keystone.conftest import TOKENS, logged_in, login

PROJECT = {project.name: project.id for project in PROJECTS}
USER = {user.name: user.id for user in USERS}

VERSION = "id status updated links.*.rel links.*.href media-types.*.type"
FIELDS = {
    "endpoint": "id interface region region_id service_id url enabled links.self",
    "service": "id type name description enabled links.self",
    "region": "id description parent_region_id links.self",
    "project": "id name domain_id parent_id description enabled is_domain tags options links.self",
    "user": "id name domain_id default_project_id enabled password_expires_at options links.self",
    "domain": "id name description enabled tags options links.self",
    "role": "id name domain_id description options links.self",
}
CATALOG = "id type name " + " ".join(f"endpoints.*.{key}" for key in ("id", "interface", "region", "region_id", "url"))
TOKEN = (
    "methods.* audit_ids.* issued_at expires_at is_domain roles.*.id roles.*.name "
    "user.id user.name user.domain.id user.domain.name project.id project.name project.domain.id project.domain.name"
)
LIST = "links.self links.previous links.next"

CONTRACT = [
    ("/", "versions.values.*", VERSION),
    ("/v3", "version", VERSION),
    ("/v3/", "version", VERSION),
    (TOKENS, "token", TOKEN),
    (TOKENS, "token.catalog.*", CATALOG),
    ("/v3/auth/catalog", "catalog.*", CATALOG),
    ("/v3/auth/projects", "projects.*", FIELDS["project"]),
    (f"/v3/users/{USER['demo']}/projects", "projects.*", FIELDS["project"]),
    ("/v3/role_assignments", "role_assignments.*", "role.id user.id scope links.assignment"),
    *((f"/v3/{one}s", f"{one}s.*", fields) for one, fields in FIELDS.items()),
    *((f"/v3/{one}s", "", LIST) for one in (*FIELDS, "role_assignment")),
]
"""A path, a place in the answer, and the fields there. `*` is each item of a list, which must not be empty."""


def missing(body: Any, path: str) -> Iterator[str]:
    """Yield the parts of a path that are missing in the body."""
    name, _, rest = path.partition(".")
    within = body if name == "*" else [body[name]] if isinstance(body, dict) and name in body else []
    if not within:
        yield path
    for each in within:
        yield from missing(each, rest) if rest else ()


@pytest.mark.parametrize(("path", "where", "fields"), CONTRACT)
async def test_every_answer_has_the_fields_that_clients_need(
    shared_cloud: RunningCloud, path: str, where: str, fields: str
) -> None:
    admin = await shared_cloud.api()
    status, body = await admin("GET", "keystone", path, headers={"X-Subject-Token": admin.token})
    assert status == (300 if path == "/" else 200)
    for field in fields.split():
        assert list(missing(body, f"{where}.{field}".lstrip("."))) == []


@pytest.mark.parametrize("one", FIELDS)
async def test_every_listed_resource_can_be_shown_by_its_link(shared_cloud: RunningCloud, one: str) -> None:
    admin = await shared_cloud.api()
    base = shared_cloud.cloud.endpoints["keystone"]
    for listed in (await admin("GET", "keystone", f"/v3/{one}s"))[1][f"{one}s"]:
        path = listed["links"]["self"].removeprefix(base)
        assert await admin("GET", "keystone", path) == (200, {one: listed})


@pytest.mark.parametrize(
    ("path", "kind"), [*((f"/v3/{one}s/nope", one) for one in FIELDS), ("/v3/users/nope/projects", "user")]
)
async def test_a_missing_resource_is_named(shared_cloud: RunningCloud, path: str, kind: str) -> None:
    status, body = await (await shared_cloud.api())("GET", "keystone", path)
    assert (status, body["error"]["message"]) == (404, f"Could not find {kind}: nope.")


FOUND: list[tuple[str, list[str]]] = [
    ("projects?name=demo", ["demo"]),
    ("projects?name=demo&name=admin", ["admin", "demo"]),
    ("projects?name=nope", []),
    ("projects?name=demo&enabled=True", ["demo"]),
    ("projects?enabled=0", []),
    ("projects?is_domain=true", []),
    ("projects?domain_id=default&limit=2", ["admin", "demo"]),
    ("projects?name__contains=dem", ["demo", "alt_demo"]),
    ("projects?name__contains=DEM", []),
    ("projects?name__icontains=DEM&name__startswith=alt", ["alt_demo"]),
    ("projects?name__endswith=min", ["admin"]),
    ("projects?name__istartswith=AL", ["alt_demo"]),
    ("users?name__iendswith=DEMO", ["demo", "alt_demo"]),
    ("roles?name__contains=ead", ["reader"]),
    ("services?type__startswith=comp", ["nova"]),
    ("users?name__resembles=demo&name=demo", ["demo"]),
    ("users?enabled__contains=T", []),
    (f"projects?marker={PROJECT['alt_demo']}", ["service"]),
    (f"projects?marker={PROJECT['service']}", []),
    ("projects?unheard=of", ["admin", "demo", "alt_demo", "service"]),
    ("users?name=nova&domain_id=default", ["nova"]),
    ("users?domain_id=other", []),
    ("services?type=compute", ["nova"]),
    ("services?name=glance", ["glance"]),
    ("domains?name=Default", ["Default"]),
    ("domains?enabled=false", []),
    ("roles?name=member", ["member"]),
    (f"users/{USER['alt_demo']}/projects", ["alt_demo"]),
    (f"users/{USER['alt_demo']}/projects?name=demo", []),
    ("auth/projects", ["admin"]),
]


@pytest.mark.parametrize(("query", "names"), FOUND)
async def test_lists_are_filtered_by_the_query(shared_cloud: RunningCloud, query: str, names: list[str]) -> None:
    _, body = await (await shared_cloud.api())("GET", "keystone", f"/v3/{query}")
    [listed] = [value for key, value in body.items() if key != "links"]
    assert [one["name"] for one in listed] == names


async def test_an_endpoint_is_found_by_service_interface_and_region(shared_cloud: RunningCloud) -> None:
    admin = await shared_cloud.api()
    [nova] = (await admin("GET", "keystone", "/v3/services?name=nova"))[1]["services"]
    query = f"/v3/endpoints?service_id={nova['id']}&interface=public&region_id=RegionOne"
    [endpoint] = (await admin("GET", "keystone", query))[1]["endpoints"]
    assert endpoint["url"] == shared_cloud.cloud.endpoints["nova-api"] + "/v2.1"


async def test_each_page_links_to_the_next_until_the_last(shared_cloud: RunningCloud) -> None:
    admin, base = await shared_cloud.api(), shared_cloud.cloud.endpoints["keystone"]
    seen, url = [], f"{base}/v3/users?limit=3"
    while url:
        _, body = await admin("GET", "keystone", url.removeprefix(base))
        seen += [user["name"] for user in body["users"]]
        url = body["links"]["next"]
    assert seen == [user.name for user in USERS]


ASSIGNED: list[tuple[str, set[str]]] = [
    ("", {"admin", "member", "reader", "service"}),
    (f"&user.id={USER['demo']}", {"member", "reader"}),
    (f"&scope.project.id={PROJECT['service']}", {"service"}),
    (f"&user.id={USER['demo']}&scope.project.id={PROJECT['admin']}", set()),
    ("&scope.system=all", {"admin"}),
    ("&group.id=any", set()),
]


@pytest.mark.parametrize(("query", "roles"), ASSIGNED)
async def test_role_assignments_list_who_has_which_role_where(
    shared_cloud: RunningCloud, query: str, roles: set[str]
) -> None:
    admin = await shared_cloud.api()
    _, body = await admin("GET", "keystone", f"/v3/role_assignments?include_names=True{query}")
    assert {one["role"]["name"] for one in body["role_assignments"]} == roles
    for one in body["role_assignments"]:
        place = one["scope"]["project"]["name"] if "project" in one["scope"] else "admin"
        assert one["user"]["name"] in {place, "nova"}


VISIBLE: list[tuple[str, str | None]] = [
    *((f"/v3/{one}s", f"list_{one}s") for one in FIELDS if one != "region"),
    ("/v3/regions", None),
    ("/v3/regions/RegionOne", None),
    ("/v3/domains/default", None),
    ("/v3/role_assignments", "list_role_assignments"),
    (f"/v3/projects/{PROJECT['demo']}", None),
    (f"/v3/projects/{PROJECT['admin']}", "get_project"),
    ("/v3/projects/demo", "get_project"),
    (f"/v3/users/{USER['demo']}", None),
    (f"/v3/users/{USER['admin']}", "get_user"),
    (f"/v3/users/{USER['demo']}/projects", None),
    (f"/v3/users/{USER['admin']}/projects", "list_user_projects"),
    ("/v3/services/any", "get_service"),
    ("/v3/endpoints/any", "get_endpoint"),
    ("/v3/roles/any", "get_role"),
    ("/v3/auth/projects", None),
    ("/v3/auth/catalog", None),
]
"""A path, and the policy rule that refuses it to members; None if they may see it."""


@pytest.mark.parametrize(("path", "rule"), VISIBLE)
async def test_members_see_their_own_resources_and_get_403_for_others(
    shared_cloud: RunningCloud, path: str, rule: str | None
) -> None:
    demo = await shared_cloud.api("demo")
    status, body = await demo("GET", "keystone", path)
    assert status == (200 if rule is None else 403)
    if rule is not None:
        message = f"You are not authorized to perform the requested action: identity:{rule}."
        assert body == {"error": {"code": 403, "title": "Forbidden", "message": message}}
    assert (await Api(shared_cloud.session, shared_cloud.cloud, "")("GET", "keystone", path))[0] == 401


PASSWORD = {"user": {"id": USER["demo"], "password": "secret"}}
DEFAULT = {"domain": {"id": "default"}}

REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"auth": {"identity": {"password": PASSWORD}}}, 400, "field auth.identity.methods:"),
    ({"auth": {"identity": {"methods": "password"}}}, 400, "field auth.identity.methods:"),
    (login(password=PASSWORD), 400, "field auth.identity.methods:"),
    (login("saml2"), 400, "field auth.identity.methods[0]:"),
    (login("password"), 400, "field auth.identity.password:"),
    (login("password", "token", password=PASSWORD), 400, "field auth.identity.token:"),
    (login("token", token={}), 400, "field auth.identity.token.id:"),
    (login("password", password=PASSWORD, scope="all"), 400, "field auth.scope:"),
    (login("token", token={"id": "nonsense"}), 401, "requires authentication"),
    (login("password", password=PASSWORD, scope=DEFAULT), 401, "requires authentication"),
    (login("password", password=PASSWORD, scope={"system": {"all": True}}), 401, "requires authentication"),
    (login("password", password=PASSWORD, scope={"project": {"id": PROJECT["admin"]}}), 401, "requires authentication"),
]


@pytest.mark.parametrize(("body", "status", "message"), REFUSED)
async def test_an_invalid_login_is_refused_with_a_reason(
    shared_cloud: RunningCloud, body: dict[str, Any], status: int, message: str
) -> None:
    url = shared_cloud.cloud.endpoints["keystone"] + TOKENS
    async with shared_cloud.session.post(url, json=body) as response:
        assert (response.status, (await response.json())["error"]["code"]) == (status, status)
        assert message in (await response.json())["error"]["message"]
        assert "X-Subject-Token" not in response.headers


async def test_a_token_made_from_a_token_keeps_its_audit_id_and_expiry(shared_cloud: RunningCloud) -> None:
    first, one = await logged_in(shared_cloud, credentials("demo"))
    second, two = await logged_in(
        shared_cloud, login("token", token={"id": first.token}, scope={"project": {"name": "demo"}})
    )
    _, three = await logged_in(shared_cloud, login("token", token={"id": second.token}))
    assert (one["methods"], two["methods"], three["methods"]) == (["password"], *[["password", "token"]] * 2)
    assert one["expires_at"] == two["expires_at"] == three["expires_at"]
    assert [len(base64.urlsafe_b64decode(f"{audit_id}==")) for audit_id in one["audit_ids"]] == [16]
    assert [two["audit_ids"][1:], three["audit_ids"][1:]] == [one["audit_ids"]] * 2
    assert len({*one["audit_ids"], *two["audit_ids"], *three["audit_ids"]}) == 3
    assert (await second("GET", "nova-api", "/v2.1/servers"))[0] == 200


@pytest.mark.parametrize("scope", ["unscoped", {"unscoped": {}}], ids=["text", "object"])
async def test_an_unscoped_token_is_valid_at_keystone_only(shared_cloud: RunningCloud, scope: Any) -> None:
    unscoped, token = await logged_in(shared_cloud, login("password", password=PASSWORD, scope=scope))
    assert token.keys().isdisjoint({"project", "roles", "catalog"})
    assert [one["name"] for one in (await unscoped("GET", "keystone", "/v3/auth/projects"))[1]["projects"]] == ["demo"]
    for service, path in (
        ("nova-api", "/v2.1/servers"),
        ("glance-api", "/v2/images"),
        ("neutron-server", "/v2.0/ports"),
    ):
        assert (await unscoped("GET", service, path))[0] == 401
    project = {"project": {"id": PROJECT["demo"]}}
    scoped, token = await logged_in(shared_cloud, login("token", token={"id": unscoped.token}, scope=project))
    assert token["project"]["name"] == "demo"
    assert (await scoped("GET", "nova-api", "/v2.1/servers"))[0] == 200


@pytest.mark.parametrize(("path", "catalog"), [(TOKENS, True), (f"{TOKENS}?nocatalog", False)])
async def test_a_token_can_be_shown_with_and_without_its_catalog(
    shared_cloud: RunningCloud, path: str, *, catalog: bool
) -> None:
    admin = await shared_cloud.api()
    of_demo = {"X-Subject-Token": (await shared_cloud.api("demo")).token}
    status, body = await admin("GET", "keystone", path, headers=of_demo)
    assert (status, body["token"]["user"]["name"], "catalog" in body["token"]) == (200, "demo", catalog)
    assert await admin("HEAD", "keystone", path, headers=of_demo) == (200, None)


@pytest.mark.parametrize("headers", [{"X-Subject-Token": "nonsense"}, {}], ids=["unknown", "missing"])
async def test_an_unknown_token_cannot_be_shown(shared_cloud: RunningCloud, headers: dict[str, str]) -> None:
    status, body = await (await shared_cloud.api())("GET", "keystone", TOKENS, headers=headers)
    assert (status, body["error"]["message"]) == (404, "Could not find token.")


VALIDATES: list[tuple[str, str, str, int]] = [
    ("demo", "demo", "GET", 200),
    ("demo", "demo", "HEAD", 200),
    ("demo", "alt_demo", "GET", 403),
    ("demo", "admin", "GET", 403),
    ("demo", "admin", "HEAD", 403),
    ("admin", "demo", "HEAD", 200),
    ("nova", "demo", "GET", 200),
]


@pytest.mark.parametrize(("caller", "owner", "method", "expected"), VALIDATES)
async def test_only_admins_and_services_validate_tokens_of_others(
    shared_cloud: RunningCloud, caller: str, owner: str, method: str, expected: int
) -> None:
    subject = {"X-Subject-Token": (await shared_cloud.api(owner)).token}
    status, body = await (await shared_cloud.api(caller))(method, "keystone", TOKENS, headers=subject)
    assert status == expected
    if (method, expected) == ("GET", 403):
        message = "You are not authorized to perform the requested action: identity:validate_token."
        assert body["error"]["message"] == message

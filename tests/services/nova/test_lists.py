"""Lists of servers: filters, sort keys and pages."""

import pytest
import pytest_asyncio

from emulator.services.seed_data import PROJECTS, resource_id
from tests.conftest import RunningCloud
from tests.support.nova import NEWEST, built, message, names

DEBIAN = resource_id("image", "debian")
ADMIN, DEMO = (project.id for project in PROJECTS[:2])

SELECTED = [
    ("", "c b a"),
    ("sort_key=display_name&sort_dir=asc", "a b c"),
    ("sort_key=created_at", "c b a"),
    ("sort_key=image_ref&sort_dir=asc&sort_key=display_name&sort_dir=desc", None),
    ("sort_key=launched_at&sort_dir=asc", "a b c"),
    ("limit=2", "c b"),
    ("limit=0", ""),
    ("name=^b$", "b"),
    ("name=b", "b"),
    ("name=^(a|c)$", "c a"),
    ("name=^[bc]", "c b"),
    ("name=.b", ""),
    (f"name={'(' * 80}b{')*' * 80}$", "c b a"),
    ("status=ACTIVE", "c b a"),
    ("status=active&status=ERROR", "c b a"),
    ("status=SHUTOFF", ""),
    (f"image={DEBIAN}", "b"),
    ("flavor=m1.nano", "c"),
    ("host=compute-1", "c b a"),
    ("host=compute-9", ""),
    ("ip=^10\\.0\\.", "c b a"),
    ("ip=192.168", ""),
    ("ip=^10\\.0(\\.[0-9]{1,3}){2}$", "c b a"),
    ("deleted=False", "c b a"),
    ("deleted=True", "gone"),
    ("status=DELETED", "gone"),
    ("deleted=True&all_tenants=1", "gone theirs"),
    ("deleted=True&name=other", ""),
    ("vm_state=active", "c b a"),
    ("changes-since=2001-01-01T00:00:00Z", "c b a gone"),
    ("changes-since=2001-01-01T00:00:00Z&deleted=false", "c b a"),
    ("changes-before=2901-01-01T00:00:00Z", "c b a gone"),
    ("changes-since=2901-01-01T00:00:00", ""),
    ("changes-before=2001-01-01T00:00:00Z", ""),
    ("tags=red", "b a"),
    ("tags=red,blue", "b"),
    ("tags-any=red,blue", "b a"),
    ("not-tags=red,blue", "c a"),
    ("not-tags-any=red", "c"),
    ("locked=true", ""),
    (f"project_id={DEMO}", "c b a"),
    (f"tenant_id={DEMO}", "c b a"),
    (f"all_tenants=1&project_id={DEMO}", "other"),
    (f"all_tenants=1&tenant_id={ADMIN}", "c b a"),
    ("all_tenants=True", "other c b a"),
    ("all_projects=true", "other c b a"),
    ("all_tenants=0", "c b a"),
    ("all_tenants=", "other c b a"),
    ("what_is_this=7", "c b a"),
]
"""A query, and the names of the servers that it lists, in their order; None for any order."""

INVALID = [
    "limit=x",
    "marker=nope",
    "sort_key=beauty",
    "sort_key=uuid&sort_dir=up",
    "changes-since=now",
    "all_tenants=2",
    "changes-since=2901-01-01T00:00:00Z&changes-before=2001-01-01T00:00:00Z",
    "name=(",
    "name=(a)\\1",
    f"name={'a' * 256}",
    "ip=[",
    "ip6=*",
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cloud_with_servers(shared_cloud: RunningCloud) -> RunningCloud:
    """A cloud with the servers that SELECTED is about."""
    admin, demo = await shared_cloud.api(), await shared_cloud.api("demo")
    await demo.gone((await built(demo, name="theirs"))["id"])
    await admin.gone((await built(admin, name="gone"))["id"])
    await built(admin, name="a", tags=["red"])
    await built(admin, name="b", tags=["red", "blue"], imageRef=DEBIAN)
    await built(admin, name="c", flavorRef="m1.nano")
    await built(demo, name="other")
    return shared_cloud


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("path", ["/v2.1/servers", "/v2.1/servers/detail"])
@pytest.mark.parametrize(("query", "expected"), SELECTED, ids=[query[:40] for query, _ in SELECTED])
async def test_a_query_filters_and_sorts_servers(
    cloud_with_servers: RunningCloud, query: str, expected: str | None, path: str
) -> None:
    found = await names(await cloud_with_servers.api(), query, path)
    if expected is not None:
        assert found == expected.split()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("query", INVALID, ids=[query[:40] for query in INVALID])
async def test_an_invalid_query_is_refused_by_the_name_of_its_parameter(
    cloud_with_servers: RunningCloud, query: str
) -> None:
    admin = await cloud_with_servers.api()
    status, body = await admin("GET", "nova-api", f"/v2.1/servers?{query}", headers=NEWEST)
    assert (status, list(body)) == (400, ["badRequest"])
    assert query.partition("=")[0] in message(body)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("query", ["host=compute-9", f"project_id={ADMIN}", "vm_state=error"])
async def test_filters_for_admins_are_ignored_for_members(cloud_with_servers: RunningCloud, query: str) -> None:
    assert await names(await cloud_with_servers.api("demo"), query) == ["other"]


@pytest.mark.asyncio(loop_scope="module")
async def test_the_time_of_its_last_change_includes_a_server_itself(cloud_with_servers: RunningCloud) -> None:
    admin = await cloud_with_servers.api()
    updated = (await admin("GET", "nova-api", "/v2.1/servers/detail?name=^a$"))[1]["servers"][0]["updated"]
    for query in (f"changes-before={updated}", f"changes-since={updated}"):
        assert "a" in await names(admin, query)


@pytest.mark.asyncio(loop_scope="module")
async def test_admins_see_when_a_deleted_server_ended(cloud_with_servers: RunningCloud) -> None:
    admin = await cloud_with_servers.api()
    [server] = (await admin("GET", "nova-api", "/v2.1/servers/detail?deleted=True"))[1]["servers"]
    assert (server["status"], server["OS-EXT-STS:vm_state"], server["addresses"]) == ("DELETED", "deleted", {})
    assert server["OS-SRV-USG:terminated_at"] >= server["OS-SRV-USG:launched_at"]
    assert (await admin("GET", "nova-api", f"/v2.1/servers/{server['id']}"))[0] == 404


@pytest.mark.asyncio(loop_scope="module")
async def test_members_see_deleted_servers_only_among_the_changes(cloud_with_servers: RunningCloud) -> None:
    demo = await cloud_with_servers.api("demo")
    assert await names(demo, "deleted=True") == ["other"]
    assert await names(demo, "changes-since=2001-01-01T00:00:00Z") == ["other", "theirs"]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_member_cannot_list_deleted_servers(cloud_with_servers: RunningCloud) -> None:
    demo = await cloud_with_servers.api("demo")
    status, body = await demo("GET", "nova-api", "/v2.1/servers?status=DELETED")
    assert (status, body["forbidden"]["message"]) == (403, "Only administrators may list deleted servers")


@pytest.mark.parametrize("path", ["/v2.1/servers", "/v2.1/servers/detail", "/v2.1/flavors", "/v2.1/flavors/detail"])
async def test_a_page_of_a_list_links_to_the_next_page(running_cloud: RunningCloud, path: str) -> None:
    api, kind = await running_cloud.api(), path.split("/")[2]
    assert (await api.create(max_count=7, networks=[]))[0] == 202
    whole = [each["id"] for each in (await api("GET", "nova-api", path))[1][kind]]
    assert len(whole) == 7
    seen, following, base = [], f"{path}?limit=3", running_cloud.cloud.endpoints["nova-api"]
    while following:
        _, body = await api("GET", "nova-api", following)
        seen.append([each["id"] for each in body[kind]])
        following = body.get(f"{kind}_links", [{"href": ""}])[0]["href"].removeprefix(base)
    assert seen == [whole[:3], whole[3:6], whole[6:]]
    assert (await api("GET", "nova-api", f"{path}?marker={whole[-1]}"))[1][kind] == []
    assert (await api("GET", "nova-api", f"{path}?limit=0"))[1] == {kind: []}

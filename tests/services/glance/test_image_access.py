"""Which projects see, change and boot an image of glance's: its visibility and its members."""

import pytest

from emulator.services.seed_data import resource_id
from tests.conftest import RunningCloud
from tests.services.glance.conftest import CIRROS, PATCH, an_image, names

PROJECT = resource_id("project", "alt_demo").replace("-", "")


async def test_projects_see_their_own_and_public_images_and_change_their_own(running_cloud: RunningCloud) -> None:
    demo, other, admin = [await running_cloud.api(user) for user in ("demo", "alt_demo", "admin")]
    private, shared = await an_image(demo, "private", b"1", visibility="private"), await an_image(demo, "shared", b"2")
    community = await an_image(demo, "community", b"3", visibility="community")
    assert set(await names(other)) == {"cirros", "debian", "fedora"}
    assert {"private", "shared", "community"} <= set(await names(demo))
    assert {"private", "shared"} <= set(await names(admin))
    for image, status in ((private, 404), (shared, 404), (community, 200)):
        assert (await other("GET", "glance-api", image["self"]))[0] == status
        assert (await other("GET", "glance-api", image["file"]))[0] == status
        assert (await other("DELETE", "glance-api", image["self"]))[0] == (404 if status == 404 else 403)
    for method in ("DELETE", "PATCH"):
        status, body = await demo(method, "glance-api", f"/v2/images/{CIRROS}", json=[], headers=PATCH)
        assert (status, "You are not permitted to" in body["message"]) == (403, True)
    protect = [{"op": "replace", "path": "/protected", "value": True}]
    assert (await demo("PATCH", "glance-api", private["self"], json=protect, headers=PATCH))[0] == 200
    assert (await admin("DELETE", "glance-api", private["self"]))[0] == 403
    assert (await admin("DELETE", "glance-api", shared["self"]))[0] == 204
    assert (await admin("DELETE", "glance-api", f"/v2/images/{CIRROS}"))[0] == 204


async def test_a_shared_image_is_listed_for_members_that_accepted_it(running_cloud: RunningCloud) -> None:
    demo, other = await running_cloud.api("demo"), await running_cloud.api("alt_demo")
    image = await an_image(demo, "ours", b"bytes")
    members, member = f"{image['self']}/members", f"{image['self']}/members/{PROJECT}"
    assert (await other("GET", "glance-api", members))[0] == 404
    status, added = await demo("POST", "glance-api", members, json={"member": PROJECT})
    assert (status, added["member_id"], added["status"]) == (200, PROJECT, "pending")
    assert (await demo("POST", "glance-api", members, json={"member": PROJECT}))[0] == 409
    assert "ours" not in await names(other)
    assert await names(other, "?member_status=pending&visibility=shared") == ["ours"]
    assert (await demo("PUT", "glance-api", member, json={"status": "accepted"}))[0] == 403
    assert (await other("PUT", "glance-api", member, json={"status": "perhaps"}))[0] == 400
    assert (await other("PUT", "glance-api", member, json={"status": "accepted"}))[0] == 200
    assert "ours" in await names(other)
    assert await other("GET", "glance-api", image["file"]) == (200, b"bytes")
    for api in (demo, other):
        assert [each["status"] for each in (await api("GET", "glance-api", members))[1]["members"]] == ["accepted"]
    assert (await other("DELETE", "glance-api", member))[0] == 403
    assert (await demo("DELETE", "glance-api", member))[0] == 204
    assert (await other("GET", "glance-api", image["self"]))[0] == 404


@pytest.mark.parametrize(
    ("visibility", "member", "expected"), [("private", PROJECT, 403), ("community", PROJECT, 403), ("shared", "", 400)]
)
async def test_only_a_shared_image_gets_members_which_have_a_name(
    shared_cloud: RunningCloud, visibility: str, member: str, expected: int
) -> None:
    demo = await shared_cloud.api("demo")
    image = await an_image(demo, visibility=visibility)
    status, _ = await demo("POST", "glance-api", f"{image['self']}/members", json={"member": member})
    assert await demo("DELETE", "glance-api", image["self"]) == (204, None)
    assert status == expected


async def test_a_public_image_gets_no_members(shared_cloud: RunningCloud) -> None:
    demo = await shared_cloud.api("demo")
    assert (await demo("POST", "glance-api", f"/v2/images/{CIRROS}/members", json={"member": PROJECT}))[0] == 403


UNBOOTABLE: list[tuple[dict[str, str], bytes | None, str, str]] = [
    ({"visibility": "private"}, b"bytes", "", "No image found with ID"),
    ({"visibility": "public"}, None, "", "is not active"),
    ({"visibility": "public"}, b"bytes", "deactivate", "has been deactivated"),
]


@pytest.mark.parametrize(("attributes", "data", "action", "fault"), UNBOOTABLE)
async def test_a_server_is_not_booted_from_an_image_that_its_project_may_not_use(
    shared_cloud: RunningCloud, attributes: dict[str, str], data: bytes | None, action: str, fault: str
) -> None:
    admin, demo = await shared_cloud.api(), await shared_cloud.api("demo")
    image = await an_image(admin, data=data, **attributes)
    if action:
        assert (await admin("POST", "glance-api", f"{image['self']}/actions/{action}"))[0] == 204
    _, body = await demo.create(imageRef=image["id"])
    server = await demo.until(body["server"]["id"], "ACTIVE", "ERROR")
    await demo.gone(server["id"])
    assert await admin("DELETE", "glance-api", image["self"]) == (204, None)
    assert fault in server["fault"]["message"]


async def test_a_reactivated_image_is_downloaded_again(shared_cloud: RunningCloud) -> None:
    admin, demo = await shared_cloud.api(), await shared_cloud.api("demo")
    image = await an_image(admin, data=b"bytes", visibility="public")
    downloads = []
    for action in ("deactivate", "reactivate"):
        assert (await admin("POST", "glance-api", f"{image['self']}/actions/{action}"))[0] == 204
        downloads.append((await demo("GET", "glance-api", image["file"]))[0])
    assert await admin("DELETE", "glance-api", image["self"]) == (204, None)
    assert downloads == [403, 200]


async def test_an_admin_boots_a_server_from_another_projects_image(shared_cloud: RunningCloud) -> None:
    admin, demo = await shared_cloud.api(), await shared_cloud.api("demo")
    image = await an_image(demo, data=b"bytes", visibility="private")
    _, body = await admin.create(imageRef=image["id"])
    server = await admin.until(body["server"]["id"], "ACTIVE", "ERROR")
    await admin.gone(server["id"])
    assert await demo("DELETE", "glance-api", image["self"]) == (204, None)
    assert server["status"] == "ACTIVE"


async def test_the_schemas_of_members_describe_them_and_their_list(shared_cloud: RunningCloud) -> None:
    api = await shared_cloud.api("demo")
    image = await an_image(api)
    path = f"{image['self']}/members"
    _, member = await api("POST", "glance-api", path, json={"member": "other"})
    _, members = await api("GET", "glance-api", path)
    await api("DELETE", "glance-api", image["self"])
    _, schema = await api("GET", "glance-api", "/v2/schemas/member")
    _, schema_of_list = await api("GET", "glance-api", members["schema"])
    assert (schema["name"], set(schema["properties"])) == ("member", set(member))
    assert (schema_of_list["name"], set(schema_of_list["properties"])) == ("members", set(members))
    assert schema_of_list["properties"]["members"]["items"] == schema

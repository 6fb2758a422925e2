"""glance-api: images, their data, members and tags, as stock clients use them."""

import asyncio
import hashlib
from typing import Any

import pytest

from emulator.services.seed_data import resource_id
from spantree import spans_from_sdk
from tests.conftest import Api, RunningCloud, eventually, start_cloud

CIRROS = resource_id("image", "cirros")
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
BYTES = {"Content-Type": "application/octet-stream"}
FORMATS = {"disk_format": "qcow2", "container_format": "bare"}


async def an_image(api: Api, name: str = "mine", data: bytes | None = None, **attributes: Any) -> dict[str, Any]:
    """Create an image, and upload its data if there is any."""
    status, image = await api("POST", "glance-api", "/v2/images", json={"name": name, **FORMATS, **attributes})
    assert status == 201, image
    if data is not None:
        path = f"/v2/images/{image['id']}/file"
        assert await api("PUT", "glance-api", path, data=data, headers=BYTES) == (204, None)
    return (await api("GET", "glance-api", f"/v2/images/{image['id']}"))[1]  # type: ignore[no-any-return]


async def begin_upload(api: Api, image: dict[str, Any], size: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Start an upload of `size` bytes, and send four of them."""
    host, port = api.cloud.endpoints["glance-api"].removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"PUT {image['file']} HTTP/1.1\r\nHost: glance\r\nX-Auth-Token: {api.token}\r\nContent-Length: {size}\r\n"
    writer.write(f"{head}Content-Type: application/octet-stream\r\n\r\nhalf".encode())
    return reader, writer


async def saving(api: Api, image: dict[str, Any], *, over: bool = False) -> None:
    """Wait until an upload has begun, or has ended."""
    await eventually(
        lambda: api("GET", "glance-api", image["self"]), lambda seen: (seen[1]["status"] != "saving") == over
    )


async def names(api: Api, query: str = "") -> list[str]:
    status, body = await api("GET", "glance-api", f"/v2/images{query}")
    assert status == 200, body
    return [image["name"] for image in body["images"]]


async def test_an_uploaded_image_is_described_streamed_booted_and_deleted() -> None:
    data = bytes(range(256)) * 1000
    async with start_cloud() as running_cloud:
        api = await running_cloud.api("demo")
        image = await an_image(
            api, data=data, tags=["b", "a", "a"], **{"owner_specified.openstack.object": "images/mine"}
        )
        assert {
            key: image[key] for key in ("status", "size", "visibility", "tags", "owner_specified.openstack.object")
        } == {
            "status": "active",
            "size": len(data),
            "visibility": "shared",
            "tags": ["a", "b"],
            "owner_specified.openstack.object": "images/mine",
        }
        assert image["checksum"] == hashlib.md5(data).hexdigest()  # noqa: S324 - what glance calls a checksum
        assert (image["os_hash_algo"], image["os_hash_value"]) == ("sha512", hashlib.sha512(data).hexdigest())
        assert await api("GET", "glance-api", image["file"]) == (200, data)

        _, body = await api.create(imageRef=image["id"])
        assert (await api.until(body["server"]["id"], "ACTIVE", "ERROR"))["status"] == "ACTIVE"
        assert await api("DELETE", "glance-api", image["self"]) == (204, None)
        assert (await api("GET", "glance-api", image["self"]))[0] == 404
    downloads = [
        span
        for span in spans_from_sdk(running_cloud.export.kept)
        if span.name == "GET /v2/images/{image_id}/file" and image["id"] in str(span.attributes["url.path"])
    ]
    assert len(downloads) == 2


CREATIONS = [
    ({}, 201, ""),
    ({"name": None}, 201, ""),
    ({"name": 1}, 400, "name"),
    ({"name": "x" * 256}, 400, "name"),
    ({"visibility": "secret"}, 400, "visibility"),
    ({"visibility": "public"}, 403, "publicize_image"),
    ({"disk_format": "floppy"}, 400, "disk_format"),
    ({"min_ram": -1}, 400, "min_ram"),
    ({"tags": [""]}, 400, "tags"),
    ({"hw_disk_bus": 5}, 400, "hw_disk_bus"),
    ({"hw_disk_bus": "virtio"}, 201, ""),
    ({"status": "active"}, 403, "status"),
    ({"id": "mine"}, 400, "id"),
    ({"id": CIRROS}, 409, CIRROS),
    ({"owner": "somebody"}, 403, "somebody"),
    ({"x" * 256: "y"}, 400, "property name"),
    ({"x": "y" * 70_000}, 400, "x"),
    ({f"p{number}": "" for number in range(129)}, 413, "properties"),
    ({"tags": [str(number) for number in range(129)]}, 413, "tags"),
]
CHANGES = [
    ([{"op": "replace", "path": "/name", "value": "renamed"}], 200, "renamed"),
    ([{"op": "add", "path": "/os_type", "value": "linux"}], 200, "linux"),
    ([{"op": "replace", "path": "/os_type", "value": "bsd"}, {"op": "remove", "path": "/os_type"}], 200, ""),
    ([{"op": "replace", "path": "/min_ram", "value": 64}], 200, "64"),
    ([{"op": "remove", "path": "/nothing"}], 409, "nothing"),
    ([{"op": "remove", "path": "/name"}], 403, "name"),
    ([{"op": "replace", "path": "/size", "value": 1}], 403, "size"),
    ([{"op": "remove", "path": "/status"}], 403, "status"),
    ([{"op": "replace", "path": "/id", "value": CIRROS}], 403, "id"),
    ([{"op": "replace", "path": "/owner", "value": "somebody"}], 403, "owner"),
    ([{"op": "add", "path": "/a/b", "value": "x"}], 400, "path"),
    ([{"op": "replace", "path": "/visibility", "value": "public"}], 403, "publicize_image"),
    ([{"op": "replace", "path": "/disk_format", "value": "raw"}], 403, "disk_format"),
    ([{"op": "move", "path": "/name"}], 400, "op"),
    ([{"op": "replace", "path": "/name"}], 400, "value"),
    ([{"op": "add", "path": "name", "value": "x"}], 400, "path"),
    ({"name": "x"}, 400, "array"),
]


@pytest.mark.parametrize(("attributes", "expected", "word"), CREATIONS)
async def test_an_invalid_attribute_of_a_new_image_is_refused_by_its_name(
    shared_cloud: RunningCloud, attributes: dict[str, Any], expected: int, word: str
) -> None:
    api = await shared_cloud.api("demo")
    status, body = await api("POST", "glance-api", "/v2/images", json=attributes)
    if status == 201:
        await api("DELETE", "glance-api", body["self"])
    assert status == expected, body
    assert word in (body["message"] if status != 201 else "")


@pytest.mark.parametrize(("patch", "expected", "word"), CHANGES)
async def test_an_invalid_change_of_an_image_is_refused_by_its_name(
    shared_cloud: RunningCloud, patch: Any, expected: int, word: str
) -> None:
    api = await shared_cloud.api("demo")
    image = await an_image(api, data=b"data", os_type="unix")
    status, body = await api("PATCH", "glance-api", image["self"], json=patch, headers=PATCH)
    await api("DELETE", "glance-api", image["self"])
    assert status == expected, body
    assert word in str(body)


async def test_a_patch_of_another_content_type_is_refused(shared_cloud: RunningCloud) -> None:
    api = await shared_cloud.api("demo")
    image = await an_image(api)
    assert (await api("PATCH", "glance-api", image["self"], json=[]))[0] == 415
    await api("DELETE", "glance-api", image["self"])


SELECTIONS = [
    ("?name=cirros", ["cirros"]),
    ("?name=in:cirros,fedora", ["cirros", "fedora"]),
    (f"?id=in:{CIRROS},{UNKNOWN_ID}", ["cirros"]),
    ("?visibility=public", ["cirros", "debian", "fedora"]),
    ("?visibility=community", ["ours"]),
    ("?os_hidden=True", ["hidden"]),
    ("?os_hidden=True&name=cirros", []),
    ("?status=queued", ["ours", "mine"]),
    ("?tag=a&tag=b", ["tagged"]),
    ("?os_type=linux", ["tagged"]),
    ("?size_min=1&size_max=600000", ["cirros"]),
    ("?visibility=public&created_at=lt:2020-01-01T00:00:00Z", []),
    ("?visibility=public&updated_at=gt:2020-01-01", ["cirros", "debian", "fedora"]),
    ("?sort=name:desc&visibility=public", ["fedora", "debian", "cirros"]),
    ("?sort_key=size&sort_dir=asc&visibility=public", ["cirros", "debian", "fedora"]),
    ("?sort=name:asc&limit=2", ["cirros", "debian"]),
    (f"?sort=name:asc&limit=2&marker={CIRROS}", ["debian", "fedora"]),
    (f"?visibility=public&sort=name:desc&marker={CIRROS}", []),
]
INVALID_QUERIES = [
    "visibility=bogus",
    "member_status=bogus",
    "limit=-1",
    "created_at=foo:2020-01-01",
    "limit=x",
    f"marker={UNKNOWN_ID}",
    "sort=colour",
    "sort=name:up",
    "os_hidden=maybe",
    "size_min=big",
]


@pytest.mark.parametrize("query", INVALID_QUERIES)
async def test_an_invalid_query_is_refused_by_the_parameters_name(shared_cloud: RunningCloud, query: str) -> None:
    status, body = await (await shared_cloud.api("demo"))("GET", "glance-api", f"/v2/images?{query}")
    assert (status, query.partition("=")[0].partition("_")[0] in body["message"]) == (400, True), body


async def test_lists_are_filtered_sorted_and_paged(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api("demo")
    await an_image(api, "mine")
    await an_image(api, "hidden", os_hidden=True)
    await an_image(api, "ours", visibility="community")
    await an_image(api, "tagged", b"", tags=["a", "b"], os_type="linux")
    for query, expected in SELECTIONS:
        assert await names(api, query) == expected, query
    _, body = await api("GET", "glance-api", "/v2/images?sort=name:asc&limit=2")
    assert (body["first"], body["schema"]) == ("/v2/images?sort=name:asc&limit=2", "/v2/schemas/images")
    assert [image["name"] for image in (await api("GET", "glance-api", body["next"]))[1]["images"]] == [
        "fedora",
        "mine",
    ]


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
    project = resource_id("project", "alt_demo").replace("-", "")
    members, member = f"{image['self']}/members", f"{image['self']}/members/{project}"
    assert (await other("GET", "glance-api", members))[0] == 404
    status, added = await demo("POST", "glance-api", members, json={"member": project})
    assert (status, added["member_id"], added["status"]) == (200, project, "pending")
    assert (await demo("POST", "glance-api", members, json={"member": project}))[0] == 409
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
    private = await an_image(demo, visibility="private")
    for path, sent, expected in (
        (f"/v2/images/{CIRROS}/members", project, 403),
        (f"{private['self']}/members", project, 403),
        (members, "", 400),
    ):
        assert (await demo("POST", "glance-api", path, json={"member": sent}))[0] == expected, path


UNBOOTABLE: list[tuple[dict[str, str], bytes | None, str, str]] = [
    ({"visibility": "private"}, b"bytes", "", "No image found with ID"),
    ({"visibility": "public"}, None, "", "is not active"),
    ({"visibility": "public"}, b"bytes", "deactivate", "has been deactivated"),
]


async def test_a_server_is_booted_only_from_an_image_that_its_project_may_use(running_cloud: RunningCloud) -> None:
    admin, demo = await running_cloud.api(), await running_cloud.api("demo")
    for attributes, data, action, fault in UNBOOTABLE:
        image = await an_image(admin, data=data, **attributes)
        if action:
            assert (await admin("POST", "glance-api", f"{image['self']}/actions/{action}"))[0] == 204
        _, body = await demo.create(imageRef=image["id"])
        server = await demo.until(body["server"]["id"], "ACTIVE", "ERROR")
        assert fault in server["fault"]["message"], attributes
    assert (await admin("POST", "glance-api", f"{image['self']}/actions/reactivate"))[0] == 204
    assert (await demo("GET", "glance-api", image["file"]))[0] == 200
    _, body = await admin.create(imageRef=(await an_image(demo, data=b"bytes", visibility="private"))["id"])
    assert (await admin.until(body["server"]["id"], "ACTIVE", "ERROR"))["status"] == "ACTIVE"


async def test_an_upload_fails_if_its_image_is_deleted_meanwhile(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api("demo")
    image = await an_image(api)
    reader, writer = await begin_upload(api, image, 8)
    await saving(api, image)
    formats = [{"op": "replace", "path": "/disk_format", "value": None}]
    assert (await api("PATCH", "glance-api", image["self"], json=formats, headers=PATCH))[0] == 403
    assert (await api("DELETE", "glance-api", image["self"]))[0] == 204
    writer.write(b"rest")
    assert (await reader.readline()).split()[1] == b"410"
    writer.close()


async def test_a_body_that_contradicts_its_content_encoding_is_refused(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api("demo")
    image = await an_image(api)
    headers = {**BYTES, "Content-Encoding": "gzip"}
    status, body = await api("PUT", "glance-api", image["file"], data=b"hello", headers=headers)
    assert (status, "Content-Encoding" in body["message"]) == (400, True)


async def test_invalid_uploads_are_refused_and_an_interrupted_one_can_be_repeated(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api("demo")
    image = await an_image(api)
    upload = ("PUT", "glance-api", image["file"])
    assert await api("GET", "glance-api", image["file"]) == (204, None)
    assert (await api(*upload, data=b"x", headers={"Content-Type": "text/plain"}))[0] == 415
    reader, writer = await begin_upload(api, image, 2**40)
    assert (await reader.readline()).split()[1] == b"413"
    writer.close()
    bare = (await api("POST", "glance-api", "/v2/images", json={"name": "no formats"}))[1]
    assert (await api("PUT", "glance-api", bare["file"], data=b"x", headers=BYTES))[0] == 400

    _, writer = await begin_upload(api, image, 9)
    await saving(api, image)
    assert (await api(*upload, data=b"x", headers=BYTES))[0] == 409
    writer.close()
    await saving(api, image, over=True)
    assert await api(*upload, data=b"whole", headers=BYTES) == (204, None)
    assert (await api(*upload, data=b"again", headers=BYTES))[0] == 409
    assert await api("GET", "glance-api", image["file"]) == (200, b"whole")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/v2/images/{UNKNOWN_ID}"),
        ("GET", "/v2/images/cirros"),
        ("PATCH", f"/v2/images/{UNKNOWN_ID}"),
        ("DELETE", f"/v2/images/{UNKNOWN_ID}"),
        ("PUT", f"/v2/images/{UNKNOWN_ID}/file"),
        ("GET", f"/v2/images/{UNKNOWN_ID}/file"),
        ("DELETE", f"/v2/images/{CIRROS}/tags/none"),
        ("GET", "/v2/info/stores"),
    ],
)
async def test_a_missing_resource_is_a_404(shared_cloud: RunningCloud, method: str, path: str) -> None:
    status, body = await (await shared_cloud.api())(method, "glance-api", path)
    assert (status, body["code"], body["title"]) == (404, "404 Not Found", "Not Found")


async def test_clients_can_read_the_image_schemas_and_import_methods(shared_cloud: RunningCloud) -> None:
    for path, status in (("/", 300), ("/versions", 200), ("/versions/", 200)):
        async with shared_cloud.session.get(shared_cloud.cloud.endpoints["glance-api"] + path) as response:
            assert response.status == status
            [current] = [version for version in (await response.json())["versions"] if version["status"] == "CURRENT"]
        assert current["links"] == [{"rel": "self", "href": f"{shared_cloud.cloud.endpoints['glance-api']}/v2/"}]
    api = await shared_cloud.api()
    _, image = await api("GET", "glance-api", f"/v2/images/{CIRROS}")
    _, schema = await api("GET", "glance-api", "/v2/schemas/image")
    assert set(image) == set(schema["properties"])
    assert (await api("GET", "glance-api", "/v2/schemas/images"))[1]["name"] == "images"
    assert (await api("GET", "glance-api", "/v2/info/import"))[1]["import-methods"]["value"] == []

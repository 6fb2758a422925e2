"""glance-api: images as stock clients create, change and describe them."""

import hashlib
from typing import Any

import pytest

from spantree import spans_from_sdk
from tests.conftest import RunningCloud, start_cloud
from tests.services.glance.conftest import CIRROS, OLD_PATCH, PATCH, UNKNOWN_ID, an_image


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
        if span.name == "GET /v2/images/{image_id}/file"
        and span.kind == "server"
        and image["id"] in str(span.attributes["url.path"])
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
    ({"os_glance_import_task": "x"}, 403, "Attribute 'os_glance_import_task' is reserved."),
    ({"location": "x"}, 403, "Attribute 'location' is reserved."),
    ({"properties": "x", "is_public": "y"}, 201, ""),
    ({"properties": {"os_type": "linux"}}, 400, "Invalid input for field properties: "),
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
    ([{"op": "add", "path": "/properties", "value": "own"}], 200, "own"),
    ([{"op": "add", "path": "/os_glance_foo", "value": "x"}], 403, "Attribute 'os_glance_foo' is reserved."),
    ([{"op": "remove", "path": "/os_glance_foo"}], 403, "Attribute 'os_glance_foo' is reserved."),
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


OLD_CHANGES = [
    ([{"replace": "/name", "value": "renamed"}, {"add": "/os_type", "value": "linux"}], 200, "renamed"),
    ([{"remove": "/os_version"}], 200, ""),
    ([{"remove": "/name"}], 403, "Property name may not be removed."),
    ([{"replace": "/name"}], 400, "Invalid input for field [0].value: it is required for replace."),
    ([{"replace": "/name", "remove": "/name"}], 400, 'exactly one member named "add", "remove", or "replace".'),
    ([{"op": "replace", "path": "/name", "value": "x"}], 400, "Invalid input for field [0]: Operation objects must"),
    ([{"replace": "/name", "value": "x"}, {"add": 7, "value": "x"}], 400, "Invalid input for field [1].path: "),
    ({"name": "x"}, 400, "array"),
]


@pytest.mark.parametrize(("patch", "expected", "word"), OLD_CHANGES)
async def test_a_patch_of_the_older_media_type_changes_an_image_too(
    shared_cloud: RunningCloud, patch: Any, expected: int, word: str
) -> None:
    api = await shared_cloud.api("demo")
    image = await an_image(api, os_version="13")
    status, body = await api("PATCH", "glance-api", image["self"], json=patch, headers=OLD_PATCH)
    _, changed = await api("GET", "glance-api", image["self"])
    await api("DELETE", "glance-api", image["self"])
    assert (status, word in str(body.get("message", body))) == (expected, True), body
    assert changed == (body if status == 200 else image)


async def test_a_patch_of_another_content_type_is_refused(shared_cloud: RunningCloud) -> None:
    api = await shared_cloud.api("demo")
    image = await an_image(api)
    status, body = await api("PATCH", "glance-api", image["self"], json=[])
    expected = f"{OLD_PATCH['Content-Type']} or {PATCH['Content-Type']}."
    assert (status, body["message"]) == (415, f"The content type application/json is not supported: send {expected}")
    await api("DELETE", "glance-api", image["self"])


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


@pytest.mark.parametrize(("path", "status"), [("/", 300), ("/versions", 200), ("/versions/", 200)])
async def test_the_list_of_versions_links_to_the_current_one(
    shared_cloud: RunningCloud, path: str, status: int
) -> None:
    endpoint = shared_cloud.cloud.endpoints["glance-api"]
    async with shared_cloud.session.get(endpoint + path) as response:
        assert response.status == status
        [current] = [version for version in (await response.json())["versions"] if version["status"] == "CURRENT"]
    assert current["links"] == [{"rel": "self", "href": f"{endpoint}/v2/"}]


async def test_clients_can_read_the_image_schemas_and_import_methods(shared_cloud: RunningCloud) -> None:
    api = await shared_cloud.api()
    _, image = await api("GET", "glance-api", f"/v2/images/{CIRROS}")
    _, schema = await api("GET", "glance-api", "/v2/schemas/image")
    assert set(image) == set(schema["properties"])
    assert (await api("GET", "glance-api", "/v2/schemas/images"))[1]["name"] == "images"
    assert (await api("GET", "glance-api", "/v2/schemas/nope"))[0] == 404
    assert (await api("GET", "glance-api", "/v2/info/import"))[1]["import-methods"]["value"] == []

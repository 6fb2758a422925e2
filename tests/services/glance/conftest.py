"""Requests to glance that several tests send."""

from typing import Any

from emulator.services.seed_data import resource_id
from tests.conftest import Api

CIRROS = resource_id("image", "cirros")
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
OLD_PATCH = {"Content-Type": "application/openstack-images-v2.0-json-patch"}
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


async def names(api: Api, query: str = "") -> list[str]:
    """Return the names of the images that a query lists."""
    status, body = await api("GET", "glance-api", f"/v2/images{query}")
    assert status == 200, body
    return [image["name"] for image in body["images"]]

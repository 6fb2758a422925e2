"""Uploads of image data to glance-api: interrupted, invalid, and of images that are deleted meanwhile."""

import asyncio
from typing import Any

from tests.conftest import Api, RunningCloud, eventually
from tests.services.glance.conftest import BYTES, PATCH, an_image


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

"""The bytes of an image over HTTP: uploaded by users, downloaded by whoever boots a server from it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus

from aiohttp import web

from emulator.plumbing.errors import ApiError, Conflict
from emulator.plumbing.steps import given, pretend
from emulator.services.glance.contents import CHUNK_BYTES, Contents, Hashing
from emulator.services.glance.images import IMAGES, Image, ImageNotFound, Images, find, find_to_change
from emulator.services.glance.wanted import UnsupportedMediaType

__all__ = ["LARGEST_BYTES", "download_image", "upload_image"]

LARGEST_BYTES = 256 * 1024 * 1024
"""How large an uploaded image may be: it is kept in memory."""
MOST_BYTES = 1024 * 1024 * 1024
"""How much of memory all uploaded images may take together."""


class StorageQuotaFull(ApiError):
    """There is no room for the image."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    def __init__(self, size: int, remaining: int) -> None:
        super().__init__(f"The size of the data {size} will exceed the limit. {remaining} bytes remaining.")


class DeletedMeanwhile(ApiError):
    """The image went while its bytes came."""

    status = HTTPStatus.GONE

    def __init__(self, image_id: str) -> None:
        super().__init__(
            f"Image {image_id} could not be found after upload. The image may have been deleted during the upload."
        )


async def upload_image(request: web.Request) -> web.Response:
    """Take the bytes of a queued image. 204: it is active. What breaks off leaves it queued."""
    image, images = find_to_change(request, "modify"), request.app[IMAGES]
    if request.content_type != "application/octet-stream":
        raise UnsupportedMediaType(request.content_type, "application/octet-stream")
    if image.disk_format is None or image.container_format is None:
        raise Conflict("Properties disk_format, container_format must be set prior to saving data.")
    if image.status != "queued":
        raise Conflict(f"Image status transition from {image.status} to saving is not allowed")
    async with _saving(image):
        contents = await _receive(request, images)
        if image.id not in images:
            raise DeletedMeanwhile(image.id)
        image.contents = contents
    return web.Response(status=HTTPStatus.NO_CONTENT)


@asynccontextmanager
async def _saving(image: Image) -> AsyncIterator[None]:
    image.status = "saving"
    try:
        yield
    finally:
        image.status = "queued" if image.contents is None else "active"
        image.updated = datetime.now(UTC)


async def _receive(request: web.Request, images: Images) -> Contents:
    """Read the body, hashing what comes as it comes. Raises StorageQuotaFull, at once where the size is told."""
    chunks: list[bytes] = []
    hashing, size = Hashing(), 0
    _check_room(images, request.content_length or 0)
    async for chunk in request.content.iter_chunked(CHUNK_BYTES):
        size += len(chunk)
        _check_room(images, size)
        hashing.update(chunk)
        chunks.append(chunk)
    digests = hashing.digests()
    return Contents(size, lambda: chunks, lambda: digests, in_memory=True)


def _check_room(images: Images, size: int) -> None:
    remaining = max(min(LARGEST_BYTES, MOST_BYTES - images.stored_bytes), 0)
    if size > remaining:
        raise StorageQuotaFull(size, remaining)


async def download_image(request: web.Request) -> web.StreamResponse:
    """Stream an image, with its checksum in `Content-MD5`, as glance does. 204 for one that has no bytes yet."""
    image = find(request)
    await pretend("find image", fails=lambda: ImageNotFound(image.id))
    if image.contents is None:
        return web.Response(status=HTTPStatus.NO_CONTENT)
    headers = {"Content-Type": "application/octet-stream", "Content-MD5": image.contents.digests().md5}
    response = web.StreamResponse(headers=headers)
    response.content_length = image.contents.size
    await response.prepare(request)
    sent = 0
    for chunk in image.contents.chunks():
        await response.write(given("read chunk", right=chunk, wrong=partial(bytes, len(chunk))))
        await pretend("send chunk", about={"openstack.image.offset": sent})
        sent += len(chunk)
    await response.write_eof()
    return response

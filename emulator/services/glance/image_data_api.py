"""The data of an image over HTTP: users upload it, and nova-compute downloads it to boot a server.

Source: https://docs.openstack.org/api-ref/image/v2/#image-data
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus

from aiohttp import web

from emulator.runtime.errors import ApiError, BadRequest, Conflict
from emulator.runtime.http_server import IDENTITY
from emulator.runtime.simulated_work import simulated_delay, value_or_fault
from emulator.services.glance.image_bytes import CHUNK_BYTES, Contents, Hashing, uploaded
from emulator.services.glance.images import (
    IMAGES,
    Image,
    ImageForbidden,
    ImageNotFound,
    Images,
    UnsupportedMediaType,
    find_image,
    find_modifiable_image,
)
from emulator.services.seed_data import is_admin_project

__all__ = ["MAX_IMAGE_BYTES", "download_image", "upload_image"]

MAX_IMAGE_BYTES = 256 * 1024 * 1024
"""How large an uploaded image may be. Uploads are kept in memory."""
MAX_TOTAL_BYTES = 1024 * 1024 * 1024
"""How much memory all uploaded images may take together."""


class StorageQuotaFull(ApiError):
    """The image exceeds the storage quota."""

    error_type = "glance.StorageQuotaFull"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    def __init__(self, size: int, remaining: int) -> None:
        super().__init__(
            "Image exceeds the storage quota: "
            f"The size of the data {size} will exceed the limit. {remaining} bytes remaining."
        )


class DeletedDuringUpload(ApiError):
    """The image was deleted during the upload."""

    error_type = "glance.DeletedDuringUpload"
    status = HTTPStatus.GONE

    def __init__(self, image_id: str) -> None:
        super().__init__(
            f"Image {image_id} could not be found after upload. The image may have been deleted during the upload."
        )


async def upload_image(request: web.Request) -> web.Response:
    """Receive the data of a queued image, which is `active` afterwards, or still `queued` if the upload fails."""
    image, images = find_modifiable_image(request, "modify"), request.app[IMAGES]
    if request.content_type != "application/octet-stream":
        raise UnsupportedMediaType(request.content_type, "application/octet-stream")
    if image.disk_format is None or image.container_format is None:
        raise BadRequest("Properties disk_format, container_format must be set prior to saving data.")
    if image.status != "queued":
        raise Conflict(f"Image status transition from {image.status} to saving is not allowed")
    async with _saving(image):
        contents = await _receive(request, images)
        if image.id not in images:  # deleted while the data arrived
            raise DeletedDuringUpload(image.id)
        image.contents = contents
    return web.Response(status=HTTPStatus.NO_CONTENT)


@asynccontextmanager
async def _saving(image: Image) -> AsyncIterator[None]:
    """Set the status `saving` for the block, which keeps a second upload out, and afterwards that of the result."""
    image.status = "saving"
    try:
        yield
    finally:
        image.status = "queued" if image.contents is None else "active"
        image.updated = datetime.now(UTC)


async def _receive(request: web.Request, images: Images) -> Contents:
    """Read and hash the body. Raises StorageQuotaFull, before reading anything if Content-Length is too large."""
    hashing, received = Hashing(), bytearray()
    # A chunked body has no Content-Length, so every piece is checked as well.
    _check_quota(images, 0, request.content_length or 0)
    try:
        async for piece in request.content.iter_chunked(CHUNK_BYTES):
            _check_quota(images, len(received), len(piece))
            hashing.update(piece)
            received += piece
            images.uploading_bytes += len(piece)
    except web.RequestPayloadError as error:
        raise BadRequest("The body cannot be decoded: it does not match its header Content-Encoding.") from error
    finally:
        images.uploading_bytes -= len(received)
    return uploaded(received, hashing.digests())


def _check_quota(images: Images, received: int, more: int) -> None:
    remaining = max(min(MAX_IMAGE_BYTES - received, MAX_TOTAL_BYTES - images.bytes_in_memory), 0)
    if more > remaining:
        raise StorageQuotaFull(received + more, remaining)


async def download_image(request: web.Request) -> web.StreamResponse:
    """Stream the data of an image, with its MD5 in `Content-MD5`. Answers 204 if it has no data yet.

    With the query parameter `project_id`, a service gets only images that this project may use. The parameter is the
    emulator's own: real nova-compute sends the user's token, and here it has only that of its service user.
    """
    image, on_behalf_of = find_image(request), request.query.get("project_id")
    if on_behalf_of is not None and not (image.is_open_to(on_behalf_of) or is_admin_project(on_behalf_of)):
        raise ImageNotFound(image.id)
    await simulated_delay("find image", fails=lambda: ImageNotFound(image.id))
    if image.status == "deactivated" and not request[IDENTITY].is_admin:
        raise ImageForbidden("The requested image has been deactivated. Image data download is forbidden.")
    if image.contents is None:
        return web.Response(status=HTTPStatus.NO_CONTENT)
    headers = {"Content-Type": "application/octet-stream", "Content-MD5": image.contents.digests().md5}
    response = web.StreamResponse(headers=headers)
    response.content_length = image.contents.size
    await response.prepare(request)
    sent = 0
    for chunk in image.contents.chunks():
        await response.write(value_or_fault("read chunk", right=chunk, wrong=partial(bytes, len(chunk))))
        await simulated_delay("send chunk", about={"openstack.image.offset": sent})
        sent += len(chunk)
    await response.write_eof()
    return response

"""glance-api: the images that servers boot from. Their bytes are pretended, but really stream and really add up."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from http import HTTPStatus
from typing import Any

from aiohttp import web

from emulator.plumbing.errors import ApiError, NotFound
from emulator.plumbing.http_server import json_response
from emulator.plumbing.service import Service
from emulator.plumbing.steps import given, pretend
from emulator.services.fresh import IMAGES as FRESH
from emulator.services.tokens import Tokens

__all__ = ["service"]

CHUNK_BYTES = 64 * 1024


class ImageNotFound(NotFound):
    """No image has this id."""

    def __init__(self, image_id: str) -> None:
        super().__init__(f"No image found with ID {image_id}")


@dataclass(frozen=True)
class Image:
    """An image of `size` bytes, made from its name."""

    id: str
    name: str
    size: int

    def chunks(self) -> Iterator[bytes]:
        """Yield the image's bytes, CHUNK_BYTES at a time."""
        for begin in range(0, self.size, CHUNK_BYTES):
            yield self._pattern[: min(CHUNK_BYTES, self.size - begin)]

    @cached_property
    def _pattern(self) -> bytes:
        return hashlib.shake_128(self.name.encode()).digest(CHUNK_BYTES)

    @cached_property
    def checksum(self) -> str:
        """The MD5 of the bytes, in hex: what glance calls an image's checksum."""
        digest = hashlib.md5(usedforsecurity=False)
        for chunk in self.chunks():
            digest.update(chunk)
        return digest.hexdigest()


IMAGES = web.AppKey("images", dict[str, Image])


def service(tokens: Tokens) -> Service:
    """Glance with the images of a fresh cloud."""
    images = [Image(fresh.id, fresh.name, fresh.size_kib * 1024) for fresh in FRESH]
    return Service(
        "glance-api",
        public=[web.get("/", list_versions)],
        routes=[
            web.get("/v2/images", list_images),
            web.get("/v2/images/{image_id}", show_image),
            web.get("/v2/images/{image_id}/file", download_image, allow_head=False),
        ],
        identify=tokens.open,
        error_shape=word_error,
        state={IMAGES: {image.id: image for image in images}},
        lock="glance-api",
    )


def word_error(error: ApiError) -> dict[str, Any]:
    """Word an error as glance does for callers that accept JSON."""
    status = HTTPStatus(error.status)
    return {"message": str(error), "code": f"{status.value} {status.phrase}", "title": status.phrase}


async def list_versions(request: web.Request) -> web.Response:
    """Answer the discovery document."""
    link = {"rel": "self", "href": f"{request.url.origin()}/v2/"}
    versions = [{"id": "v2.17", "status": "CURRENT", "links": [link]}]
    return json_response({"versions": versions}, HTTPStatus.MULTIPLE_CHOICES)


async def list_images(request: web.Request) -> web.Response:
    """List images, those of a `name` if it is given."""
    name = request.query.get("name")
    found = [image for image in request.app[IMAGES].values() if name in {None, image.name}]
    return json_response({"images": [_describe(image) for image in found]})


async def show_image(request: web.Request) -> web.Response:
    """Show an image."""
    return json_response(_describe(_find(request)))


async def download_image(request: web.Request) -> web.StreamResponse:
    """Stream an image, with its checksum in `Content-MD5`, as glance does."""
    image = _find(request)
    await pretend("find image", fails=lambda: ImageNotFound(image.id))
    headers = {"Content-Type": "application/octet-stream", "Content-MD5": image.checksum}
    response = web.StreamResponse(headers=headers)
    response.content_length = image.size
    await response.prepare(request)
    for number, chunk in enumerate(image.chunks()):
        await response.write(given("read chunk", right=chunk, wrong=partial(bytes, len(chunk))))
        await pretend("send chunk", about={"openstack.image.offset": number * CHUNK_BYTES})
    await response.write_eof()
    return response


def _find(request: web.Request) -> Image:
    image_id = request.match_info["image_id"]
    image = request.app[IMAGES].get(image_id)
    if image is None:
        raise ImageNotFound(image_id)
    return image


def _describe(image: Image) -> dict[str, Any]:
    return {
        "id": image.id,
        "name": image.name,
        "status": "active",
        "size": image.size,
        "checksum": image.checksum,
        "disk_format": "qcow2",
        "container_format": "bare",
        "visibility": "public",
        "min_ram": 0,
        "min_disk": 0,
    }

"""Steps (5) and (6) of Figure 1.8: nova-compute downloads the image from glance and verifies its checksum."""

import hashlib
from http import HTTPStatus

from emulator.services.auth.session import Session
from emulator.services.nova.messages import BuildRequest

__all__ = ["ImageCorrupt", "ImageNotActive", "download"]


class ImageCorrupt(Exception):
    """The downloaded bytes do not have the image's checksum."""

    error_type = "nova.ImageCorrupt"

    def __init__(self, image_id: str, expected: str, actual: str) -> None:
        super().__init__(f"image {image_id} has checksum {actual}, glance announced {expected}")


class ImageNotActive(Exception):
    """The image has no data: nothing has been uploaded yet."""

    error_type = "nova.ImageNotActive"

    def __init__(self, image_id: str) -> None:
        super().__init__(f"Image {image_id} is not active.")


async def download(session: Session, request: BuildRequest) -> None:
    """Download a server's image. Raises ImageNotActive, ImageCorrupt, and what `Session.fetch` raises."""
    image_id, digest = request.image_id, hashlib.md5(usedforsecurity=False)
    answer = await session.fetch(
        "GET",
        "image",
        "/v2/images/{image_id}/file",
        {"image_id": image_id},
        query={"project_id": request.project_id},
        step="5,6",
        sink=digest.update,
    )
    answer.check()
    if answer.status == HTTPStatus.NO_CONTENT:  # glance answers 204 for an image without data
        raise ImageNotActive(image_id)
    expected = answer.headers.get("Content-MD5", "")
    if digest.hexdigest() != expected:
        raise ImageCorrupt(image_id, expected, digest.hexdigest())

"""Glance's records of images and their members, and who may see and change them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Literal

from aiohttp import web

from emulator.runtime.errors import ApiError, Forbidden, NotFound
from emulator.runtime.http_server import IDENTITY
from emulator.services import seed_data
from emulator.services.auth import Identity
from emulator.services.glance.image_bytes import Contents, generated
from emulator.services.oslo.timeutils import isotime

__all__ = [
    "IMAGES",
    "Image",
    "ImageForbidden",
    "ImageNotFound",
    "Images",
    "Member",
    "MemberStatus",
    "UnsupportedMediaType",
    "Visibility",
    "find_image",
    "find_modifiable_image",
    "seed_images",
]

Visibility = Literal["public", "private", "shared", "community"]
MemberStatus = Literal["pending", "accepted", "rejected"]


class ImageNotFound(NotFound):
    """There is no image with this id, or the caller may not see it."""

    error_type = "glance.ImageNotFound"

    def __init__(self, image_id: str) -> None:
        super().__init__(f"No image found with ID {image_id}")


class ImageForbidden(Forbidden):
    """The caller may not do this to the image."""

    error_type = "glance.ImageForbidden"


class UnsupportedMediaType(ApiError):
    """The body has the wrong content type."""

    error_type = "glance.UnsupportedMediaType"
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE

    def __init__(self, received: str, supported: str) -> None:
        super().__init__(f"The content type {received} is not supported: send {supported}.")


@dataclass(slots=True)
class Image:
    """An image: its attributes, and its `contents` once they are uploaded. `properties` are user-defined."""

    id: str
    name: str | None
    owner: str
    visibility: Visibility = "shared"
    status: str = "queued"
    disk_format: str | None = None
    container_format: str | None = None
    min_disk: int = 0
    min_ram: int = 0
    protected: bool = False
    hidden: bool = False
    tags: list[str] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    members: dict[str, "Member"] = field(default_factory=dict)
    """The projects that a `shared` image is shared with, by id."""
    contents: Contents | None = None
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))

    def is_open_to(self, project_id: str) -> bool:
        """Whether users of a project may use the image, given its id."""
        shared = self.visibility == "shared" and project_id in self.members
        return shared or self.visibility in {"public", "community"} or self.owner == project_id

    def is_visible_to(self, caller: Identity) -> bool:
        """Whether the caller may see the image, given its id."""
        return caller.sees_all or self.is_open_to(caller.project_id)

    def is_listed_for(self, caller: Identity, member_status: str) -> bool:
        """Whether the image is in the caller's list of images. A shared image must have the requested member status.

        Community images of other projects are listed only with `visibility=community` or `all`.
        """
        if self.owner == caller.project_id or self.visibility == "public":
            return True
        if self.visibility == "shared" and caller.project_id in self.members:
            return member_status in {"all", self.members[caller.project_id].status}
        return self.visibility != "community" and caller.sees_all

    def describe(self) -> dict[str, Any]:
        """Return the image as the API shows it."""
        digests = None if self.contents is None else self.contents.digests()
        return {
            **self.properties,
            "id": self.id,
            "name": self.name,
            "status": self.status,
            "visibility": self.visibility,
            "os_hidden": self.hidden,
            "protected": self.protected,
            "owner": self.owner,
            "disk_format": self.disk_format,
            "container_format": self.container_format,
            "min_disk": self.min_disk,
            "min_ram": self.min_ram,
            "size": None if self.contents is None else self.contents.size,
            "virtual_size": None,
            "checksum": digests and digests.md5,
            "os_hash_algo": digests and "sha512",
            "os_hash_value": digests and digests.sha512,
            "tags": self.tags,
            "created_at": isotime(self.created),
            "updated_at": isotime(self.updated),
            "self": f"/v2/images/{self.id}",
            "file": f"/v2/images/{self.id}/file",
            "schema": "/v2/schemas/image",
        }


@dataclass(slots=True)
class Member:
    """A project that an image is shared with, and whether it accepted the image."""

    project_id: str
    status: MemberStatus = "pending"
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))

    def describe(self, image: Image) -> dict[str, Any]:
        """Return the member as the API shows it."""
        return {
            "image_id": image.id,
            "member_id": self.project_id,
            "status": self.status,
            "created_at": isotime(self.created),
            "updated_at": isotime(self.updated),
            "schema": "/v2/schemas/member",
        }


class Images:
    """All images, by id, the oldest first."""

    def __init__(self, images: list[Image]) -> None:
        self._images = {image.id: image for image in images}
        self.uploading_bytes = 0
        """The number of bytes of unfinished uploads, which are in memory as well."""

    def __iter__(self) -> Iterator[Image]:
        return iter(self._images.values())

    def __contains__(self, image_id: str) -> bool:
        return image_id in self._images

    def add(self, image: Image) -> None:
        """Store a new image."""
        self._images[image.id] = image

    def remove(self, image: Image) -> None:
        """Delete an image and its bytes."""
        self._images.pop(image.id, None)

    def find(self, image_id: str, caller: Identity) -> Image:
        """Return an image that the caller may see. Raises ImageNotFound."""
        image = self._images.get(image_id)
        if image is None or not image.is_visible_to(caller):
            raise ImageNotFound(image_id)
        return image

    @property
    def bytes_in_memory(self) -> int:
        """The number of bytes in memory. Generated images take none."""
        stored = sum(image.contents.size for image in self if image.contents is not None and image.contents.in_memory)
        return stored + self.uploading_bytes


IMAGES = web.AppKey("images", Images)


def seed_images() -> Images:
    """Return the images of the seed data, which are public and belong to the project `admin`."""
    admin_id = next(project.id for project in seed_data.PROJECTS if project.name == "admin")
    now = datetime.now(UTC)
    return Images([_seed_image(image, admin_id, now) for image in seed_data.IMAGES])


def _seed_image(image: seed_data.Image, owner: str, created: datetime) -> Image:
    return Image(
        image.id,
        image.name,
        owner,
        visibility="public",
        status="active",
        disk_format="qcow2",
        container_format="bare",
        contents=generated(image.name, image.size_kib * 1024),
        created=created,
        updated=created,
    )


def find_image(request: web.Request) -> Image:
    """Return the image in the path. Raises ImageNotFound."""
    return request.app[IMAGES].find(request.match_info["image_id"], request[IDENTITY])


def find_modifiable_image(request: web.Request, action: str) -> Image:
    """Return the image in the path, to "modify" or "delete" it. Raises ImageNotFound, ImageForbidden."""
    image, caller = find_image(request), request[IDENTITY]
    if not caller.is_admin and image.owner != caller.project_id:
        raise ImageForbidden(f"You are not permitted to {action} this image.")
    return image

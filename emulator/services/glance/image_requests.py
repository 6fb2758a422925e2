"""What users may say of an image: when they create it, and when they change it by a JSON patch."""

from collections.abc import Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web

from emulator.runtime.errors import ApiError, BadRequest, Conflict
from emulator.runtime.http_server import read_json
from emulator.runtime.seeded_random import SeededRandom
from emulator.services.auth import Identity
from emulator.services.glance.images import Image, ImageForbidden, Images, Visibility
from emulator.services.oslo.uuidutils import is_uuid

__all__ = ["PATCH_TYPE", "ContainerFormat", "DiskFormat", "apply_patch", "read_new_image", "read_patch", "set_tags"]

PATCH_TYPE = "application/openstack-images-v2.1-json-patch"

MOST_PROPERTIES = MOST_TAGS = 128
LONGEST_VALUE = 65_535
READ_ONLY = {
    *("status", "size", "virtual_size", "checksum", "os_hash_algo", "os_hash_value", "created_at", "updated_at"),
    *("id", "owner", "self", "file", "schema", "direct_url", "stores"),
}
RESERVED = {"deleted", "deleted_at", "is_public", "locations", "properties"}

DiskFormat = Literal["ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "ploop", "iso"]
ContainerFormat = Literal["ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"]
Name = Annotated[str, msgspec.Meta(max_length=255)]
Tag = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Amount = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class Attributes(msgspec.Struct, forbid_unknown_fields=True):
    """What an image is told to be. Nothing is left out where there was nothing before."""

    name: Name | None = None
    visibility: Visibility = "shared"
    disk_format: DiskFormat | None = None
    container_format: ContainerFormat | None = None
    min_disk: Amount = 0
    min_ram: Amount = 0
    protected: bool = False
    os_hidden: bool = False
    tags: list[Tag] = []


class Operation(msgspec.Struct):
    """One change of a JSON patch."""

    op: Literal["add", "replace", "remove"]
    path: Annotated[str, msgspec.Meta(pattern="^/[^/]+$")]
    value: Any = msgspec.UNSET


class LimitExceeded(ApiError):
    """An image may not have so many of these."""

    error_type = "glance.LimitExceeded"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    def __init__(self, what: str, attempted: int, most: int) -> None:
        super().__init__(
            f"The limit has been exceeded on the number of allowed {what}. Attempted: {attempted}, Maximum: {most}"
        )


class UnsupportedMediaType(ApiError):
    """The body is of a kind that is not taken here."""

    error_type = "glance.UnsupportedMediaType"
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE

    def __init__(self, given: str, wanted: str) -> None:
        super().__init__(f"The content type {given} is not supported: send {wanted}.")


async def read_new_image(request: web.Request, images: Images, caller: Identity, rng: SeededRandom) -> Image:
    """Read the image that `POST /v2/images` asks for. Raises BadRequest, ImageForbidden, Conflict."""
    wanted = await read_json(request, dict[str, Any])
    image_id, owner = wanted.pop("id", None), wanted.pop("owner", None) or caller.project_id
    if image_id is None:
        image_id = rng.uuid("image", caller.project_id, len(list(images)))
    elif not isinstance(image_id, str) or not is_uuid(image_id):
        raise BadRequest(f"Invalid input for field id: {image_id!r} is not a UUID.")
    elif image_id in images:
        raise Conflict(f"Image ID {image_id} already exists!")
    if owner != caller.project_id and not caller.is_admin:
        raise ImageForbidden(f"You are not permitted to create images owned by '{owner}'.")
    image = Image(image_id, None, _text("owner", owner))
    _take_over(image, wanted, caller)
    return image


async def read_patch(request: web.Request) -> list[Operation]:
    """Read the changes that `PATCH /v2/images/{id}` asks for. Raises UnsupportedMediaType, BadRequest."""
    if request.content_type != PATCH_TYPE:
        raise UnsupportedMediaType(request.content_type, PATCH_TYPE)
    return await read_json(request, list[Operation])


def apply_patch(image: Image, patch: list[Operation], caller: Identity) -> None:
    """Change an image; all of the patch, or nothing. Raises BadRequest, ImageForbidden, Conflict."""
    for number, operation in enumerate(patch):
        if operation.op != "remove" and operation.value is msgspec.UNSET:
            raise BadRequest(f"Invalid input for field [{number}].value: {operation.op} needs it.")
    wanted = _attributes(image)
    fixed, owner = set(wanted) - set(image.properties), image.owner
    for operation in patch:
        name = operation.path.removeprefix("/").replace("~1", "/").replace("~0", "~")
        if name == "owner" and caller.is_admin and operation.op != "remove":
            owner = _text("owner", operation.value)
            continue
        _check_writable(name)
        if operation.op == "remove" and name in fixed:
            raise ImageForbidden(f"Property {name} may not be removed.")
        if operation.op != "add" and name not in wanted:
            raise Conflict(f"Property {name} does not exist.")
        if operation.op == "remove":
            wanted.pop(name, None)
        else:
            wanted[name] = operation.value
    _take_over(image, wanted, caller)
    image.owner = owner
    image.updated = datetime.now(UTC)


def _attributes(image: Image) -> dict[str, Any]:
    """What is said of an image, as a user says it."""
    said = {name: getattr(image, "hidden" if name == "os_hidden" else name) for name in Attributes.__struct_fields__}
    return {**image.properties, **said}


def _check_properties(properties: dict[str, Any]) -> None:
    if len(properties) > MOST_PROPERTIES:
        raise LimitExceeded("image properties", len(properties), MOST_PROPERTIES)
    for name, value in properties.items():
        _text("property name", name)
        _text(name, value, LONGEST_VALUE)


def _text(field: str, value: object, longest: int = 255) -> str:
    if not isinstance(value, str):
        raise BadRequest(f"Invalid input for field {field}: {value!r} is not of type 'string'.")
    if len(value) > longest:
        raise BadRequest(f"Invalid input for field {field}: it has {len(value)} characters, {longest} are the limit.")
    return value


def _check_writable(name: str) -> None:
    if name in READ_ONLY:
        raise ImageForbidden(f"Attribute '{name}' is read-only.")
    if name in RESERVED:
        raise ImageForbidden(f"Attribute '{name}' is reserved.")


def _take_over(image: Image, wanted: dict[str, Any], caller: Identity) -> None:
    """Let an image be what is wanted."""
    for name in wanted:
        _check_writable(name)
    known = {name: value for name, value in wanted.items() if name in Attributes.__struct_fields__}
    properties = {name: value for name, value in wanted.items() if name not in known and value is not None}
    _check_properties(properties)
    try:
        said = msgspec.convert(known, Attributes)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        raise BadRequest(f"Invalid input for field {where.rstrip('`')}: {what}.") from None
    if said.visibility == "public" != image.visibility and not caller.is_admin:
        raise ImageForbidden("You are not authorized to complete publicize_image action.")
    if image.status != "queued" and (said.disk_format, said.container_format) != (
        image.disk_format,
        image.container_format,
    ):
        raise ImageForbidden("Attribute 'disk_format' or 'container_format' cannot be replaced once there is data.")
    for name in Attributes.__struct_fields__:
        setattr(image, "hidden" if name == "os_hidden" else name, getattr(said, name))
    set_tags(image, said.tags)
    image.properties = properties


def set_tags(image: Image, tags: Iterable[str]) -> None:
    """Let an image have these tags, once each. Raises LimitExceeded, BadRequest."""
    wanted = sorted(set(tags))
    if len(wanted) > MOST_TAGS:
        raise LimitExceeded("image tags", len(wanted), MOST_TAGS)
    for tag in wanted:
        _text("tag", tag)
    image.tags = wanted

"""The attributes of an image in requests: in the body that creates it, and in JSON patches.

Source: https://docs.openstack.org/api-ref/image/v2/#create-image and #update-image
"""

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
from emulator.services.glance.json_patches import Operation
from emulator.services.oslo.uuidutils import is_uuid

__all__ = ["ContainerFormat", "DiskFormat", "apply_patch", "read_new_image", "set_tags"]

MAX_PROPERTIES = MAX_TAGS = 128
"""Glance's defaults for image_property_quota and image_tag_quota."""

MAX_VALUE_LENGTH = 65_535
READ_ONLY = {
    *("status", "size", "virtual_size", "checksum", "os_hash_algo", "os_hash_value", "created_at", "updated_at"),
    *("id", "owner", "self", "file", "schema", "direct_url", "stores"),
}
RESERVED = {"deleted", "deleted_at", "location", "locations"}
RESERVED_NAMESPACE = "os_glance"
"""The beginning of the names of glance's own properties: `GLANCE_RESERVED_NS` in `glance.api.common`."""

DiskFormat = Literal["ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "ploop", "iso"]
ContainerFormat = Literal["ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"]
Name = Annotated[str, msgspec.Meta(max_length=255)]
Tag = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Amount = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class Attributes(msgspec.Struct, forbid_unknown_fields=True):
    """The attributes of an image that users can set, with their defaults."""

    name: Name | None = None
    visibility: Visibility = "shared"
    disk_format: DiskFormat | None = None
    container_format: ContainerFormat | None = None
    min_disk: Amount = 0
    min_ram: Amount = 0
    protected: bool = False
    os_hidden: bool = False
    tags: list[Tag] = []


class LimitExceeded(ApiError):
    """The image would have too many properties or tags."""

    error_type = "glance.LimitExceeded"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    def __init__(self, what: str, attempted: int, most: int) -> None:
        super().__init__(
            f"The limit has been exceeded on the number of allowed {what}. Attempted: {attempted}, Maximum: {most}"
        )


async def read_new_image(request: web.Request, images: Images, caller: Identity, rng: SeededRandom) -> Image:
    """Build the image that `POST /v2/images` describes. Raises BadRequest, ImageForbidden, Conflict."""
    attributes = await read_json(request, dict[str, Any])
    image_id, owner = attributes.pop("id", None), attributes.pop("owner", None) or caller.project_id
    if image_id is None:
        image_id = rng.uuid("image", caller.project_id, len(list(images)))
    elif not isinstance(image_id, str) or not is_uuid(image_id):
        raise BadRequest(f"Invalid input for field id: {image_id!r} is not a UUID.")
    elif image_id in images:
        raise Conflict(f"Image ID {image_id} already exists!")
    if owner != caller.project_id and not caller.is_admin:
        raise ImageForbidden(f"You are not permitted to create images owned by '{owner}'.")
    image = Image(image_id, None, _check_text("owner", owner))
    _set_attributes(image, attributes, caller)
    return image


def apply_patch(image: Image, patch: list[Operation], caller: Identity) -> None:
    """Apply a patch to an image, as a whole or not at all. Raises BadRequest, ImageForbidden, Conflict."""
    for number, operation in enumerate(patch):
        if operation.op != "remove" and operation.value is msgspec.UNSET:
            raise BadRequest(f"Invalid input for field [{number}].value: it is required for {operation.op}.")
    attributes = _attributes(image)
    mandatory, owner = set(attributes) - set(image.properties), image.owner
    for operation in patch:
        name = operation.path.removeprefix("/").replace("~1", "/").replace("~0", "~")  # RFC 6901, section 4
        if name == "owner" and caller.is_admin and operation.op != "remove":
            owner = _check_text("owner", operation.value)
            continue
        _check_writable(name)
        if operation.op == "remove" and name in mandatory:
            raise ImageForbidden(f"Property {name} may not be removed.")
        if operation.op != "add" and name not in attributes:
            raise Conflict(f"Property {name} does not exist.")
        if operation.op == "remove":
            attributes.pop(name, None)
        else:
            attributes[name] = operation.value
    _set_attributes(image, attributes, caller)
    image.owner = owner
    image.updated = datetime.now(UTC)


def _attributes(image: Image) -> dict[str, Any]:
    """Return the attributes and properties of an image by their names in the API."""
    known = {name: getattr(image, "hidden" if name == "os_hidden" else name) for name in Attributes.__struct_fields__}
    return {**image.properties, **known}


def _check_properties(properties: dict[str, Any]) -> None:
    if len(properties) > MAX_PROPERTIES:
        raise LimitExceeded("image properties", len(properties), MAX_PROPERTIES)
    for name, value in properties.items():
        _check_text("property name", name)
        _check_text(name, value, MAX_VALUE_LENGTH)


def _check_text(field: str, value: object, max_length: int = 255) -> str:
    if not isinstance(value, str):
        raise BadRequest(f"Invalid input for field {field}: {value!r} is not of type 'string'.")
    if len(value) > max_length:
        raise BadRequest(f"Invalid input for field {field}: it has {len(value)} characters, the limit is {max_length}.")
    return value


def _check_writable(name: str) -> None:
    if name in READ_ONLY:
        raise ImageForbidden(f"Attribute '{name}' is read-only.")
    if name in RESERVED or name.startswith(RESERVED_NAMESPACE):
        raise ImageForbidden(f"Attribute '{name}' is reserved.")


def _set_attributes(image: Image, attributes: dict[str, Any], caller: Identity) -> None:
    """Set all attributes of an image, and replace its properties. Raises BadRequest, ImageForbidden."""
    for name in attributes:
        _check_writable(name)
    known = {name: value for name, value in attributes.items() if name in Attributes.__struct_fields__}
    properties = {name: value for name, value in attributes.items() if name not in known and value is not None}
    _check_properties(properties)
    checked = _convert(known)
    _check_allowed(image, checked, caller)
    for name in Attributes.__struct_fields__:
        setattr(image, "hidden" if name == "os_hidden" else name, getattr(checked, name))
    set_tags(image, checked.tags)
    image.properties = properties


def _convert(known: dict[str, Any]) -> Attributes:
    try:
        return msgspec.convert(known, Attributes)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        raise BadRequest(f"Invalid input for field {where.rstrip('`')}: {what}.") from None


def _check_allowed(image: Image, attributes: Attributes, caller: Identity) -> None:
    becomes_public = attributes.visibility == "public" and image.visibility != "public"
    if becomes_public and not caller.is_admin:
        raise ImageForbidden("You are not authorized to complete publicize_image action.")
    formats = (attributes.disk_format, attributes.container_format)
    if image.status != "queued" and formats != (image.disk_format, image.container_format):
        raise ImageForbidden("Attribute 'disk_format' or 'container_format' cannot be replaced once there is data.")


def set_tags(image: Image, tags: Iterable[str]) -> None:
    """Replace the tags of an image. Raises LimitExceeded, BadRequest."""
    unique = sorted(set(tags))
    if len(unique) > MAX_TAGS:
        raise LimitExceeded("image tags", len(unique), MAX_TAGS)
    for tag in unique:
        _check_text("tag", tag)
    image.tags = unique

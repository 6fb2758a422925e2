"""The image that a server boots from: `imageRef`, or that of a block device. If both are there, they must agree."""

import msgspec

from emulator.runtime.errors import BadRequest
from emulator.services.nova.field_types import Boolean
from emulator.services.oslo.uuidutils import is_uuid

__all__ = ["BlockDevice", "image_of"]

FIELD = "server.block_device_mapping_v2"


class BlockDevice(msgspec.Struct):
    """A block device of a new server. Without volumes, the only possible one is a local copy of the image."""

    source_type: str = "image"
    destination_type: str | None = None
    uuid: str | None = None
    boot_index: int | str | None = 0
    delete_on_termination: Boolean = True


def image_of(reference: str | None, devices: list[BlockDevice]) -> str:
    """Return the image id from `imageRef` and the block devices. Raises BadRequest, naming the field."""
    for number, device in enumerate(devices):
        _check(device, f"{FIELD}[{number}]")
    if len(devices) > 1:
        raise BadRequest(f"Invalid input for field {FIELD}[1]: a server has one disk, a copy of its image.")
    named = [device.uuid for device in devices if device.uuid is not None]
    image = reference or next(iter(named), None)
    if image is None:
        raise BadRequest(
            "Invalid input for field server.imageRef: it is a required property, since there are no volumes."
        )
    if named and named != [image]:
        raise BadRequest(
            f"Invalid input for field {FIELD}[0].uuid: Block Device Mapping is Invalid: Boot sequence for the instance "
            "and image/block device mapping combination is not valid."
        )
    if not is_uuid(image):
        raise BadRequest(f"Invalid input for field server.imageRef: {image!r} is not a UUID.")
    return image


def _check(device: BlockDevice, field: str) -> None:
    if device.source_type != "image":
        raise BadRequest(
            f"Invalid input for field {field}.source_type: {device.source_type!r}: servers boot from images only."
        )
    if device.destination_type not in {None, "local"}:
        raise BadRequest(
            f"Invalid input for field {field}.destination_type: {device.destination_type!r}: there are no volumes."
        )
    if device.uuid is None or not is_uuid(device.uuid):
        raise BadRequest(f"Invalid input for field {field}.uuid: {device.uuid!r} is not a UUID.")
    if device.boot_index not in {0, "0"}:
        raise BadRequest(f"Invalid input for field {field}.boot_index: {device.boot_index!r}: there is one disk, 0.")

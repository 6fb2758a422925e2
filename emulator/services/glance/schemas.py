"""The JSON schemas of images, from which glanceclient builds its model of an image.

Source: https://docs.openstack.org/api-ref/image/v2/#image-schemas
"""

from typing import Any, get_args

from aiohttp import web

from emulator.runtime.http_server import json_response
from emulator.services.glance.image_requests import ContainerFormat, DiskFormat
from emulator.services.oslo.uuidutils import UUID_PATTERN

__all__ = ["SCHEMA_ROUTES"]

TEXT = {"type": ["null", "string"]}
READ_ONLY_TEXT = {**TEXT, "readOnly": True}
AMOUNT = {"type": "integer", "minimum": 0, "maximum": 2147483647}

PROPERTIES: dict[str, dict[str, Any]] = {
    "id": {"type": "string", "pattern": UUID_PATTERN},
    "name": {**TEXT, "maxLength": 255},
    "status": {"type": "string", "readOnly": True, "enum": ["queued", "saving", "active", "deactivated"]},
    "visibility": {"type": "string", "enum": ["community", "public", "private", "shared"]},
    "os_hidden": {"type": "boolean"},
    "protected": {"type": "boolean"},
    "owner": {**TEXT, "maxLength": 255},
    "disk_format": {**TEXT, "enum": [None, *get_args(DiskFormat)]},
    "container_format": {**TEXT, "enum": [None, *get_args(ContainerFormat)]},
    "min_disk": AMOUNT,
    "min_ram": AMOUNT,
    "size": {"type": ["null", "integer"], "readOnly": True},
    "virtual_size": {"type": ["null", "integer"], "readOnly": True},
    "checksum": {**READ_ONLY_TEXT, "maxLength": 32},
    "os_hash_algo": {**READ_ONLY_TEXT, "maxLength": 64},
    "os_hash_value": {**READ_ONLY_TEXT, "maxLength": 128},
    "tags": {"type": "array", "items": {"type": "string", "maxLength": 255}},
    "created_at": {"type": "string", "readOnly": True},
    "updated_at": {"type": "string", "readOnly": True},
    "self": {"type": "string", "readOnly": True},
    "file": {"type": "string", "readOnly": True},
    "schema": {"type": "string", "readOnly": True},
}

IMAGE = {
    "name": "image",
    "properties": PROPERTIES,
    "additionalProperties": {"type": "string"},
    "links": [{"rel": "self", "href": "{self}"}, {"rel": "enclosure", "href": "{file}"}],
}

IMAGES = {
    "name": "images",
    "properties": {
        "images": {"type": "array", "items": IMAGE},
        "first": {"type": "string"},
        "next": {"type": "string"},
        "schema": {"type": "string"},
    },
    "links": [{"rel": "first", "href": "{first}"}, {"rel": "next", "href": "{next}"}],
}


async def show_image_schema(_: web.Request) -> web.Response:
    """Show the schema of an image."""
    return json_response(IMAGE)


async def show_images_schema(_: web.Request) -> web.Response:
    """Show the schema of a list of images."""
    return json_response(IMAGES)


SCHEMA_ROUTES = (web.get("/v2/schemas/image", show_image_schema), web.get("/v2/schemas/images", show_images_schema))

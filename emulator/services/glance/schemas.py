"""The JSON schemas of images and their members, from which glanceclient builds its models of them.

Source: https://docs.openstack.org/api-ref/image/v2/#image-schemas, `_MEMBER_SCHEMA` in `glance.api.v2.image_members`
"""

from typing import Any, get_args

from aiohttp import web

from emulator.runtime.http_server import json_response
from emulator.services.glance.image_requests import ContainerFormat, DiskFormat
from emulator.services.glance.images import MemberStatus
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

MEMBER = {
    "name": "member",
    "properties": {
        "member_id": {"type": "string"},
        "image_id": {"type": "string", "pattern": UUID_PATTERN},
        "created_at": {"type": "string"},
        "updated_at": {"type": "string"},
        "status": {"type": "string", "enum": [*get_args(MemberStatus)]},
        "schema": {"type": "string", "readOnly": True},
    },
}


def _list_of(name: str, item: dict[str, Any], *links: str) -> dict[str, Any]:
    """Return the schema of a list: `links` are the attributes that link to other pages of it."""
    return {
        "name": name,
        "properties": {
            name: {"type": "array", "items": item},
            **{link: {"type": "string"} for link in (*links, "schema")},
        },
        "links": [
            *({"rel": link, "href": f"{{{link}}}"} for link in links),
            {"rel": "describedby", "href": "{schema}"},
        ],
    }


SCHEMAS = {
    "image": IMAGE,
    "images": _list_of("images", IMAGE, "first", "next"),
    "member": MEMBER,
    "members": _list_of("members", MEMBER),
}


async def show_schema(request: web.Request) -> web.Response:
    """Show the schema of an image, a member, or a list of either."""
    return json_response(SCHEMAS[request.match_info["name"]])


SCHEMA_ROUTES = (web.get(f"/v2/schemas/{{name:{'|'.join(SCHEMAS)}}}", show_schema),)

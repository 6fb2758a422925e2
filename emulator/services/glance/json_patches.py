"""JSON patches of images, in both of the media types that glance accepts.

Source: https://docs.openstack.org/api-ref/image/v2/#update-image and `RequestDeserializer` in `glance.api.v2.images`.
"""

from typing import Annotated, Any, Literal, get_args

import msgspec
from aiohttp import web

from emulator.runtime.errors import BadRequest
from emulator.runtime.http_server import convert_json, read_json
from emulator.services.glance.images import UnsupportedMediaType

__all__ = ["Operation", "read_patch"]

MEDIA_TYPE = "application/openstack-images-v2.1-json-patch"
"""Operations are `{"op": "replace", "path": "/name", "value": "x"}`, as in RFC 6902."""
OLD_MEDIA_TYPE = "application/openstack-images-v2.0-json-patch"
"""Operations are `{"replace": "/name", "value": "x"}`, as in draft 4 of that RFC. Tempest still sends these."""

Operator = Literal["add", "replace", "remove"]
OPERATORS = get_args(Operator)


class Operation(msgspec.Struct):
    """One operation of a JSON patch (RFC 6902), as far as glance supports it."""

    op: Operator
    path: Annotated[str, msgspec.Meta(pattern="^/[^/]+$")]
    value: Any = msgspec.UNSET


async def read_patch(request: web.Request) -> list[Operation]:
    """Read the JSON patch in the body. Raises UnsupportedMediaType, BadRequest."""
    if request.content_type == MEDIA_TYPE:
        return await read_json(request, list[Operation])
    if request.content_type == OLD_MEDIA_TYPE:
        changes = await read_json(request, list[dict[str, Any]])
        return [_read_old(change, number) for number, change in enumerate(changes)]
    raise UnsupportedMediaType(request.content_type, f"{OLD_MEDIA_TYPE} or {MEDIA_TYPE}")


def _read_old(change: dict[str, Any], number: int) -> Operation:
    operators = [name for name in OPERATORS if name in change]
    if len(operators) != 1:
        message = 'Operation objects must contain exactly one member named "add", "remove", or "replace".'
        raise BadRequest(f"Invalid input for field [{number}]: {message}")
    value = {"value": change["value"]} if "value" in change else {}
    return convert_json({"op": operators[0], "path": change[operators[0]], **value}, Operation, f"[{number}]")

"""Request bodies: read the attributes that a caller set, check them, and write them onto a record."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from aiohttp import web
from msgspec import UNSET, Meta, Struct, structs

from emulator.runtime.errors import BadRequest
from emulator.runtime.request_context import current_request
from emulator.runtime.service import SERVICE_CONTEXT
from emulator.services.neutron.models import Record

__all__ = [
    "Text",
    "apply_attributes",
    "check_read_only",
    "check_supported",
    "new_id",
    "read_attributes",
    "required",
]

MAX_TEXT_LENGTH = 255
"""The maximum length of a name, or of any other string."""

Text = Annotated[str, Meta(max_length=MAX_TEXT_LENGTH)]
"""A string below the top level of a body, where `read_attributes` does not check lengths."""


def read_attributes(body: Struct) -> dict[str, Any]:
    """Return the attributes that the caller set, by their JSON names. Raises BadRequest for overlong strings."""
    names = {field.name: field.encode_name for field in structs.fields(body)}
    attributes = {names[name]: value for name, value in structs.asdict(body).items() if value is not UNSET}
    for name, value in attributes.items():
        if isinstance(value, str) and len(value) > MAX_TEXT_LENGTH:
            raise BadRequest(f"Invalid input for {name}. Reason: it exceeds maximum length of {MAX_TEXT_LENGTH}.")
    return attributes


def check_supported(attributes: Iterable[str], unsupported: Iterable[str]) -> None:
    """Raise BadRequest for unsupported attributes that would change the meaning of the whole request."""
    if found := [name for name in attributes if name in set(unsupported)]:
        raise BadRequest(f"Unrecognized attribute(s) '{', '.join(found)}'")


def required(attributes: Mapping[str, Any], name: str) -> str:
    """Return an attribute that must be set. Raises BadRequest."""
    if not attributes.get(name):
        raise BadRequest(f"Failed to parse request. Required attribute '{name}' not specified")
    return str(attributes[name])


def check_read_only(attributes: Iterable[str], read_only: Iterable[str]) -> None:
    """Raise BadRequest for attributes that an update cannot change."""
    if found := [name for name in attributes if name in set(read_only)]:
        raise BadRequest(f"Cannot update read-only attribute {found[0]}")


def apply_attributes(record: Record, attributes: Mapping[str, Any], fields: Mapping[str, str]) -> None:
    """Set the attributes on a record. `fields` maps attributes to the record's fields; other attributes are ignored."""
    for name, value in attributes.items():
        if name in fields:
            setattr(record, fields[name], value)


def new_id(request: web.Request, kind: str) -> str:
    """Return the id of a new resource. With a seed it depends only on the id of the request."""
    return request.app[SERVICE_CONTEXT].rng.uuid(kind, current_request().request_id)

"""What a user may ask nova-api to build: the body of `POST /v2.1/servers`, and what it refuses."""

import re
from typing import Annotated, Literal

import msgspec

from emulator.plumbing.errors import BadRequest
from emulator.services.fresh import Flavor
from emulator.services.nova.flavors import find_flavor
from emulator.services.nova.messages import RequestedNetwork

__all__ = ["CreateServer", "NewServer", "check"]

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class NewServer(msgspec.Struct):
    """What `POST /v2.1/servers` wants. What else clients send is not needed for a boot."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    image: str = msgspec.field(name="imageRef")
    flavor: str = msgspec.field(name="flavorRef")
    networks: list[RequestedNetwork] | Literal["auto", "none"] | None = None
    min_count: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    max_count: Annotated[int, msgspec.Meta(ge=1, le=1000)] | None = None
    metadata: dict[str, str] = {}


class CreateServer(msgspec.Struct):
    """The body of `POST /v2.1/servers`."""

    server: NewServer


def check(wanted: NewServer) -> Flavor:
    """Return the flavor of what can be built. Raises BadRequest, which names the field, for what cannot."""
    if not wanted.name.isprintable():
        raise BadRequest(f"Invalid input for field server.name: {wanted.name!r} has characters that cannot be printed.")
    if not UUID.fullmatch(wanted.image):
        raise BadRequest(f"Invalid input for field server.imageRef: {wanted.image!r} is not a UUID.")
    if wanted.max_count is not None and wanted.max_count < wanted.min_count:
        raise BadRequest("Invalid input for field server.min_count: min_count must be <= max_count.")
    flavor = find_flavor(wanted.flavor)
    if flavor is None:
        raise BadRequest(f"Invalid input for field server.flavorRef: Flavor {wanted.flavor} could not be found.")
    return flavor

"""The body of `POST /v2.1/servers`, and the checks for which the body is enough."""

import base64
import binascii
from typing import Annotated, Literal

import msgspec

from emulator.runtime.errors import BadRequest
from emulator.services.nova.api.servers.boot_source import BlockDevice, image_of
from emulator.services.nova.api.servers.validation import check_name
from emulator.services.nova.field_types import ZONE, Boolean, DiskConfig, HostName, Tag, check_addresses
from emulator.services.nova.messages import RequestedNetwork

__all__ = ["MAX_TAGS", "CreateServer", "NewServer", "validate"]

MAX_TAGS = 50
HOST_AND_NODE = 2

Text = Annotated[str, msgspec.Meta(max_length=255)]
ComputeHost = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Count = Annotated[int, msgspec.Meta(ge=1)]


class SecurityGroup(msgspec.Struct):
    """A security group by name or id."""

    name: Text


class File(msgspec.Struct):
    """A file to inject. It is accepted and ignored: the emulator's servers have no disk."""

    path: Text
    contents: str


class NewServer(msgspec.Struct):
    """The server to create. Unknown fields are ignored."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    flavor: str | int = msgspec.field(name="flavorRef")
    image: str | None = msgspec.field(name="imageRef", default=None)
    networks: list[RequestedNetwork] | Literal["auto", "none"] | None = None
    min_count: Count | None = None
    max_count: Count | None = None
    metadata: dict[str, str] = {}
    block_devices: list[BlockDevice] = msgspec.field(name="block_device_mapping_v2", default_factory=list)
    legacy_block_devices: list[msgspec.Raw] = msgspec.field(name="block_device_mapping", default_factory=list)
    security_groups: list[SecurityGroup] | None = None
    key_name: Text | None = None
    availability_zone: Text | None = None
    host: ComputeHost | None = None
    hypervisor_hostname: ComputeHost | None = None
    description: Text | None = None
    tags: list[Tag] = []
    user_data: Annotated[str, msgspec.Meta(max_length=65535)] | None = None
    config_drive: Boolean | None = None
    disk_config: DiskConfig = msgspec.field(name="OS-DCF:diskConfig", default="MANUAL")
    admin_password: str | None = msgspec.field(name="adminPass", default=None)
    hostname: HostName | None = None
    personality: list[File] = []
    trusted_image_certificates: list[Text] | None = None
    access_ipv4: str = msgspec.field(name="accessIPv4", default="")
    access_ipv6: str = msgspec.field(name="accessIPv6", default="")
    return_reservation_id: bool = False

    @property
    def counts(self) -> tuple[int, int]:
        """The smallest and the largest number of servers to create."""
        min_count = self.min_count or 1
        return min_count, self.max_count or min_count

    @property
    def zone_host_node(self) -> tuple[str, str, str]:
        """The availability zone, host and node in `availability_zone`, "ZONE:HOST:NODE"; empty for any."""
        zone, *named = (self.availability_zone or "").split(":")
        if len(named) > HOST_AND_NODE:
            raise BadRequest("Invalid input received: Unable to parse availability_zone")
        host, node = (*named, "", "")[:HOST_AND_NODE]
        return zone, host, node

    @property
    def flavor_id(self) -> str:
        """The flavor's id. `flavorRef` may also be its URL."""
        return str(self.flavor).rsplit("/", 1)[-1]


class CreateServer(msgspec.Struct):
    """The body of `POST /v2.1/servers`. Scheduler hints are accepted and ignored: no filter uses them."""

    server: NewServer
    hints: dict[str, msgspec.Raw] = msgspec.field(name="os:scheduler_hints", default_factory=dict)
    legacy_hints: dict[str, msgspec.Raw] = msgspec.field(name="OS-SCH-HNT:scheduler_hints", default_factory=dict)


def validate(new: NewServer) -> str:
    """Check the fields of a new server and return the id of its image. Raises BadRequest, naming the field."""
    check_name(new.name)
    if new.max_count is not None and new.max_count < (new.min_count or 1):
        raise BadRequest("Invalid input for field server.min_count: min_count must be <= max_count.")
    if len(new.tags) > MAX_TAGS or len(set(new.tags)) < len(new.tags):
        raise BadRequest(f"Invalid input for field server.tags: more than {MAX_TAGS} tags, or duplicates.")
    if new.zone_host_node[0] not in {"", ZONE}:
        raise BadRequest(
            "Invalid input for field server.availability_zone: The requested availability zone is not available"
        )
    if new.legacy_block_devices:
        raise BadRequest("Invalid input for field server.block_device_mapping: there are no volumes.")
    check_addresses(new.access_ipv4, new.access_ipv6)
    _check_user_data(new.user_data)
    return image_of(new.image, new.block_devices)


def _check_user_data(user_data: str | None) -> None:
    """Check that it is base64. The error does not quote it, since user data often holds secrets."""
    try:
        base64.b64decode("".join((user_data or "").split()), validate=True)
    except (ValueError, binascii.Error):
        raise BadRequest("Invalid input for field server.user_data: it is not base64.") from None

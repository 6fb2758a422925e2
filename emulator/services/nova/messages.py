"""What nova's daemons tell each other, and where it goes."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from emulator.plumbing.amqp_topology import Destination
from emulator.services.rpc import Call

__all__ = [
    "API",
    "CALLS",
    "DEAD_LETTERS",
    "SCHEDULER",
    "SCHEDULER_FANOUT",
    "BuildAndRunInstance",
    "BuildRequest",
    "DeleteInstanceInfo",
    "InstanceUpdate",
    "SelectDestinations",
    "Size",
    "TerminateInstance",
    "UpdateServiceCapabilities",
    "compute",
]

DEAD_LETTERS = Destination("nova", "dead_letters")
SCHEDULER = Destination("nova", "scheduler", dead_letters=DEAD_LETTERS.routing_key)
API = Destination("nova", "api", dead_letters=DEAD_LETTERS.routing_key)
SCHEDULER_FANOUT = Destination("scheduler_fanout", fanout=True)


def compute(host: str) -> Destination:
    """Where nova-compute on `host` listens."""
    return Destination("nova", f"compute.{host}", template="nova:compute.{host}", dead_letters=DEAD_LETTERS.routing_key)


Amount = Annotated[int, msgspec.Meta(ge=0)]


class Size(msgspec.Struct, frozen=True):
    """What a server takes, or a host has."""

    ram_mb: Amount
    vcpus: Amount
    disk_gb: Amount


class BuildRequest(msgspec.Struct, frozen=True):
    """A server that is to be built. Image and networks are named by their ids."""

    server_id: str
    name: str
    image_id: str
    network_ids: list[str]
    size: Size


class SelectDestinations(msgspec.Struct, frozen=True):
    """To the scheduler: find a host for a server, and tell the host."""

    METHOD: ClassVar[str] = "select_destinations"
    request: BuildRequest
    tried: tuple[str, ...] = ()
    """Hosts on which it failed already."""
    why: str = ""
    """With what it failed on the last of them."""


class BuildAndRunInstance(msgspec.Struct, frozen=True):
    """To a compute host: build a server."""

    METHOD: ClassVar[str] = "build_and_run_instance"
    request: BuildRequest
    limits: Size
    """What the scheduler reckons the host has in all."""
    tried: tuple[str, ...] = ()
    """Hosts on which it failed already."""


class TerminateInstance(msgspec.Struct, frozen=True):
    """To a compute host: destroy a server and release what it had."""

    METHOD: ClassVar[str] = "terminate_instance"
    server_id: str


class InstanceUpdate(msgspec.Struct, frozen=True, omit_defaults=True):
    """To nova-api: what has become of a server. None leaves the record as it is."""

    METHOD: ClassVar[str] = "instance_update"
    server_id: str
    vm_state: Literal["building", "active", "error", "deleted"]
    task_state: str | None = None
    host: str | None = None
    addresses: dict[str, list[dict[str, Any]]] | None = None
    fault: str | None = None


class UpdateServiceCapabilities(msgspec.Struct, frozen=True):
    """To every scheduler: what a host has in all, which servers are on it, and whether it takes more."""

    METHOD: ClassVar[str] = "update_service_capabilities"
    host: str
    total: Size
    instances: dict[str, Size]
    up: bool = True


class DeleteInstanceInfo(msgspec.Struct, frozen=True):
    """To every scheduler: a server no longer takes anything of a host."""

    METHOD: ClassVar[str] = "delete_instance_info"
    host: str | None
    """None where it is not known: then of any."""
    server_id: str


CALLS: Mapping[str, type[Call]] = {
    form.METHOD: form
    for form in (
        SelectDestinations,
        BuildAndRunInstance,
        TerminateInstance,
        InstanceUpdate,
        UpdateServiceCapabilities,
        DeleteInstanceInfo,
    )
}

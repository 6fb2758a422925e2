"""What nova's daemons tell each other, and where it goes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from emulator.runtime.amqp_topology import Destination
from emulator.services.nova.field_types import Tag
from emulator.services.oslo.messaging import Call

__all__ = [
    "API",
    "CALLS",
    "DEAD_LETTERS",
    "SCHEDULER",
    "SCHEDULER_FANOUT",
    "BuildAndRunInstance",
    "BuildRequest",
    "ConsoleOutput",
    "DeleteInstanceInfo",
    "GetConsoleOutput",
    "HostSummary",
    "InstanceUpdate",
    "Interface",
    "ListHosts",
    "PauseInstance",
    "RebootInstance",
    "RequestedNetwork",
    "ResumeInstance",
    "SelectDestinations",
    "Size",
    "StartInstance",
    "StopInstance",
    "SuspendInstance",
    "TerminateInstance",
    "UnpauseInstance",
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


class RequestedNetwork(msgspec.Struct, frozen=True, omit_defaults=True):
    """A network that a server is to be on, by its id or by that of a port which is there already."""

    uuid: str | None = None
    port: str | None = None
    fixed_ip: str | None = None
    """The address that the server is to have there; None for any."""
    tag: Tag | None = None
    """What the server's owner calls its interface there."""


class BuildRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """A server that is to be built. Image and networks are named by their ids; `auto` is the one that there is."""

    server_id: str
    project_id: str
    name: str
    image_id: str
    networks: list[RequestedNetwork] | Literal["auto"]
    size: Size
    requested_host: str | None = None
    """The only host that it may be built on; None for any."""

    @property
    def kept_ports(self) -> tuple[str, ...]:
        """Ports that are there before the server, and stay when it is gone."""
        return tuple(each.port for each in self.networks if isinstance(each, RequestedNetwork) and each.port)


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
    kept_ports: tuple[str, ...] = ()
    """Ports that were there before the server, and stay when it is gone."""


class StopInstance(msgspec.Struct, frozen=True):
    """To a compute host: switch a server off."""

    METHOD: ClassVar[str] = "stop_instance"
    server_id: str


class StartInstance(msgspec.Struct, frozen=True):
    """To a compute host: switch a server on."""

    METHOD: ClassVar[str] = "start_instance"
    server_id: str


class RebootInstance(msgspec.Struct, frozen=True):
    """To a compute host: let a server boot again, asking its operating system or not."""

    METHOD: ClassVar[str] = "reboot_instance"
    server_id: str
    reboot_type: Literal["SOFT", "HARD"] = "SOFT"


class PauseInstance(msgspec.Struct, frozen=True):
    """To a compute host: give a server no more CPU."""

    METHOD: ClassVar[str] = "pause_instance"
    server_id: str


class UnpauseInstance(msgspec.Struct, frozen=True):
    """To a compute host: let a paused server go on."""

    METHOD: ClassVar[str] = "unpause_instance"
    server_id: str


class SuspendInstance(msgspec.Struct, frozen=True):
    """To a compute host: put a server's memory on disk, and switch it off."""

    METHOD: ClassVar[str] = "suspend_instance"
    server_id: str


class ResumeInstance(msgspec.Struct, frozen=True):
    """To a compute host: let a suspended server go on."""

    METHOD: ClassVar[str] = "resume_instance"
    server_id: str


class GetConsoleOutput(msgspec.Struct, frozen=True):
    """To a compute host, which replies: what a server has written to its console, a `ConsoleOutput`."""

    METHOD: ClassVar[str] = "get_console_output"
    server_id: str
    tail_length: int | None = None
    """How many lines of its end; None for all."""


class ConsoleOutput(msgspec.Struct, frozen=True):
    """What a server has written to its console; None where the host does not know the server."""

    output: str | None


class Interface(msgspec.Struct, frozen=True):
    """A server's port on a network, as users see it."""

    network_id: str
    port_id: str
    mac_address: str
    fixed_ips: list[dict[str, str]]


class InstanceUpdate(msgspec.Struct, frozen=True, omit_defaults=True):
    """To nova-api: what has become of a server. None leaves the record as it is."""

    METHOD: ClassVar[str] = "instance_update"
    server_id: str
    vm_state: Literal["building", "active", "stopped", "paused", "suspended", "error", "deleted"] | None
    task_state: str | None = None
    """None where nothing is done with the server any more."""
    host: str | None = None
    addresses: dict[str, list[dict[str, Any]]] | None = None
    fault: str | None = None
    interfaces: list[Interface] | None = None
    action: str | None = None
    """What a user wanted of a server that is built: stop, start … None where it is built or destroyed."""
    began: datetime | None = None
    """When the host began to do that."""


class UpdateServiceCapabilities(msgspec.Struct, frozen=True):
    """To every scheduler: what a host has in all, which servers are on it, and whether it takes more."""

    METHOD: ClassVar[str] = "update_service_capabilities"
    host: str
    total: Size
    instances: dict[str, Size]
    up: bool = True


class ListHosts(msgspec.Struct, frozen=True):
    """To the scheduler, which replies with a list of `HostSummary`."""

    METHOD: ClassVar[str] = "list_hosts"


class HostSummary(msgspec.Struct, frozen=True):
    """A compute host: its capacity, what is claimed by how many servers, and the age of its last report."""

    name: str
    total: Size
    claimed: Size
    servers: int
    up: bool
    seconds_ago: float


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
        StopInstance,
        StartInstance,
        RebootInstance,
        PauseInstance,
        UnpauseInstance,
        SuspendInstance,
        ResumeInstance,
        GetConsoleOutput,
        InstanceUpdate,
        UpdateServiceCapabilities,
        DeleteInstanceInfo,
    )
}

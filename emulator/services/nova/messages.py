"""The RPC messages between nova's daemons, and the destinations that they are published to.

Methods are named as in `nova.compute.rpcapi` and `nova.scheduler.rpcapi` where nova has them. The class attribute
`METHOD` and the field names are the wire format.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from emulator.runtime.amqp_topology import Destination
from emulator.services.nova.field_types import Tag
from emulator.services.oslo.messaging import Call

__all__ = [
    "API",
    "DEAD_LETTERS",
    "MESSAGES",
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
    "MaxRetriesExceeded",
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
    """Return the destination that nova-compute on `host` consumes."""
    return Destination("nova", f"compute.{host}", template="nova:compute.{host}", dead_letters=DEAD_LETTERS.routing_key)


Amount = Annotated[int, msgspec.Meta(ge=0)]


class Size(msgspec.Struct, frozen=True):
    """Resources: of a host, or of a server's flavor."""

    ram_mb: Amount
    vcpus: Amount
    disk_gb: Amount


class RequestedNetwork(msgspec.Struct, frozen=True, omit_defaults=True):
    """A network for a new server, by its id or by the id of an existing port."""

    uuid: str | None = None
    port: str | None = None
    fixed_ip: str | None = None
    """The IP address on that network; None for any free one."""
    tag: Tag | None = None
    """The device tag of the interface."""


class BuildRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """A server to build. The image and the networks are ids; for `auto`, nova-compute finds the network."""

    server_id: str
    project_id: str
    name: str
    image_id: str
    networks: list[RequestedNetwork] | Literal["auto"]
    size: Size
    requested_host: str | None = None
    """The only host that the server may be built on; None for any."""
    security_groups: tuple[str, ...] = ()
    """The ids of the security groups of its new ports; none for the project's group `default`."""

    @property
    def kept_ports(self) -> tuple[str, ...]:
        """Ports that existed before the server, and are kept when it is deleted."""
        return tuple(each.port for each in self.networks if isinstance(each, RequestedNetwork) and each.port)


class SelectDestinations(msgspec.Struct, frozen=True):
    """To the scheduler: choose a host for a server and send it the build."""

    METHOD: ClassVar[str] = "select_destinations"
    request: BuildRequest
    tried: tuple[str, ...] = ()
    """Hosts on which the build has failed."""
    last_error: str = msgspec.field(name="why", default="")
    """The error on the last of them."""


class BuildAndRunInstance(msgspec.Struct, frozen=True):
    """To a compute host: build a server."""

    METHOD: ClassVar[str] = "build_and_run_instance"
    request: BuildRequest
    limits: Size
    """The host's total resources as the scheduler knows them."""
    tried: tuple[str, ...] = ()
    """Hosts on which the build has failed."""


class TerminateInstance(msgspec.Struct, frozen=True):
    """To a compute host: destroy a server and release its resources."""

    METHOD: ClassVar[str] = "terminate_instance"
    server_id: str
    kept_ports: tuple[str, ...] = ()
    """Ports that existed before the server, and are kept when it is deleted."""


class StopInstance(msgspec.Struct, frozen=True):
    """To a compute host: power a server off."""

    METHOD: ClassVar[str] = "stop_instance"
    server_id: str


class StartInstance(msgspec.Struct, frozen=True):
    """To a compute host: power a server on."""

    METHOD: ClassVar[str] = "start_instance"
    server_id: str


class RebootInstance(msgspec.Struct, frozen=True):
    """To a compute host: reboot a server: SOFT through its operating system, HARD by a power cycle."""

    METHOD: ClassVar[str] = "reboot_instance"
    server_id: str
    reboot_type: Literal["SOFT", "HARD"] = "SOFT"


class PauseInstance(msgspec.Struct, frozen=True):
    """To a compute host: pause a server: it stays in memory, but gets no CPU time."""

    METHOD: ClassVar[str] = "pause_instance"
    server_id: str


class UnpauseInstance(msgspec.Struct, frozen=True):
    """To a compute host: resume a paused server."""

    METHOD: ClassVar[str] = "unpause_instance"
    server_id: str


class SuspendInstance(msgspec.Struct, frozen=True):
    """To a compute host: suspend a server: save its memory to disk and power it off."""

    METHOD: ClassVar[str] = "suspend_instance"
    server_id: str


class ResumeInstance(msgspec.Struct, frozen=True):
    """To a compute host: resume a suspended server."""

    METHOD: ClassVar[str] = "resume_instance"
    server_id: str


class GetConsoleOutput(msgspec.Struct, frozen=True):
    """To a compute host, which replies with a `ConsoleOutput`."""

    METHOD: ClassVar[str] = "get_console_output"
    server_id: str
    tail_length: int | None = None
    """How many of the last lines; None for all."""


class ConsoleOutput(msgspec.Struct, frozen=True):
    """A server's console log; None if the host does not have the server."""

    output: str | None


class Interface(msgspec.Struct, frozen=True):
    """A server's port on a network, as `os-interface` shows it."""

    network_id: str
    port_id: str
    mac_address: str
    fixed_ips: list[dict[str, str]]


class InstanceUpdate(msgspec.Struct, frozen=True, omit_defaults=True):
    """To nova-api: a server's new state. A field that is None leaves the record unchanged, except `task_state`."""

    METHOD: ClassVar[str] = "instance_update"
    server_id: str
    vm_state: Literal["building", "active", "stopped", "paused", "suspended", "error", "deleted"] | None
    task_state: str | None = None
    """The task in progress, None when it has ended."""
    host: str | None = None
    addresses: dict[str, list[dict[str, Any]]] | None = None
    fault: str | None = None
    interfaces: list[Interface] | None = None
    action: str | None = None
    """The instance action that caused this (stop, start, …); None for a build or a deletion."""
    began: datetime | None = None
    """When the host started that action."""


class UpdateServiceCapabilities(msgspec.Struct, frozen=True):
    """To every scheduler: a host's total resources, the servers on it, and whether it accepts more."""

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
    """To every scheduler: a server no longer uses a host's resources."""

    METHOD: ClassVar[str] = "delete_instance_info"
    host: str | None
    """None if the host is unknown: the server is removed from all hosts."""
    server_id: str


MESSAGES: Mapping[str, type[Call]] = {
    message.METHOD: message
    for message in (
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
"""The message classes by method, to decode a dead letter: a message that its consumer has rejected."""


class MaxRetriesExceeded(Exception):
    """No host is left to try for a server, after builds that failed on others. Nova's wording, by either daemon."""

    error_type = "nova.MaxRetriesExceeded"

    def __init__(self, reason: str, server_id: str, last: object) -> None:
        super().__init__(
            f"Exceeded maximum number of retries. {reason} for instance {server_id}. Last exception: {last}"
        )

"""The servers as nova-api knows them: records, their states, and how a project sees them."""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from emulator.runtime.errors import NotFound
from emulator.services.auth.fernet_tokens import Identity
from emulator.services.notifications import FloatingAddress
from emulator.services.nova.messages import InstanceUpdate, Interface
from emulator.services.nova.objects.flavor import Flavor
from emulator.services.nova.objects.instance_action import InstanceAction
from emulator.services.nova.objects.states import InstanceIsLocked, power_state_of, status_of

__all__ = ["Lifetime", "Server", "ServerNotFound", "Servers"]

REMEMBERED = 1000
"""How many servers that are gone count for what their projects have used."""


class ServerNotFound(NotFound):
    """The project has no server with this id."""

    error_type = "nova.ServerNotFound"

    def __init__(self, server_id: str) -> None:
        super().__init__(f"Instance {server_id} could not be found.")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a user said of a new server that does not change how it is built, and is shown again."""

    reservation_id: str = ""
    launch_index: int = 0
    hostname: str = ""
    key_name: str | None = None
    security_groups: tuple[str, ...] = ("default",)
    availability_zone: str | None = None
    config_drive: bool = False
    disk_config: str = "MANUAL"
    user_data: str | None = None
    tags: tuple[str, ...] = ()
    trusted_image_certificates: tuple[str, ...] | None = None
    access_ipv4: str = ""
    access_ipv6: str = ""


@dataclass(slots=True)
class Server:
    """A server. `task_state` is what is being done with it, for the action `doing`; None if nothing is."""

    id: str
    name: str
    project_id: str
    user_id: str
    image_id: str
    flavor: Flavor
    metadata: dict[str, str] = field(default_factory=dict)
    vm_state: str = "building"
    task_state: str | None = "scheduling"
    host: str | None = None
    addresses: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    floating: tuple[FloatingAddress, ...] = ()
    fault: str | None = None
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))
    deadline: asyncio.Task[None] | None = None
    doing: InstanceAction | None = None
    launched_at: datetime | None = None
    description: str | None = None
    locked_by: Literal["owner", "admin"] | None = None
    """As whom the one acted who locked it: `admin` is anybody of another project."""
    locked_reason: str | None = None
    interfaces: list[Interface] = field(default_factory=list)
    kept_ports: tuple[str, ...] = ()
    """Ports that were there before it, and stay when it is gone."""
    number: int = 0
    """How many there were before it: its hypervisor calls it by that."""
    wishes: Wishes = field(default_factory=Wishes)

    def apply(self, update: InstanceUpdate) -> None:
        """Take over what a daemon of nova says of the server's build."""
        self.vm_state, self.task_state = update.vm_state or self.vm_state, update.task_state
        self.host = update.host or self.host
        self.addresses = update.addresses or self.addresses
        self.interfaces = update.interfaces or self.interfaces
        self.fault = update.fault or self.fault
        self.updated = datetime.now(UTC)
        if self.vm_state == "active":
            self.launched_at = self.updated
        if self.vm_state != "building":
            self.end()

    def change(self, update: InstanceUpdate, request_id: str) -> None:
        """Take over what the server's host says of a change that a request wanted; also long after it was given up."""
        if self.task_state == "deleting":
            return
        self.vm_state, self.updated = update.vm_state or self.vm_state, datetime.now(UTC)
        if self.doing is not None and (self.doing.action, self.doing.request_id) == (update.action, request_id):
            self.task_state = update.task_state
            if self.task_state is None:
                self.end()
        if self.vm_state != "error":
            self.fault = None

    def end(self) -> None:
        """Nothing is being done with the server any more."""
        self.doing = None
        self.forget_deadline()

    def check_lock(self, user: Identity) -> None:
        """Raise InstanceIsLocked where only admins may do something with the server."""
        if self.locked and not user.is_admin:
            raise InstanceIsLocked(self.id)

    def locker(self, user: Identity) -> Literal["owner", "admin"]:
        """Return as whom a user locks and unlocks it."""
        return "owner" if user.project_id == self.project_id else "admin"

    def forget_deadline(self) -> None:
        """Stop waiting for the build to end."""
        if self.deadline is not None and self.deadline is not asyncio.current_task():
            self.deadline.cancel()
        self.deadline = None

    @property
    def locked(self) -> bool:
        """Whether only admins may do something with it."""
        return self.locked_by is not None

    @property
    def all_addresses(self) -> dict[str, list[dict[str, Any]]]:
        """Its addresses by network, and the floating IPs that lead to them."""
        return {
            network: [*fixed, *(floating for each in fixed for floating in self._leading_to(each))]
            for network, fixed in self.addresses.items()
        }

    def _leading_to(self, fixed: dict[str, Any]) -> Iterator[dict[str, Any]]:
        place = (fixed["addr"], fixed["OS-EXT-IPS-MAC:mac_addr"])
        for floating in self.floating:
            if (floating.fixed_address, floating.mac_address) == place:
                yield {**fixed, "addr": floating.address, "OS-EXT-IPS:type": "floating"}

    @property
    def status(self) -> str:
        """The state in one word, for users."""
        return status_of(self.vm_state, self.task_state)

    @property
    def power_state(self) -> int:
        """What its hypervisor says, as a number of libvirt."""
        return power_state_of(self.vm_state)


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long there was a server, None for the end of one that is there: what its project may be charged for."""

    server_id: str
    name: str
    project_id: str
    flavor: Flavor
    launched_at: datetime
    terminated_at: datetime | None = None


class Servers:
    """All servers, by id."""

    def __init__(self) -> None:
        self._servers: dict[str, Server] = {}
        self._last = 0
        self._gone: deque[Lifetime] = deque(maxlen=REMEMBERED)
        self.ended: set[tuple[str, str]] = set()
        """Servers and hosts that were told to end a build which nobody waits for any more."""

    def add(self, server: Server) -> None:
        """Remember a new server."""
        self._last += 1
        server.number = self._last
        self._servers[server.id] = server

    def get(self, server_id: str) -> Server | None:
        """Return a server of any project, None if there is none."""
        return self._servers.get(server_id)

    def find(self, server_id: str, project_id: str | None) -> Server:
        """Return a server of a project, None for any. Raises ServerNotFound, also for another project's."""
        server = self._servers.get(server_id)
        if server is None or project_id not in {None, server.project_id}:
            raise ServerNotFound(server_id)
        return server

    def of(self, project_id: str | None) -> Iterator[Server]:
        """Yield the servers of a project, None for all, the oldest first."""
        return (server for server in self._servers.values() if project_id in {None, server.project_id})

    def remove(self, server: Server) -> None:
        """Forget a server."""
        server.forget_deadline()
        if self._servers.pop(server.id, None) is not None:
            self._gone.extend(_lifetimes([server], datetime.now(UTC)))

    def lifetimes(self) -> list[Lifetime]:
        """Return how long there have been servers, those that are gone first, of which the last ones are remembered."""
        return [*self._gone, *_lifetimes(self._servers.values(), None)]


def _lifetimes(servers: Iterable[Server], terminated_at: datetime | None) -> Iterator[Lifetime]:
    for server in servers:
        if server.launched_at is not None:
            yield Lifetime(server.id, server.name, server.project_id, server.flavor, server.launched_at, terminated_at)

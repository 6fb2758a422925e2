"""nova-api's records of servers, and the changes that updates and requests make to them."""

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from aiohttp import web

from emulator.services.auth.fernet_tokens import Identity
from emulator.services.notifications import FloatingAddress
from emulator.services.nova.messages import InstanceUpdate, Interface
from emulator.services.nova.objects.flavor import Flavor
from emulator.services.nova.objects.instance_action import InstanceAction
from emulator.services.nova.objects.states import InstanceIsLocked, InstanceNotFound, power_state_of, status_of

__all__ = ["SERVERS", "Lifetime", "Server", "ServerOptions", "Servers"]

MAX_DELETED_SERVERS = 1000
"""How many deleted servers are still listed for admins, and count in the usage of their projects."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Options of a server that are stored and shown, but do not change how the emulator builds it."""

    reservation_id: str = ""
    launch_index: int = 0
    hostname: str = ""
    key_name: str | None = None
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
    """A server. `task_state` is the task in progress, for the `current_action`; both are None if there is none."""

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
    """The task that aborts the current action if it takes too long."""
    current_action: InstanceAction | None = None
    launched_at: datetime | None = None
    terminated_at: datetime | None = None
    """When it was deleted."""
    description: str | None = None
    locked_by: Literal["owner", "admin"] | None = None
    """The role of the user who locked it. An `admin` here is a user of another project."""
    locked_reason: str | None = None
    interfaces: list[Interface] = field(default_factory=list)
    kept_ports: tuple[str, ...] = ()
    """Ports that existed before the server, and are kept when it is deleted."""
    group_names: tuple[str, ...] | None = None
    """The names of its ports' security groups, as neutron has notified them; None if it has not."""
    number: int = 0
    """The number in the name of its libvirt domain, `instance-%08x`; servers are numbered from 1."""
    options: ServerOptions = field(default_factory=ServerOptions)

    def apply_build_update(self, update: InstanceUpdate) -> None:
        """Record what the scheduler or a compute host reports about the server's build or deletion."""
        self.vm_state, self.task_state = update.vm_state or self.vm_state, update.task_state
        self.host = update.host or self.host
        self.addresses = update.addresses or self.addresses
        self.interfaces = update.interfaces or self.interfaces
        self.fault = update.fault or self.fault
        self.updated = datetime.now(UTC)
        if self.vm_state == "active":
            self.launched_at = self.updated
        if self.vm_state != "building":
            self.end_action()

    def apply_action_update(self, update: InstanceUpdate, request_id: str) -> None:
        """Record what the host reports about an action on a server that is built.

        The new vm_state applies even if nova-api has aborted the action, since it is the state on the hypervisor. The
        task ends only if the update belongs to the current action.
        """
        if self.task_state == "deleting":
            return
        self.vm_state, self.updated = update.vm_state or self.vm_state, datetime.now(UTC)
        action = self.current_action
        if action is not None and (action.action, action.request_id) == (update.action, request_id):
            self.task_state = update.task_state
            if self.task_state is None:
                self.end_action()
        if self.vm_state != "error":
            self.fault = None

    def end(self) -> None:
        """Record that the server is deleted."""
        self.vm_state, self.task_state, self.addresses, self.interfaces = "deleted", None, {}, []
        self.group_names = None
        self.terminated_at = self.updated = datetime.now(UTC)

    def end_action(self) -> None:
        """Record that the current action has ended."""
        self.current_action = None
        self.cancel_deadline()

    def check_lock(self, user: Identity) -> None:
        """Raise InstanceIsLocked if the server is locked and the user is not an admin."""
        if self.locked and not user.is_admin:
            raise InstanceIsLocked(self.id)

    def lock_role(self, user: Identity) -> Literal["owner", "admin"]:
        """Return the role in which a user locks and unlocks the server, as `nova.compute.api.API.lock` does."""
        return "owner" if user.project_id == self.project_id else "admin"

    def cancel_deadline(self) -> None:
        """Cancel the deadline, unless its task is the caller, which must not cancel itself."""
        if self.deadline is not None and self.deadline is not asyncio.current_task():
            self.deadline.cancel()
        self.deadline = None

    @property
    def locked(self) -> bool:
        """Whether the server is locked."""
        return self.locked_by is not None

    @property
    def security_groups(self) -> tuple[str, ...]:
        """The names of its ports' security groups, port by port. Neutron notifies only of others than `default`."""
        return ("default",) * len(self.interfaces) if self.group_names is None else self.group_names

    @property
    def all_addresses(self) -> dict[str, list[dict[str, Any]]]:
        """Fixed addresses by network name, each followed by the floating IPs that are associated with it."""
        return {
            network: [*fixed, *(floating for each in fixed for floating in self._floating_for(each))]
            for network, fixed in self.addresses.items()
        }

    def _floating_for(self, fixed: dict[str, Any]) -> Iterator[dict[str, Any]]:
        port_address = (fixed["addr"], fixed["OS-EXT-IPS-MAC:mac_addr"])
        for floating in self.floating:
            if (floating.fixed_address, floating.mac_address) == port_address:
                yield {**fixed, "addr": floating.address, "OS-EXT-IPS:type": "floating"}

    @property
    def status(self) -> str:
        """The `status` that users see."""
        return status_of(self.vm_state, self.task_state)

    @property
    def power_state(self) -> int:
        """The power state, as nova's number."""
        return power_state_of(self.vm_state)


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a server has existed, for the usage of its project. `terminated_at` is None while it exists."""

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
        self._last_number = 0
        self._deleted: deque[Server] = deque(maxlen=MAX_DELETED_SERVERS)
        self.terminated_builds: set[tuple[str, str]] = set()
        """Server ids and the hosts that were told to terminate their builds, after nova-api had given these up."""

    def add(self, server: Server) -> None:
        """Add a new server and number it."""
        self._last_number += 1
        server.number = self._last_number
        self._servers[server.id] = server

    def get(self, server_id: str) -> Server | None:
        """Return a server of any project, or None."""
        return self._servers.get(server_id)

    def find(self, server_id: str, project_id: str | None) -> Server:
        """Return a server of a project, or of any project for None. Raises InstanceNotFound."""
        server = self._servers.get(server_id)
        if server is None or project_id not in {None, server.project_id}:
            raise InstanceNotFound(server_id)
        return server

    def of_project(self, project_id: str | None, *, deleted: bool = False) -> Iterator[Server]:
        """Yield the servers of a project, or of all projects for None, the oldest first; or the last `deleted` too."""
        servers = [*self._deleted, *self._servers.values()] if deleted else self._servers.values()
        return (server for server in servers if project_id in {None, server.project_id})

    def remove(self, server: Server) -> None:
        """Remove a deleted server. Its record is kept for admins who ask for it."""
        if self.withdraw(server):
            server.end()
            self._deleted.append(server)

    def withdraw(self, server: Server) -> bool:
        """Forget a server. Returns whether it was there."""
        server.cancel_deadline()
        return self._servers.pop(server.id, None) is not None

    def lifetimes(self) -> list[Lifetime]:
        """Return the lifetimes of all servers that were ever active: of the last deleted ones, then of the others."""
        return [
            Lifetime(each.id, each.name, each.project_id, each.flavor, each.launched_at, each.terminated_at)
            for each in self.of_project(None, deleted=True)
            if each.launched_at is not None
        ]


SERVERS = web.AppKey("servers", Servers)

"""The servers as nova-api knows them: records, their states, and how a project sees them."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from emulator.plumbing.errors import ApiError, NotFound
from emulator.services.fresh import Flavor
from emulator.services.nova.instance_actions import InstanceAction
from emulator.services.nova.messages import InstanceUpdate, Interface
from emulator.services.nova.states import InstanceIsLocked, power_state_of, status_of
from emulator.services.tokens import Identity

__all__ = ["QuotaExceeded", "Server", "ServerNotFound", "Servers"]


class ServerNotFound(NotFound):
    """The project has no server with this id."""

    def __init__(self, server_id: str) -> None:
        super().__init__(f"Instance {server_id} could not be found.")


class QuotaExceeded(ApiError):
    """The project may not have that many instances."""

    status = HTTPStatus.FORBIDDEN

    def __init__(self, requested: int, used: int, quota: int) -> None:
        super().__init__(
            f"Quota exceeded for instances: Requested {requested}, but already used {used} of {quota} instances"
        )


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
    fault: str | None = None
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))
    deadline: asyncio.Task[None] | None = None
    doing: InstanceAction | None = None
    launched_at: datetime | None = None
    description: str | None = None
    locked: bool = False
    locked_reason: str | None = None
    interfaces: list[Interface] = field(default_factory=list)
    kept_ports: tuple[str, ...] = ()
    """Ports that were there before it, and stay when it is gone."""

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

    def forget_deadline(self) -> None:
        """Stop waiting for the build to end."""
        if self.deadline is not None and self.deadline is not asyncio.current_task():
            self.deadline.cancel()
        self.deadline = None

    @property
    def status(self) -> str:
        """The state in one word, for users."""
        return status_of(self.vm_state, self.task_state)

    @property
    def power_state(self) -> int:
        """What its hypervisor says, as a number of libvirt."""
        return power_state_of(self.vm_state)

    def describe(self) -> dict[str, Any]:
        """Return the server as the API shows it in detail."""
        described = {
            "id": self.id,
            "name": self.name,
            "status": self.status,
            "tenant_id": self.project_id,
            "user_id": self.user_id,
            "image": {"id": self.image_id},
            "flavor": {
                "id": self.flavor.name,
                "original_name": self.flavor.name,
                "ram": self.flavor.ram_mb,
                "vcpus": self.flavor.vcpus,
                "disk": self.flavor.disk_gb,
                "ephemeral": 0,
                "swap": 0,
                "extra_specs": {},
            },
            "metadata": self.metadata,
            "addresses": self.addresses,
            "created": timestamp(self.created),
            "updated": timestamp(self.updated),
            "OS-EXT-STS:vm_state": self.vm_state,
            "OS-EXT-STS:task_state": self.task_state,
            "OS-EXT-STS:power_state": self.power_state,
            "OS-EXT-SRV-ATTR:host": self.host,
        }
        if self.fault is not None:
            described["fault"] = {"code": 500, "created": timestamp(self.updated), "message": self.fault}
        return described


def timestamp(moment: datetime) -> str:
    """Word a moment as nova does."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Servers:
    """All servers, by id."""

    def __init__(self) -> None:
        self._servers: dict[str, Server] = {}
        self.ended: set[tuple[str, str]] = set()
        """Servers and hosts that were told to end a build which nobody waits for any more."""

    def add(self, server: Server) -> None:
        """Remember a new server."""
        self._servers[server.id] = server

    def get(self, server_id: str) -> Server | None:
        """Return a server of any project, None if there is none."""
        return self._servers.get(server_id)

    def find(self, server_id: str, project_id: str) -> Server:
        """Return a server of a project. Raises ServerNotFound, also for another project's."""
        server = self._servers.get(server_id)
        if server is None or server.project_id != project_id:
            raise ServerNotFound(server_id)
        return server

    def of(self, project_id: str) -> Iterator[Server]:
        """Yield the servers of a project, the oldest first."""
        return (server for server in self._servers.values() if server.project_id == project_id)

    def remove(self, server: Server) -> None:
        """Forget a server."""
        server.forget_deadline()
        self._servers.pop(server.id, None)

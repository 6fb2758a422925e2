"""The state of a compute host: its resources, and the servers on it. It stands in for a virt driver."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

from emulator.services.auth.session import Session
from emulator.services.nova.compute.console_log import Console
from emulator.services.nova.compute.networking import AttachedNetwork
from emulator.services.nova.messages import BuildRequest, Interface, Size
from emulator.services.seed_data import User

__all__ = ["HYPERVISOR", "ComputeResourcesUnavailable", "Hypervisor", "Instance", "Interrupted", "VmState"]

VmState = Literal["building", "active", "stopped", "paused", "suspended", "deleted"]


class ComputeResourcesUnavailable(Exception):
    """The host has too few resources left for the server: fewer than the scheduler assumed."""

    error_type = "nova.ComputeResourcesUnavailable"

    def __init__(self, host: str, free_mb: int, requested_mb: int) -> None:
        super().__init__(f"host {host} has {free_mb} MB free, not {requested_mb}")


class Interrupted(Exception):
    """The work on a server was interrupted because the server is being deleted."""

    error_type = "nova.Interrupted"

    def __init__(self) -> None:
        super().__init__("the server is being deleted")


@dataclass(slots=True)
class Instance:
    """A server on this host. Hold `lock` to change it."""

    request: BuildRequest
    state: VmState = "building"
    console: Console = field(default_factory=Console)
    networks: list[AttachedNetwork] = field(default_factory=list)
    session: Session | None = None
    """The session in which the server's ports were created."""
    ports_requested: bool = False
    """Whether neutron may have ports for it. Set before they are requested, since the answer may be lost."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _work: asyncio.Timeout | None = None

    @asynccontextmanager
    async def interruptible(self) -> AsyncIterator[None]:
        """Run a block that `interrupt` can end; it then raises Interrupted."""
        # A timeout without a deadline, which `interrupt` sets to now. Cancelling the task instead would leave its
        # message unsettled, and the broker would redeliver it.
        try:
            async with asyncio.timeout(None) as self._work:
                yield
        except TimeoutError:
            if self._work is not None and self._work.expired():
                raise Interrupted from None
            raise
        finally:
            self._work = None

    def interrupt(self) -> None:
        """End the interruptible work on the server, if there is any."""
        if self._work is not None:
            self._work.reschedule(asyncio.get_running_loop().time())

    @property
    def size(self) -> Size:
        """The resources that the server uses."""
        return self.request.size

    @property
    def addresses(self) -> dict[str, list[dict[str, Any]]]:
        """The server's addresses by network name, as the API shows them."""
        addresses: dict[str, list[dict[str, Any]]] = {}
        for network in self.networks:
            addresses.setdefault(network.name, []).extend(network.addresses)
        return addresses

    @property
    def interfaces(self) -> list[Interface]:
        """The server's ports, as the API shows them."""
        return [network.interface for network in self.networks]


@dataclass(slots=True)
class Hypervisor:
    """A compute host: its name and resources, its credentials at keystone, and the servers on it by id."""

    host: str
    total: Size
    keystone_url: str
    user: User
    last_report_delivered: bool = True
    """Whether a scheduler received the last resource report."""
    shutting_down: bool = False
    instances: dict[str, Instance] = field(default_factory=dict)

    def claim(self, request: BuildRequest, limits: Size) -> Instance:
        """Return the server's instance on this host, a new one if there is none. Raises ComputeResourcesUnavailable.

        `limits` are the host's total resources as the scheduler knows them. The lower of the two totals applies.
        """
        if request.server_id not in self.instances:
            used = sum(instance.size.ram_mb for instance in self.instances.values())
            free = max(min(self.total.ram_mb, limits.ram_mb) - used, 0)
            if request.size.ram_mb > free:
                raise ComputeResourcesUnavailable(self.host, free, request.size.ram_mb)
            self.instances[request.server_id] = Instance(request)
        return self.instances[request.server_id]


HYPERVISOR = web.AppKey("hypervisor", Hypervisor)

"""A compute host as nova-compute keeps it: what it has, and the servers on it."""

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

__all__ = ["HYPERVISOR", "ComputeResourcesUnavailable", "GuestState", "Hypervisor", "Instance", "Interrupted"]

GuestState = Literal["building", "active", "stopped", "paused", "suspended", "deleted"]


class ComputeResourcesUnavailable(Exception):
    """The host cannot hold the server: it has less than the scheduler thought."""

    error_type = "nova.ComputeResourcesUnavailable"


class Interrupted(Exception):
    """The server is to be destroyed; nobody waits for its build any more."""

    error_type = "nova.Interrupted"

    def __init__(self) -> None:
        super().__init__("the server is to be destroyed")


@dataclass(slots=True)
class Instance:
    """A server on this host. Its `lock` is held while something is being done with it."""

    request: BuildRequest
    state: GuestState = "building"
    console: Console = field(default_factory=Console)
    networks: list[AttachedNetwork] = field(default_factory=list)
    session: Session | None = None
    """With which its ports were asked for."""
    asked_for_ports: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _work: asyncio.Timeout | None = None

    @asynccontextmanager
    async def interruptible(self) -> AsyncIterator[None]:
        """Do what `interrupt` may end; the block then raises Interrupted."""
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
        """End what is being done with the server, if it can be."""
        if self._work is not None:
            self._work.reschedule(asyncio.get_running_loop().time())

    @property
    def size(self) -> Size:
        """What it takes of the host."""
        return self.request.size

    @property
    def addresses(self) -> dict[str, list[dict[str, Any]]]:
        """The addresses by network, as users see them."""
        addresses: dict[str, list[dict[str, Any]]] = {}
        for network in self.networks:
            addresses.setdefault(network.name, []).extend(network.addresses)
        return addresses

    @property
    def interfaces(self) -> list[Interface]:
        """Its ports, as users see them."""
        return [network.interface for network in self.networks]


@dataclass(slots=True)
class Hypervisor:
    """The host: its name, what it has, who it is at keystone, and the servers on it."""

    host: str
    total: Size
    keystone_url: str
    user: User
    heard: bool = False
    """Whether a scheduler got the last report."""
    leaving: bool = False
    instances: dict[str, Instance] = field(default_factory=dict)

    def claim(self, request: BuildRequest, limits: Size) -> Instance:
        """Return the server's place on this host, made now if there is none. Raises ComputeResourcesUnavailable.

        The host may hold no more than its scheduler reckons with, `limits`.
        """
        if request.server_id not in self.instances:
            used = sum(instance.size.ram_mb for instance in self.instances.values())
            free = max(min(self.total.ram_mb, limits.ram_mb) - used, 0)
            if request.size.ram_mb > free:
                raise ComputeResourcesUnavailable(f"host {self.host} has {free} MB free, not {request.size.ram_mb}")
            self.instances[request.server_id] = Instance(request)
        return self.instances[request.server_id]


HYPERVISOR = web.AppKey("hypervisor", Hypervisor)

"""nova-scheduler: chooses the best host for a server among those that reported, and claims its resources."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web
from opentelemetry.trace import Span

from emulator.plumbing.amqp_link import BusUnavailable
from emulator.plumbing.chance import Chance
from emulator.plumbing.scene import annotate
from emulator.plumbing.service import ACTOR, Service
from emulator.plumbing.steps import step
from emulator.services.nova.messages import (
    API,
    SCHEDULER,
    SCHEDULER_FANOUT,
    BuildAndRunInstance,
    BuildRequest,
    DeleteInstanceInfo,
    InstanceUpdate,
    SelectDestinations,
    Size,
    UpdateServiceCapabilities,
    cast,
    compute,
    consumer,
)

__all__ = ["service"]

UP_SECONDS = 30.0  # a host reports every 10 s: three times silent is down
FIRST_REPORT_SECONDS = 5.0


class NoValidHost(Exception):
    """No host can hold the server."""

    def __init__(self, size: Size, largest_free_mb: int, hosts: int) -> None:
        super().__init__(
            "No valid host was found. There are not enough hosts available: "
            f"requested_ram_mb={size.ram_mb}, requested_vcpus={size.vcpus}, requested_disk_gb={size.disk_gb}, "
            f"largest_free_ram_mb={largest_free_mb}, hosts={hosts}."
        )


@dataclass(slots=True)
class Host:
    """A compute host as it reported itself, and what is claimed on it, by server.

    `confirmed` are the servers that its last report named: when a later one does not, they are gone.
    """

    name: str
    total: Size
    reported: float
    claims: dict[str, Size] = field(default_factory=dict)
    confirmed: frozenset[str] = frozenset()

    @property
    def free(self) -> Size:
        """What nobody has claimed."""
        claims = self.claims.values()
        return Size(
            self.total.ram_mb - sum(claim.ram_mb for claim in claims),
            self.total.vcpus - sum(claim.vcpus for claim in claims),
            self.total.disk_gb - sum(claim.disk_gb for claim in claims),
        )


Filter = Callable[[Host, Size], bool]

FILTERS: dict[str, Filter] = {
    "ComputeFilter": lambda host, _: time.monotonic() - host.reported < UP_SECONDS,
    "RamFilter": lambda host, size: host.free.ram_mb >= size.ram_mb,
    "CoreFilter": lambda host, size: host.free.vcpus >= size.vcpus,
    "DiskFilter": lambda host, size: host.free.disk_gb >= size.disk_gb,
}
"""What a host must pass, in this order."""


class Hosts:
    """The hosts that are known."""

    def __init__(self) -> None:
        self._hosts: dict[str, Host] = {}
        self._heard = asyncio.Event()

    def report(self, said: UpdateServiceCapabilities) -> None:
        """Take over what a host reports. Claims for servers that it has not heard of yet stay."""
        host = self._hosts.setdefault(said.host, Host(said.host, said.total, 0.0))
        host.total, host.reported = said.total, time.monotonic()
        for gone in host.confirmed - said.instances.keys():
            host.claims.pop(gone, None)
        host.claims.update(said.instances)
        host.confirmed = frozenset(said.instances)
        self._heard.set()

    async def heard(self) -> None:
        """Wait until a host has reported: a scheduler that has just started knows of none."""
        try:
            async with asyncio.timeout(FIRST_REPORT_SECONDS):
                await self._heard.wait()
        except TimeoutError:
            return

    def claim(self, request: BuildRequest, chance: Chance, span: Span) -> Host:
        """Choose a host and claim the server's resources on it. Raises NoValidHost."""
        for host in self._hosts.values():
            if request.server_id in host.claims:
                return host
        host = choose_host(list(self._hosts.values()), request, chance, span)
        host.claims[request.server_id] = request.size
        return host

    def release(self, host_name: str, server_id: str) -> None:
        """Give back what a server had claimed."""
        if host_name in self._hosts:
            self._hosts[host_name].claims.pop(server_id, None)


HOSTS = web.AppKey("hosts", Hosts)


def choose_host(hosts: list[Host], request: BuildRequest, chance: Chance, span: Span) -> Host:
    """Return the host with the most free RAM of those that pass all filters; the span tells how it came about."""
    left = hosts
    for name, passes in FILTERS.items():
        before, left = left, [host for host in left if passes(host, request.size)]
        passed = {
            "openstack.scheduler.filter": name,
            "openstack.scheduler.hosts.before": [host.name for host in before],
            "openstack.scheduler.hosts.after": [host.name for host in left],
        }
        span.add_event("filter", passed)
    if not left:
        raise NoValidHost(request.size, max((host.free.ram_mb for host in hosts), default=0), len(hosts))
    most = max(host.free.ram_mb for host in left)
    best = sorted((host for host in left if host.free.ram_mb == most), key=lambda host: host.name)
    chosen = chance.draw("tie", request.server_id).choice(best)
    weights = {f"openstack.scheduler.weight.{host.name}": host.free.ram_mb for host in left}
    span.add_event("weigher", {"openstack.scheduler.weigher": "RAMWeigher", **weights})
    span.set_attribute("openstack.scheduler.host", chosen.name)
    return chosen


def service() -> Service:
    """The scheduler of nova."""
    return Service(
        "nova-scheduler",
        state={HOSTS: Hosts()},
        consumers=lambda app: [
            consumer(
                app,
                SCHEDULER_FANOUT,
                {UpdateServiceCapabilities: update_service_capabilities, DeleteInstanceInfo: delete_instance_info},
            ),
            consumer(app, SCHEDULER, {SelectDestinations: select_destinations}),
        ],
    )


async def select_destinations(app: web.Application, call: SelectDestinations) -> None:
    """Choose a host for a server and tell it to build; tell nova-api if there is none."""
    request = call.request
    annotate(server__id=request.server_id)
    hosts = app[HOSTS]
    try:
        async with step("select_destinations") as span:
            await hosts.heard()
            host = hosts.claim(request, app[ACTOR].chance, span)
        try:
            await cast(app, compute(host.name), BuildAndRunInstance(request))
        except BusUnavailable:
            hosts.release(host.name, request.server_id)
            raise
    except (NoValidHost, BusUnavailable) as error:
        await cast(app, API, InstanceUpdate(request.server_id, vm_state="error", fault=str(error)))
        raise


async def update_service_capabilities(app: web.Application, call: UpdateServiceCapabilities) -> None:
    """Hear what a host has."""
    app[HOSTS].report(call)


async def delete_instance_info(app: web.Application, call: DeleteInstanceInfo) -> None:
    """Hear that a server is gone from a host."""
    annotate(server__id=call.server_id)
    app[HOSTS].release(call.host, call.server_id)

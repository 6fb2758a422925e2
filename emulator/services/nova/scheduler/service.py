"""nova-scheduler: chooses the best host for a server among those that reported, and claims its resources."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web
from opentelemetry.trace import Span

from emulator.runtime.amqp_connection import BusUnavailable
from emulator.runtime.request_context import annotate
from emulator.runtime.seeded_random import SeededRandom
from emulator.runtime.service import SERVICE_CONTEXT, Service
from emulator.runtime.simulated_work import simulated_work, value_or_fault
from emulator.runtime.spans import event
from emulator.services.config import ServiceConfig
from emulator.services.nova.inventory import HostSeen, ListHosts
from emulator.services.nova.messages import (
    API,
    SCHEDULER,
    SCHEDULER_FANOUT,
    BuildAndRunInstance,
    DeleteInstanceInfo,
    InstanceUpdate,
    SelectDestinations,
    Size,
    UpdateServiceCapabilities,
    compute,
)
from emulator.services.oslo.messaging import cast, consumer

__all__ = ["heard_of", "service"]

UP_SECONDS = 30.0  # a host reports every 10 s: three times silent is down
FIRST_REPORT_SECONDS = 5.0
UNCONFIRMED_SECONDS = 60.0  # a host reports a server from the moment that it begins to build it


class NoHostLeft(Exception):
    """The server failed on some hosts, and no other one can hold it."""

    def __init__(self, call: SelectDestinations) -> None:
        super().__init__(
            "Exceeded maximum number of retries. Exhausted all hosts available for retrying build failures "
            f"for instance {call.request.server_id}. Last exception: {call.why}"
        )


class NoValidHost(Exception):
    """No host can hold the server."""

    def __init__(self, size: Size, largest_free_mb: int, hosts: int, requested_host: str | None) -> None:
        only = "" if requested_host is None else f", requested_host={requested_host}"
        super().__init__(
            "No valid host was found. There are not enough hosts available: "
            f"requested_ram_mb={size.ram_mb}, requested_vcpus={size.vcpus}, requested_disk_gb={size.disk_gb}, "
            f"largest_free_ram_mb={largest_free_mb}, hosts={hosts}{only}."
        )


@dataclass(frozen=True, slots=True)
class Claim:
    """What a server takes of a host. Once `lapses` has passed, a report that does not name the server ends it."""

    size: Size
    lapses: float


@dataclass(slots=True)
class Host:
    """A compute host as it reported itself, and what is claimed on it, by server."""

    name: str
    total: Size
    reported: float
    up: bool = True
    claims: dict[str, Claim] = field(default_factory=dict)

    def report(self, said: UpdateServiceCapabilities) -> None:
        """Take over what the host reports. Claims for servers that it has not heard of yet stay, but not for ever."""
        now = time.monotonic()
        waiting = {server_id: claim for server_id, claim in self.claims.items() if claim.lapses > now}
        confirmed = {server_id: Claim(size, lapses=now) for server_id, size in said.instances.items()}
        self.total, self.reported, self.up, self.claims = said.total, now, said.up, {**waiting, **confirmed}

    def claim(self, server_id: str, size: Size) -> None:
        """Set aside what a server takes."""
        self.claims[server_id] = Claim(size, time.monotonic() + UNCONFIRMED_SECONDS)

    @property
    def is_up(self) -> bool:
        """Whether it takes servers, and has reported lately."""
        return self.up and time.monotonic() - self.reported < UP_SECONDS

    @property
    def claimed(self) -> Size:
        """What its servers take."""
        sizes = [claim.size for claim in self.claims.values()]
        return Size(
            sum(size.ram_mb for size in sizes), sum(size.vcpus for size in sizes), sum(size.disk_gb for size in sizes)
        )

    @property
    def free(self) -> Size:
        """What nobody has claimed."""
        total, claimed = self.total, self.claimed
        return Size(total.ram_mb - claimed.ram_mb, total.vcpus - claimed.vcpus, total.disk_gb - claimed.disk_gb)


Filter = Callable[[Host, Size], bool]

FILTERS: dict[str, Filter] = {
    "ComputeFilter": lambda host, _: host.is_up,
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
        """Take over what a host reports."""
        self._hosts.setdefault(said.host, Host(said.host, said.total, 0.0)).report(said)
        self._heard.set()

    def seen(self) -> list[HostSeen]:
        """Return what is known of each host, in the order in which they were first heard of."""
        now = time.monotonic()
        return [
            HostSeen(host.name, host.total, host.claimed, len(host.claims), host.is_up, now - host.reported)
            for host in self._hosts.values()
        ]

    async def heard(self, count: int = 1) -> None:
        """Wait until so many hosts have reported: a scheduler that has just started knows of none. Not for long."""
        try:
            async with asyncio.timeout(FIRST_REPORT_SECONDS):
                while len(self._hosts) < count:
                    self._heard.clear()
                    await self._heard.wait()
        except TimeoutError:
            return

    def claim(self, call: SelectDestinations, rng: SeededRandom, span: Span) -> Host:
        """Choose a host and claim the server's resources on it, none of those that were tried. Raises NoValidHost."""
        request = call.request
        for name in call.tried:
            self.release(name, request.server_id)
        for host in self._hosts.values():
            if request.server_id in host.claims:
                return host
        known = sorted(self._hosts.values(), key=lambda host: host.name)
        host = choose_host(known, call, rng, span)
        host.claim(request.server_id, request.size)
        return host

    def release(self, host_name: str | None, server_id: str) -> None:
        """Give back what a server had claimed, on any host for None."""
        for host in self._hosts.values():
            if host_name in {None, host.name}:
                host.claims.pop(server_id, None)


HOSTS = web.AppKey("hosts", Hosts)


def choose_host(hosts: list[Host], call: SelectDestinations, rng: SeededRandom, span: Span) -> Host:
    """Return the host with the most free RAM of those that pass all filters; the span tells how it came about."""
    left, request = hosts, call.request
    for name, passes in {**_filters_for(call), **FILTERS}.items():
        before = left
        left = value_or_fault(name, right=[host for host in left if passes(host, request.size)], wrong=list)
        passed = {
            "openstack.scheduler.filter": name,
            "openstack.scheduler.hosts.before": [host.name for host in before],
            "openstack.scheduler.hosts.after": [host.name for host in left],
        }
        event(span, "filter", passed)
    if not left:
        largest = max((host.free.ram_mb for host in hosts), default=0)
        raise NoValidHost(request.size, largest, len(hosts), request.requested_host)
    most = max(host.free.ram_mb for host in left)
    best = [host for host in left if host.free.ram_mb == most]
    chosen = rng.draw("tie", request.server_id, *call.tried).choice(best)
    weights = {f"openstack.scheduler.weight.{host.name}": host.free.ram_mb for host in left}
    event(span, "weigher", {"openstack.scheduler.weigher": "RAMWeigher", **weights})
    span.set_attribute("openstack.scheduler.host", chosen.name)
    return chosen


def _filters_for(call: SelectDestinations) -> dict[str, Filter]:
    """What a host must pass for this server alone, which most have no need of."""
    requested, tried = call.request.requested_host, call.tried
    filters: dict[str, Filter] = {}
    if requested is not None:
        filters["RequestedDestinationFilter"] = lambda host, _: host.name == requested
    if tried:
        filters["RetryFilter"] = lambda host, _: host.name not in tried
    return filters


def service(_: ServiceConfig) -> Service:
    """Build nova-scheduler."""
    return Service(
        "nova-scheduler",
        state={HOSTS: Hosts()},
        lock="nova-scheduler",
        consumers=lambda app: [
            consumer(
                app,
                SCHEDULER_FANOUT,
                {UpdateServiceCapabilities: update_service_capabilities, DeleteInstanceInfo: delete_instance_info},
                repeated=(UpdateServiceCapabilities,),
            ),
            consumer(app, SCHEDULER, {SelectDestinations: select_destinations, ListHosts: list_hosts}),
        ],
    )


async def select_destinations(app: web.Application, call: SelectDestinations) -> None:
    """Choose a host for a server and tell it to build; tell nova-api if there is none."""
    request = call.request
    annotate(server__id=request.server_id)
    hosts = app[HOSTS]
    try:
        async with simulated_work("select_destinations") as span:
            await hosts.heard()
            host = hosts.claim(call, app[SERVICE_CONTEXT].rng, span)
            limits = value_or_fault("limits", right=host.total, wrong=lambda: Size(0, 0, 0))
        try:
            await cast(app, compute(host.name), BuildAndRunInstance(request, limits, call.tried))
        except BusUnavailable:
            hosts.release(host.name, request.server_id)
            raise
    except Exception as error:
        fault = NoHostLeft(call) if isinstance(error, NoValidHost) and call.tried else error
        await cast(app, API, InstanceUpdate(request.server_id, vm_state="error", fault=str(fault)))
        raise


async def list_hosts(app: web.Application, _: ListHosts) -> list[HostSeen]:
    """Tell who asks which hosts there are."""
    return app[HOSTS].seen()


async def heard_of(app: web.Application, hosts: int) -> None:
    """Wait until so many hosts have reported, or a few seconds are over."""
    await app[HOSTS].heard(hosts)


async def update_service_capabilities(app: web.Application, call: UpdateServiceCapabilities) -> None:
    """Hear what a host has."""
    app[HOSTS].report(call)


async def delete_instance_info(app: web.Application, call: DeleteInstanceInfo) -> None:
    """Hear that a server is gone from a host."""
    annotate(server__id=call.server_id)
    app[HOSTS].release(call.host, call.server_id)

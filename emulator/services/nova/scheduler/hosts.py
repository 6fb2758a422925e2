"""What the scheduler knows of the compute hosts: their reports, and the resources claimed on them."""

import asyncio
import time
from dataclasses import dataclass, field

from emulator.services.nova.messages import HostSummary, Size, UpdateServiceCapabilities

__all__ = ["Host", "Hosts"]

UP_SECONDS = 30.0  # three report intervals of 10 s
FIRST_REPORT_SECONDS = 5.0  # until a scheduler receives their reports, hosts send them every second
UNCONFIRMED_SECONDS = 60.0  # a host reports a server as soon as it starts to build it


@dataclass(frozen=True, slots=True)
class Claim:
    """The resources that a server uses on a host. Once it has expired, a report without the server ends the claim."""

    size: Size
    expires: float


@dataclass(slots=True)
class Host:
    """A compute host: its last report and the claims on it by server id. Times are of `time.monotonic()`."""

    name: str
    total: Size
    reported: float
    up: bool = True
    claims: dict[str, Claim] = field(default_factory=dict)

    def apply_report(self, report: UpdateServiceCapabilities) -> None:
        """Record a report. Claims of servers that the host does not have yet stay until they expire."""
        now = time.monotonic()
        unconfirmed = {server_id: claim for server_id, claim in self.claims.items() if claim.expires > now}
        # expired at once, so that the next report decides whether the server is still there
        confirmed = {server_id: Claim(size, expires=now) for server_id, size in report.instances.items()}
        self.total, self.reported, self.up = report.total, now, report.up
        self.claims = {**unconfirmed, **confirmed}

    def claim(self, server_id: str, size: Size) -> None:
        """Claim resources for a server that is about to be built on the host."""
        self.claims[server_id] = Claim(size, time.monotonic() + UNCONFIRMED_SECONDS)

    @property
    def is_up(self) -> bool:
        """Whether the host accepts servers and has reported within UP_SECONDS."""
        return self.up and time.monotonic() - self.reported < UP_SECONDS

    @property
    def claimed(self) -> Size:
        """The sum of all claims."""
        sizes = [claim.size for claim in self.claims.values()]
        return Size(
            sum(size.ram_mb for size in sizes), sum(size.vcpus for size in sizes), sum(size.disk_gb for size in sizes)
        )

    @property
    def free(self) -> Size:
        """The resources that are not claimed."""
        total, claimed = self.total, self.claimed
        return Size(total.ram_mb - claimed.ram_mb, total.vcpus - claimed.vcpus, total.disk_gb - claimed.disk_gb)


class Hosts:
    """All compute hosts that have reported."""

    def __init__(self) -> None:
        self._hosts: dict[str, Host] = {}
        self._report_arrived = asyncio.Event()

    def apply_report(self, report: UpdateServiceCapabilities) -> None:
        """Record a host's report."""
        self._hosts.setdefault(report.host, Host(report.host, report.total, 0.0)).apply_report(report)
        self._report_arrived.set()

    def by_name(self) -> list[Host]:
        """Return all hosts, sorted by name."""
        return sorted(self._hosts.values(), key=lambda host: host.name)

    def summaries(self) -> list[HostSummary]:
        """Return a summary of each host, in the order of their first reports."""
        now = time.monotonic()
        return [
            HostSummary(host.name, host.total, host.claimed, len(host.claims), host.is_up, now - host.reported)
            for host in self._hosts.values()
        ]

    async def wait_for(self, count: int = 1) -> None:
        """Wait until `count` hosts have reported, FIRST_REPORT_SECONDS at most.

        A scheduler that has just started knows no host, and would fail the first boot.
        """
        try:
            async with asyncio.timeout(FIRST_REPORT_SECONDS):
                while len(self._hosts) < count:
                    self._report_arrived.clear()
                    await self._report_arrived.wait()
        except TimeoutError:
            return

    def claimed_for(self, server_id: str) -> Host | None:
        """Return the host on which a server has a claim, or None."""
        return next((host for host in self._hosts.values() if server_id in host.claims), None)

    def release(self, host_name: str | None, server_id: str) -> None:
        """Remove a server's claim on a host, or on all hosts for None."""
        for host in self._hosts.values():
            if host_name in {None, host.name}:
                host.claims.pop(server_id, None)

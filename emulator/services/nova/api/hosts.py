"""The compute hosts and nova's daemons. nova-api calls the scheduler for them, which gets the reports of all hosts."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aiohttp import web

from emulator.services.nova.api.microversions import Microversion
from emulator.services.nova.field_types import ZONE
from emulator.services.nova.messages import SCHEDULER, HostSummary, ListHosts
from emulator.services.oslo.messaging import call

__all__ = ["Daemon", "all_hosts", "daemons", "stable_id"]

REPLY_SECONDS = 3.0
UUIDS_SINCE = (2, 53)
SCHEDULER_HOST = "controller"
INTERNAL_ZONE = "internal"  # nova's `internal_service_availability_zone`


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon of nova, as `os-services` shows it. Numbers start at 1 and follow the order of the first reports."""

    number: int
    binary: str
    host: str
    zone: str
    up: bool
    updated: datetime


async def all_hosts(app: web.Application) -> list[HostSummary]:
    """Return all compute hosts. Raises MessagingTimeout after REPLY_SECONDS without a scheduler, or BusUnavailable."""
    return await call(app, SCHEDULER, ListHosts(), list[HostSummary], REPLY_SECONDS)


async def daemons(app: web.Application) -> list[Daemon]:
    """Return the scheduler, which is up since it answers, and every nova-compute that has reported to it."""
    hosts, now = await all_hosts(app), datetime.now(UTC)
    return [
        Daemon(1, "nova-scheduler", SCHEDULER_HOST, INTERNAL_ZONE, up=True, updated=now),
        *(
            Daemon(number, "nova-compute", host.name, ZONE, host.up, now - timedelta(seconds=host.seconds_ago))
            for number, host in enumerate(hosts, 2)
        ),
    ]


def stable_id(kind: str, name: str, number: int, version: Microversion) -> str | int:
    """Return the id of a hypervisor or daemon: since 2.53 a UUID made from its name, before that its number."""
    if version < UUIDS_SINCE:
        return number
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"openstack-boot-emulator/{kind}/{name}"))

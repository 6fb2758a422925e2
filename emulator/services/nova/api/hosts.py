"""The hosts of the cloud as nova-api shows them. It asks the scheduler, which hears of them all."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aiohttp import web

from emulator.services.nova.api.microversions import Version
from emulator.services.nova.field_types import ZONE
from emulator.services.nova.messages import SCHEDULER, HostSummary, ListHosts
from emulator.services.oslo.messaging import call

__all__ = ["Daemon", "all_hosts", "daemons", "stable_id"]

REPLY_SECONDS = 3.0
IDS_ARE_UUIDS = (2, 53)
SCHEDULER_HOST = "controller"
INTERNAL_ZONE = "internal"


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon of nova that is known to be somewhere. Ids are numbers from 1 on in the order of their first news."""

    number: int
    binary: str
    host: str
    zone: str
    up: bool
    updated: datetime


async def all_hosts(app: web.Application) -> list[HostSummary]:
    """Return all compute hosts. Raises MessagingTimeout and BusUnavailable, soon, where no scheduler answers."""
    return await call(app, SCHEDULER, ListHosts(), list[HostSummary], REPLY_SECONDS)


async def daemons(app: web.Application) -> list[Daemon]:
    """Return the daemons: the scheduler, since it has answered, and every nova-compute that it has heard of."""
    hosts, now = await all_hosts(app), datetime.now(UTC)
    return [
        Daemon(1, "nova-scheduler", SCHEDULER_HOST, INTERNAL_ZONE, up=True, updated=now),
        *(
            Daemon(number, "nova-compute", host.name, ZONE, host.up, now - timedelta(seconds=host.seconds_ago))
            for number, host in enumerate(hosts, 2)
        ),
    ]


def stable_id(kind: str, name: str, number: int, version: Version) -> str | int:
    """Return the id of a host or a daemon: a UUID that follows from its name, in old microversions its number."""
    if version < IDS_ARE_UUIDS:
        return number
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"openstack-boot-emulator/{kind}/{name}"))

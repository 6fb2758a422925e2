"""What neutron tells nova of a server that is built: which floating IPs lead to it.

Real neutron calls nova-api for this (os-server-external-events), and nova-compute then asks what has changed. Here the
message says it all. It is sent only where there is a floating IP: an ordinary boot has none.
"""

import logging
from typing import ClassVar

import msgspec
from aiohttp import web

from emulator.runtime.amqp_bus import Unroutable
from emulator.runtime.amqp_connection import BusUnavailable
from emulator.runtime.amqp_topology import Destination
from emulator.services.oslo.messaging import cast

__all__ = ["NEUTRON_FANOUT", "FloatingAddress", "NetworkChanged", "notify_nova"]

NEUTRON_FANOUT = Destination("neutron_fanout", fanout=True)

log = logging.getLogger(__name__)


class FloatingAddress(msgspec.Struct, frozen=True):
    """A floating IP, and the address that it leads to: that of the port which has the MAC address."""

    address: str
    fixed_address: str
    mac_address: str


class NetworkChanged(msgspec.Struct, frozen=True):
    """To nova-api: these floating IPs, and no others, lead to a server."""

    METHOD: ClassVar[str] = "network_changed"
    server_id: str
    floating: tuple[FloatingAddress, ...]


async def notify_nova(app: web.Application, change: NetworkChanged) -> None:
    """Tell nova-api, if it can be told: neutron has done its part, and what it answers does not depend on nova."""
    try:
        await cast(app, NEUTRON_FANOUT, change)
    except (BusUnavailable, Unroutable) as away:
        log.debug("nova does not hear of the floating IPs of %s: %s", change.server_id, away)

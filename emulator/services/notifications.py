"""Neutron's notification to nova about the floating IPs and security groups of a server.

Real neutron POSTs a `network-changed` event to nova-api's `os-server-external-events` when a server's port changes, and
nova-compute then fetches the addresses again; the security groups nova-api reads from neutron whenever it shows a
server. Here one message carries all of them, and is sent only when floating IPs change, or when a port of a server has
other groups than its project's `default`: a boot without either has the steps of Figure 1.8 and no others.
"""

import logging
from typing import ClassVar

import msgspec
from aiohttp import web

from emulator.runtime.amqp_bus import Unroutable
from emulator.runtime.amqp_session import BusUnavailable
from emulator.runtime.amqp_topology import Destination
from emulator.services.oslo.messaging import cast

__all__ = ["NEUTRON_FANOUT", "FloatingAddress", "NetworkChanged", "notify_nova"]

NEUTRON_FANOUT = Destination("neutron_fanout", fanout=True)

log = logging.getLogger(__name__)


class FloatingAddress(msgspec.Struct, frozen=True):
    """A floating IP, and the fixed address and MAC address of the port that it is associated with."""

    address: str
    fixed_address: str
    mac_address: str


class NetworkChanged(msgspec.Struct, frozen=True):
    """The message to nova-api: a server has these floating IPs and no others, and its ports have these groups."""

    METHOD: ClassVar[str] = "network_changed"
    server_id: str
    floating: tuple[FloatingAddress, ...]
    security_groups: tuple[str, ...]
    """Names of security groups: those of the first port, then those of the next …"""


async def notify_nova(app: web.Application, change: NetworkChanged) -> None:
    """Send the message to nova-api. An unavailable bus is only logged: neutron's answer does not depend on it."""
    try:
        await cast(app, NEUTRON_FANOUT, change)
    except (BusUnavailable, Unroutable) as error:
        log.debug("nova was not notified of the network of %s: %s", change.server_id, error)

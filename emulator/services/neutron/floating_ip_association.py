"""Where floating IPs lead: which port a caller may choose, and that nova hears of it if a server has the port."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address

from aiohttp import web

from emulator.runtime import errors
from emulator.services.auth import Identity
from emulator.services.neutron.addresses import WantedIp
from emulator.services.neutron.cidrs import read_address
from emulator.services.neutron.database import DATABASE, Database
from emulator.services.neutron.models import Address, FixedIp, FloatingIp, Port
from emulator.services.notifications import FloatingAddress, NetworkChanged, notify_nova

__all__ = ["BadRequest", "associate", "check_keeps", "device_of", "disassociate", "tell"]


class BadRequest(errors.BadRequest):
    """What neutron words as a bad request of a kind of thing."""

    error_type = "neutron.BadRequest"

    def __init__(self, resource: str, message: str) -> None:
        super().__init__(f"Bad {resource} request: {message}.")


class FloatingIPPortAlreadyAssociated(errors.Conflict):
    """The fixed IP has a floating IP of the same network already."""

    error_type = "neutron.FloatingIPPortAlreadyAssociated"

    def __init__(self, floating: FloatingIp, port: Port, fixed: Address) -> None:
        super().__init__(
            f"Cannot associate floating IP {floating.floating.address} ({floating.id}) with port {port.id} using "
            f"fixed IP {fixed}, as that fixed IP already has a floating IP on external network {floating.network_id}."
        )


class ExternalGatewayForFloatingIPNotFound(errors.NotFound):
    """The port is on an external network, and no router leads from one to another."""

    error_type = "neutron.ExternalGatewayForFloatingIPNotFound"

    def __init__(self, floating: FloatingIp, port: Port, subnet_id: str) -> None:
        super().__init__(
            f"External network {floating.network_id} is not reachable from subnet {subnet_id}.  "
            f"Therefore, cannot associate Port {port.id} with a Floating IP."
        )


def associate(database: Database, who: Identity, floating: FloatingIp, port_id: str, wanted: str | None) -> None:
    """Let a floating IP lead to the address of a port that is `wanted`, or to its only one.

    Networks of projects count as having a router to every external network. Raises BadRequest, Conflict and NotFound.
    """
    port = database.port(port_id, who)
    if port.project_id != floating.project_id and not who.is_admin:
        raise _bad(
            f"Cannot process floating IP association with Port {port.id}, since that port is owned by a "
            "different tenant"
        )
    fixed = _only_one(port) if wanted is None else _wanted(port, wanted)
    if database.networks[port.network_id].external:
        raise ExternalGatewayForFloatingIPNotFound(floating, port, fixed.subnet_id)
    for other in database.floating_ips_to(port.id):
        if other is not floating and (other.fixed, other.network_id) == (fixed.address, floating.network_id):
            raise FloatingIPPortAlreadyAssociated(floating, port, fixed.address)
    floating.port_id, floating.fixed = port.id, fixed.address


def disassociate(floating_ips: Sequence[FloatingIp]) -> bool:
    """Let floating IPs lead nowhere. Return whether there are any."""
    for floating in floating_ips:
        floating.port_id = floating.fixed = None
        floating.stamp.touch()
    return bool(floating_ips)


def check_keeps(database: Database, port: Port, wanted: Iterable[WantedIp]) -> None:
    """Raise BadRequest if a port is to lose an address that a floating IP leads to."""
    kept = {each.ip_address for each in wanted}
    if any(str(floating.fixed) not in kept for floating in database.floating_ips_to(port.id)):
        raise BadRequest(
            "port",
            f"Cannot update the fixed_ips of the port {port.id}, because its original fixed_ip has been associated "
            "to a floating ip",
        )


def device_of(port: Port | None) -> str | None:
    """Return the id of the server that has a port, if one has."""
    return port.device_id or None if port is not None and port.device_owner.startswith("compute:") else None


async def tell(app: web.Application, *servers: str | None) -> None:
    """Tell nova which floating IPs lead to these servers now."""
    for server_id in dict.fromkeys(filter(None, servers)):
        ports = [port for port in app[DATABASE].ports.values() if port.device_id == server_id]
        addresses = tuple(
            FloatingAddress(str(floating.floating.address), str(floating.fixed), port.mac_address)
            for port in ports
            for floating in app[DATABASE].floating_ips_to(port.id)
        )
        await notify_nova(app, NetworkChanged(server_id, addresses))


def _only_one(port: Port) -> FixedIp:
    candidates = [fixed for fixed in port.fixed_ips if isinstance(fixed.address, IPv4Address)]
    if not candidates:
        raise _bad(f"Cannot add floating IP to port {port.id} that has no fixed IPv4 addresses")
    if len(candidates) > 1:
        raise _bad(
            f"Port {port.id} has multiple fixed IPv4 addresses.  Must provide a specific IPv4 address when "
            "assigning a floating IP"
        )
    return candidates[0]


def _wanted(port: Port, text: str) -> FixedIp:
    address = read_address(text, "fixed_ip_address")
    if not isinstance(address, IPv4Address):
        raise _bad(f"Cannot process floating IP association with {address}, since that is not an IPv4 address")
    for fixed in port.fixed_ips:
        if fixed.address == address:
            return fixed
    raise _bad(f"Port {port.id} does not have fixed ip {address}")


def _bad(message: str) -> BadRequest:
    return BadRequest("floatingip", message)

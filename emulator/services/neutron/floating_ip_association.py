"""The association of floating IPs with ports."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address

from emulator.runtime import errors
from emulator.services.auth import Identity
from emulator.services.neutron.addresses import RequestedIp
from emulator.services.neutron.cidrs import read_address
from emulator.services.neutron.database import Database
from emulator.services.neutron.models import Address, FixedIp, FloatingIp, Port

__all__ = ["BadRequest", "associate", "check_associated_addresses_kept", "disassociate"]


class BadRequest(errors.BadRequest):
    """Neutron's generic error for a request that is invalid for its resource."""

    error_type = "neutron.BadRequest"

    def __init__(self, resource: str, message: str) -> None:
        super().__init__(f"Bad {resource} request: {message}.")


class FloatingIPPortAlreadyAssociated(errors.Conflict):
    """The fixed IP already has a floating IP of the same external network."""

    error_type = "neutron.FloatingIPPortAlreadyAssociated"

    def __init__(self, floating: FloatingIp, port: Port, fixed: Address) -> None:
        super().__init__(
            f"Cannot associate floating IP {floating.external.address} ({floating.id}) with port {port.id} using "
            f"fixed IP {fixed}, as that fixed IP already has a floating IP on external network {floating.network_id}."
        )


class ExternalGatewayForFloatingIPNotFound(errors.NotFound):
    """The port is on an external network, from which no router leads to another."""

    error_type = "neutron.ExternalGatewayForFloatingIPNotFound"

    def __init__(self, floating: FloatingIp, port: Port, subnet_id: str) -> None:
        super().__init__(
            f"External network {floating.network_id} is not reachable from subnet {subnet_id}.  "
            f"Therefore, cannot associate Port {port.id} with a Floating IP."
        )


def associate(database: Database, caller: Identity, floating: FloatingIp, port_id: str, requested: str | None) -> None:
    """Associate a floating IP with the requested address of a port, or with its only one.

    There are no routers here: every network counts as routed to every external one. Raises BadRequest, Conflict and
    NotFound.
    """
    port = database.port(port_id, caller)
    if port.project_id != floating.project_id and not caller.is_admin:
        raise _bad(
            f"Cannot process floating IP association with Port {port.id}, since that port is owned by a "
            "different tenant"
        )
    fixed = _only_address(port) if requested is None else _requested_address(port, requested)
    if database.networks[port.network_id].external:
        raise ExternalGatewayForFloatingIPNotFound(floating, port, fixed.subnet_id)
    for other in database.floating_ips_of(port.id):
        if other is not floating and (other.fixed, other.network_id) == (fixed.address, floating.network_id):
            raise FloatingIPPortAlreadyAssociated(floating, port, fixed.address)
    floating.port_id, floating.fixed = port.id, fixed.address


def disassociate(floating_ips: Sequence[FloatingIp]) -> bool:
    """Disassociate floating IPs from their ports. Returns whether there were any."""
    for floating in floating_ips:
        floating.port_id = floating.fixed = None
        floating.revision.bump()
    return bool(floating_ips)


def check_associated_addresses_kept(database: Database, port: Port, requested: Iterable[RequestedIp]) -> None:
    """Raise BadRequest if a port's new fixed IPs lack an address that a floating IP is associated with."""
    kept = {fixed.ip_address for fixed in requested}
    if any(str(floating.fixed) not in kept for floating in database.floating_ips_of(port.id)):
        raise BadRequest(
            "port",
            f"Cannot update the fixed_ips of the port {port.id}, because its original fixed_ip has been associated "
            "to a floating ip",
        )


def _only_address(port: Port) -> FixedIp:
    candidates = [fixed for fixed in port.fixed_ips if isinstance(fixed.address, IPv4Address)]
    if not candidates:
        raise _bad(f"Cannot add floating IP to port {port.id} that has no fixed IPv4 addresses")
    if len(candidates) > 1:
        raise _bad(
            f"Port {port.id} has multiple fixed IPv4 addresses.  Must provide a specific IPv4 address when "
            "assigning a floating IP"
        )
    return candidates[0]


def _requested_address(port: Port, text: str) -> FixedIp:
    address = read_address(text, "fixed_ip_address")
    if not isinstance(address, IPv4Address):
        raise _bad(f"Cannot process floating IP association with {address}, since that is not an IPv4 address")
    for fixed in port.fixed_ips:
        if fixed.address == address:
            return fixed
    raise _bad(f"Port {port.id} does not have fixed ip {address}")


def _bad(message: str) -> BadRequest:
    return BadRequest("floatingip", message)

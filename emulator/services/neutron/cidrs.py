"""The address ranges of a subnet: its CIDR, its gateway and its allocation pools."""

from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_interface
from itertools import pairwise
from typing import TypeVar

from msgspec import Struct

from emulator.runtime.errors import BadRequest, Conflict
from emulator.services.neutron.models import Address, Cidr, Pool

__all__ = [
    "InvalidInput",
    "RequestedPool",
    "check_gateway_outside_pools",
    "check_overlap",
    "default_gateway",
    "default_pools",
    "read_address",
    "read_cidr",
    "read_gateway",
    "read_pools",
    "usable_range",
]

T = TypeVar("T")

IPV4 = 4
LONGEST_PREFIX_WITH_BROADCAST = 30
"""The longest IPv4 prefix with network and broadcast addresses; /31 and /32 have none (RFC 3021)."""


class InvalidInput(BadRequest):
    """The attributes of a request contradict each other or the state of the network."""

    error_type = "neutron.InvalidInput"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid input for operation: {reason}.")


class InvalidAllocationPool(BadRequest):
    """An allocation pool ends before it begins, or its ends are not addresses."""

    error_type = "neutron.InvalidAllocationPool"

    def __init__(self, pool: str) -> None:
        super().__init__(f"The allocation pool {pool} is not valid.")


class OutOfBoundsAllocationPool(BadRequest):
    """An allocation pool has addresses outside the subnet."""

    error_type = "neutron.OutOfBoundsAllocationPool"

    def __init__(self, pool: Pool, cidr: Cidr) -> None:
        super().__init__(f"The allocation pool {pool} spans beyond the subnet cidr {cidr}.")


class OverlappingAllocationPools(Conflict):
    """Two allocation pools have an address in common."""

    error_type = "neutron.OverlappingAllocationPools"

    def __init__(self, one: Pool, other: Pool, cidr: Cidr) -> None:
        super().__init__(f"Found overlapping allocation pools: {one} {other} for subnet {cidr}.")


class GatewayConflictWithAllocationPools(Conflict):
    """The gateway's address is in an allocation pool."""

    error_type = "neutron.GatewayConflictWithAllocationPools"

    def __init__(self, gateway: Address, pool: Pool) -> None:
        super().__init__(f"Gateway ip {gateway} conflicts with allocation pool {pool}.")


class RequestedPool(Struct):
    """An entry of `allocation_pools` in a request."""

    start: str
    end: str


def read_cidr(text: str, ip_version: int, field: str = "cidr") -> Cidr:
    """Parse a CIDR. Host bits, as in 10.0.0.7/24, are cleared. Raises BadRequest, which names the field.

    An IPv6 address may be written in any form, an IPv4 address only in one: `validate_subnet` in
    `neutron_lib.api.validators`. The host bits are cleared in `_create_subnet_precommit` of `neutron.db`.
    """
    interface = _parse(ip_interface, text)
    if interface is None or "/" not in text or (interface.version == IPV4 and str(interface) != text):
        raise BadRequest(f"Invalid input for {field}. Reason: '{text}' is not a valid IP subnet.")
    if interface.version != ip_version:
        raise InvalidInput(f"{field} '{text}' does not match the ip_version '{ip_version}'")
    return interface.network


def check_overlap(cidr: Cidr, others: Iterable[Cidr], network_id: str) -> None:
    """Raise InvalidInput if the CIDR overlaps with another one of the network."""
    for other in others:
        if cidr.version == other.version and cidr.overlaps(other):
            raise InvalidInput(
                f"Requested subnet with cidr: {cidr} for network: {network_id} overlaps with another subnet"
            )


def usable_range(cidr: Cidr) -> Pool:
    """Return the addresses of a CIDR that can be allocated to devices."""
    first, last = cidr.network_address, cidr.broadcast_address
    if isinstance(cidr, IPv4Network) and cidr.prefixlen <= LONGEST_PREFIX_WITH_BROADCAST:
        return Pool(first + 1, last - 1)
    if isinstance(cidr, IPv6Network) and first != last:
        return Pool(first + 1, last)  # the first is the subnet-router anycast address (RFC 4291, section 2.6.1)
    return Pool(first, last)


def default_gateway(cidr: Cidr) -> Address | None:
    """Return the gateway of a subnet if the request has none: its first address, unless that is the only one."""
    addresses = usable_range(cidr)
    return addresses.first if addresses.size > 1 else None


def read_gateway(text: str | None, cidr: Cidr) -> Address | None:
    """Parse a gateway's address, which may be outside the subnet. Raises BadRequest.

    In the subnet it cannot be the network's or the broadcast address: `check_gateway_invalid_in_subnet` in
    `neutron.ipam.utils`.
    """
    if text is None:
        return None
    gateway = read_address(text, "gateway_ip")
    if gateway.version != cidr.version:
        raise InvalidInput(f"gateway_ip '{text}' does not match the ip_version '{cidr.version}'")
    if isinstance(cidr, IPv4Network) and gateway in cidr and gateway not in usable_range(cidr):
        raise InvalidInput("Gateway is not valid on subnet")
    return gateway


def read_address(text: str, field: str) -> Address:
    """Parse an address. Raises BadRequest, which names the field."""
    address = _parse(ip_address, text)
    if address is None:
        raise BadRequest(f"Invalid input for {field}. Reason: '{text}' is not a valid IP address.")
    return address


def default_pools(cidr: Cidr, gateway: Address | None) -> list[Pool]:
    """Return the pools of a subnet if the request has none: all addresses but the gateway."""
    whole = usable_range(cidr)
    if gateway is None or gateway not in whole:
        return [whole]
    parts = []
    if gateway != whole.first:
        parts.append(Pool(whole.first, gateway - 1))
    if gateway != whole.last:
        parts.append(Pool(gateway + 1, whole.last))
    return parts


def read_pools(requested: Sequence[RequestedPool], cidr: Cidr, gateway: Address | None) -> list[Pool]:
    """Parse allocation pools. Raises BadRequest or Conflict if they do not fit the subnet or each other."""
    pools = sorted((_read_pool(pool, cidr) for pool in requested), key=lambda pool: int(pool.first))
    for one, other in pairwise(pools):
        if int(one.last) >= int(other.first):
            raise OverlappingAllocationPools(one, other, cidr)
    check_gateway_outside_pools(gateway, pools)
    return pools


def check_gateway_outside_pools(gateway: Address | None, pools: Iterable[Pool]) -> None:
    """Raise GatewayConflictWithAllocationPools if the gateway's address could be allocated to a port."""
    for pool in pools:
        if gateway is not None and gateway in pool:
            raise GatewayConflictWithAllocationPools(gateway, pool)


def _parse(parse: Callable[[str], T], text: str) -> T | None:
    """Return what an address or a CIDR means, None if it is invalid. A zone, as in fe80::1%eth0, is invalid too."""
    try:
        return None if "%" in text else parse(text)
    except ValueError:
        return None


def _read_pool(requested: RequestedPool, cidr: Cidr) -> Pool:
    text = f"{requested.start}-{requested.end}"
    first, last = _parse(ip_address, requested.start), _parse(ip_address, requested.end)
    if first is None or last is None:
        raise InvalidAllocationPool(text)
    pool = Pool(first, last)
    if pool.first.version != cidr.version or pool.last.version != cidr.version or pool.size < 1:
        raise InvalidAllocationPool(text)
    if pool.first not in usable_range(cidr) or pool.last not in usable_range(cidr):
        raise OutOfBoundsAllocationPool(pool, cidr)
    return pool

"""The ranges of a subnet: its CIDR, its gateway, and the pools that addresses are given from."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import pairwise

from msgspec import Struct

from emulator.runtime.errors import BadRequest, Conflict
from emulator.services.neutron.models import Address, Cidr, Pool

__all__ = [
    "InvalidInput",
    "WantedPool",
    "check_overlap",
    "gateway_of",
    "pools_of",
    "read_address",
    "read_cidr",
    "read_gateway",
    "read_pools",
    "usable",
]

SMALLEST_WITH_BROADCAST = 30
"""An IPv4 network with a longer prefix has no addresses for itself and for all."""


class InvalidInput(BadRequest):
    """What is asked for cannot be."""

    error_type = "neutron.InvalidInput"

    def __init__(self, why: str) -> None:
        super().__init__(f"Invalid input for operation: {why}.")


class InvalidAllocationPool(BadRequest):
    """A pool ends before it begins, or its ends are no addresses."""

    error_type = "neutron.InvalidAllocationPool"

    def __init__(self, pool: str) -> None:
        super().__init__(f"The allocation pool {pool} is not valid.")


class OutOfBoundsAllocationPool(BadRequest):
    """A pool has addresses that the subnet has not."""

    error_type = "neutron.OutOfBoundsAllocationPool"

    def __init__(self, pool: Pool, cidr: Cidr) -> None:
        super().__init__(f"The allocation pool {pool} spans beyond the subnet cidr {cidr}.")


class OverlappingAllocationPools(Conflict):
    """Two pools have an address in common."""

    error_type = "neutron.OverlappingAllocationPools"

    def __init__(self, one: Pool, other: Pool, cidr: Cidr) -> None:
        super().__init__(f"Found overlapping allocation pools: {one} {other} for subnet {cidr}.")


class GatewayConflictWithAllocationPools(Conflict):
    """The gateway's address is in a pool."""

    error_type = "neutron.GatewayConflictWithAllocationPools"

    def __init__(self, gateway: Address, pool: Pool) -> None:
        super().__init__(f"Gateway ip {gateway} conflicts with allocation pool {pool}.")


class WantedPool(Struct):
    """A pool as a caller writes it."""

    start: str
    end: str


def read_cidr(text: str, ip_version: int, field: str = "cidr") -> Cidr:
    """Return what a caller calls a CIDR. Raises BadRequest that names the field."""
    try:
        cidr = ip_network(text, strict=False)
    except ValueError:
        raise BadRequest(f"Invalid input for {field}. Reason: '{text}' is not a valid IP subnet.") from None
    if "/" in text and not text.lower().startswith(f"{cidr.network_address}/"):
        hint = f"'{text}' isn't a recognized IP subnet cidr, '{cidr}' is recommended"
        raise BadRequest(f"Invalid input for {field}. Reason: {hint}.")
    if cidr.version != ip_version:
        raise InvalidInput(f"{field} '{text}' does not match the ip_version '{ip_version}'")
    return cidr


def check_overlap(cidr: Cidr, others: Iterable[Cidr], network_id: str) -> None:
    """Raise InvalidInput if a network has addresses of this range already."""
    for other in others:
        if cidr.version == other.version and cidr.overlaps(other):
            raise InvalidInput(
                f"Requested subnet with cidr: {cidr} for network: {network_id} overlaps with another subnet"
            )


def usable(cidr: Cidr) -> Pool:
    """Return the addresses that a device can have."""
    first, last = cidr.network_address, cidr.broadcast_address
    if isinstance(cidr, IPv4Network) and cidr.prefixlen <= SMALLEST_WITH_BROADCAST:
        return Pool(first + 1, last - 1)
    if isinstance(cidr, IPv6Network) and first != last:
        return Pool(first + 1, last)  # the first is for any router
    return Pool(first, last)


def gateway_of(cidr: Cidr) -> Address | None:
    """Return the gateway that a subnet has if none is named: its first address, if it has another."""
    addresses = usable(cidr)
    return addresses.first if addresses.size > 1 else None


def read_gateway(text: str | None, cidr: Cidr) -> Address | None:
    """Return the gateway that a caller names. Raises BadRequest for one that cannot be reached."""
    if text is None:
        return None
    gateway = read_address(text, "gateway_ip")
    if gateway.version != cidr.version:
        raise InvalidInput(f"gateway_ip '{text}' does not match the ip_version '{cidr.version}'")
    if isinstance(cidr, IPv4Network) and gateway not in usable(cidr):
        raise InvalidInput("Gateway is not valid on subnet")
    return gateway


def read_address(text: str, field: str) -> Address:
    """Return what a caller calls an address. Raises BadRequest that names the field."""
    try:
        return ip_address(text)
    except ValueError:
        raise BadRequest(f"Invalid input for {field}. Reason: '{text}' is not a valid IP address.") from None


def pools_of(cidr: Cidr, gateway: Address | None) -> list[Pool]:
    """Return the pools that a subnet has if none are named: all but the gateway."""
    whole = usable(cidr)
    if gateway is None or gateway not in whole:
        return [whole]
    parts = []
    if gateway != whole.first:
        parts.append(Pool(whole.first, gateway - 1))
    if gateway != whole.last:
        parts.append(Pool(gateway + 1, whole.last))
    return parts


def read_pools(wanted: Sequence[WantedPool], cidr: Cidr, gateway: Address | None) -> list[Pool]:
    """Return the pools that a caller names. Raises BadRequest or Conflict if they do not fit."""
    pools = sorted((_read_pool(pool, cidr) for pool in wanted), key=lambda pool: int(pool.first))
    for one, other in pairwise(pools):
        if int(one.last) >= int(other.first):
            raise OverlappingAllocationPools(one, other, cidr)
    for pool in pools:
        if gateway is not None and gateway in pool:
            raise GatewayConflictWithAllocationPools(gateway, pool)
    return pools


def _read_pool(wanted: WantedPool, cidr: Cidr) -> Pool:
    named = f"{wanted.start}-{wanted.end}"
    try:
        pool = Pool(ip_address(wanted.start), ip_address(wanted.end))
    except ValueError:
        raise InvalidAllocationPool(named) from None
    if pool.first.version != cidr.version or pool.last.version != cidr.version or pool.size < 1:
        raise InvalidAllocationPool(named)
    if pool.first not in usable(cidr) or pool.last not in usable(cidr):
        raise OutOfBoundsAllocationPool(pool, cidr)
    return pool

"""The address ranges of a subnet: its CIDR, its gateway and its allocation pools."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import pairwise

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
    """Parse a CIDR. Raises BadRequest, which names the field."""
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
    """Parse a gateway's address. Raises BadRequest for one outside the subnet."""
    if text is None:
        return None
    gateway = read_address(text, "gateway_ip")
    if gateway.version != cidr.version:
        raise InvalidInput(f"gateway_ip '{text}' does not match the ip_version '{cidr.version}'")
    if isinstance(cidr, IPv4Network) and gateway not in usable_range(cidr):
        raise InvalidInput("Gateway is not valid on subnet")
    return gateway


def read_address(text: str, field: str) -> Address:
    """Parse an address. Raises BadRequest, which names the field."""
    try:
        return ip_address(text)
    except ValueError:
        raise BadRequest(f"Invalid input for {field}. Reason: '{text}' is not a valid IP address.") from None


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


def _read_pool(requested: RequestedPool, cidr: Cidr) -> Pool:
    text = f"{requested.start}-{requested.end}"
    try:
        pool = Pool(ip_address(requested.start), ip_address(requested.end))
    except ValueError:
        raise InvalidAllocationPool(text) from None
    if pool.first.version != cidr.version or pool.last.version != cidr.version or pool.size < 1:
        raise InvalidAllocationPool(text)
    if pool.first not in usable_range(cidr) or pool.last not in usable_range(cidr):
        raise OutOfBoundsAllocationPool(pool, cidr)
    return pool

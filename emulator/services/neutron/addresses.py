"""Address allocation (IPAM): gives ports addresses of their network's subnets, and releases them."""

from collections.abc import Iterable, Iterator, Sequence
from random import Random

from msgspec import Struct

from emulator.runtime.errors import BadRequest, Conflict
from emulator.services.neutron.cidrs import InvalidInput, read_address, usable_range
from emulator.services.neutron.models import Address, FixedIp, Subnet

__all__ = ["IpAddressGenerationFailure", "RequestedIp", "allocate", "release"]


class IpAddressGenerationFailure(Conflict):
    """All addresses of the network, or of the requested subnet, are allocated."""

    error_type = "neutron.IpAddressGenerationFailure"

    def __init__(self, network_id: str) -> None:
        super().__init__(f"No more IP addresses available on network {network_id}.")


class IpAddressAlreadyAllocated(Conflict):
    """Another port has the requested address."""

    error_type = "neutron.IpAddressAlreadyAllocated"

    def __init__(self, address: Address, subnet_id: str) -> None:
        super().__init__(f"IP address {address} already allocated in subnet {subnet_id}.")


class InvalidIpForNetwork(BadRequest):
    """No subnet of the network contains the requested address."""

    error_type = "neutron.InvalidIpForNetwork"

    def __init__(self, address: Address) -> None:
        super().__init__(f"IP address {address} is not a valid IP for any of the subnets on the specified network.")


class InvalidIpForSubnet(BadRequest):
    """The requested subnet does not contain the requested address."""

    error_type = "neutron.InvalidIpForSubnet"

    def __init__(self, address: Address) -> None:
        super().__init__(f"IP address {address} is not a valid IP for the specified subnet.")


class RequestedIp(Struct):
    """An entry of `fixed_ips` in a request: an address, any address of a subnet, or both."""

    subnet_id: str | None = None
    ip_address: str | None = None


def allocate(
    network_id: str, subnets: Sequence[Subnet], requested: Sequence[RequestedIp] | None, random: Random
) -> list[FixedIp]:
    """Allocate the requested addresses for a port, or one of each IP version that the network's subnets have.

    Allocates all or none. Raises BadRequest for addresses that are not on the network, Conflict for allocated ones.
    """
    allocated: list[FixedIp] = []
    try:
        for fixed in _allocate_each(network_id, subnets, requested, random):
            allocated.append(fixed)  # noqa: PERF402 - if one fails, those before it must be released
    except (BadRequest, Conflict):
        release(subnets, allocated)
        raise
    return allocated


def release(subnets: Iterable[Subnet], fixed_ips: Iterable[FixedIp]) -> None:
    """Release addresses, so that other ports can have them."""
    by_id = {subnet.id: subnet for subnet in subnets}
    for fixed in fixed_ips:
        by_id[fixed.subnet_id].allocated.discard(fixed.address)


def _allocate_each(
    network_id: str, subnets: Sequence[Subnet], requested: Sequence[RequestedIp] | None, random: Random
) -> Iterator[FixedIp]:
    if requested is not None:
        for each in requested:
            yield _allocate_requested(network_id, subnets, each, random)
        return
    for version in (4, 6):  # as in neutron, a port gets one address of each IP version
        if candidates := [subnet for subnet in subnets if subnet.cidr.version == version]:
            yield _allocate_any(network_id, candidates, random)


def _allocate_requested(network_id: str, subnets: Sequence[Subnet], requested: RequestedIp, random: Random) -> FixedIp:
    candidates = [subnet for subnet in subnets if requested.subnet_id in {None, subnet.id}]
    if requested.subnet_id is not None and not candidates:
        raise InvalidInput(
            f"Failed to create port on network {network_id}, "
            f"because fixed_ips included invalid subnet {requested.subnet_id}"
        )
    if requested.ip_address is None:
        return _allocate_any(network_id, candidates, random)
    address = read_address(requested.ip_address, "fixed_ips")
    for subnet in candidates:
        if address in usable_range(subnet.cidr):
            return _allocate_address(subnet, address)
    raise InvalidIpForNetwork(address) if requested.subnet_id is None else InvalidIpForSubnet(address)


def _allocate_any(network_id: str, subnets: Iterable[Subnet], random: Random) -> FixedIp:
    for subnet in subnets:
        address = _find_free(subnet, random)
        if address is not None:
            return _allocate_address(subnet, address)
    raise IpAddressGenerationFailure(network_id)


def _allocate_address(subnet: Subnet, address: Address) -> FixedIp:
    if address in subnet.allocated:
        raise IpAddressAlreadyAllocated(address, subnet.id)
    subnet.allocated.add(address)
    return FixedIp(subnet.id, address)


def _find_free(subnet: Subnet, random: Random) -> Address | None:
    """Return the first free address after a random position in the pools, None if there is none.

    With a seed the position depends only on the port. Ports that are created at the same time then get the same
    addresses in every run, in whichever order their requests arrive.
    """
    count = sum(pool.size for pool in subnet.pools)
    begin = random.randrange(count) if count else 0
    for offset in range(count):
        address = _address_at(subnet, (begin + offset) % count)
        if address not in subnet.allocated:
            return address
    return None


def _address_at(subnet: Subnet, position: int) -> Address:
    for pool in subnet.pools:
        if position < pool.size:
            return pool.first + position
        position -= pool.size
    raise IndexError(position)

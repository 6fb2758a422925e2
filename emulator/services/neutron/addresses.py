"""Addresses are given to ports and come back. One is never given twice."""

from collections.abc import Iterable, Iterator, Sequence
from random import Random

from msgspec import Struct

from emulator.runtime.errors import BadRequest, Conflict
from emulator.services.neutron.cidrs import InvalidInput, read_address, usable
from emulator.services.neutron.models import Address, FixedIp, Subnet

__all__ = ["IpAddressGenerationFailure", "WantedIp", "give", "take_back"]


class IpAddressGenerationFailure(Conflict):
    """All addresses of the network, or of the subnet that was asked for, are taken."""

    error_type = "neutron.IpAddressGenerationFailure"

    def __init__(self, network_id: str) -> None:
        super().__init__(f"No more IP addresses available on network {network_id}.")


class IpAddressAlreadyAllocated(Conflict):
    """Another port has the address."""

    error_type = "neutron.IpAddressAlreadyAllocated"

    def __init__(self, address: Address, subnet_id: str) -> None:
        super().__init__(f"IP address {address} already allocated in subnet {subnet_id}.")


class InvalidIpForNetwork(BadRequest):
    """No subnet of the network has the address."""

    error_type = "neutron.InvalidIpForNetwork"

    def __init__(self, address: Address) -> None:
        super().__init__(f"IP address {address} is not a valid IP for any of the subnets on the specified network.")


class InvalidIpForSubnet(BadRequest):
    """The subnet that was named has not the address."""

    error_type = "neutron.InvalidIpForSubnet"

    def __init__(self, address: Address) -> None:
        super().__init__(f"IP address {address} is not a valid IP for the specified subnet.")


class WantedIp(Struct):
    """What a caller wants: an address, any one of a subnet, or a certain one of a certain subnet."""

    subnet_id: str | None = None
    ip_address: str | None = None


def give(
    network_id: str, subnets: Sequence[Subnet], wanted: Sequence[WantedIp] | None, random: Random
) -> list[FixedIp]:
    """Take addresses for a port on a network with these subnets: those that are wanted, else one of each IP version.

    All or none: raises BadRequest for what the network has not, Conflict for what is taken.
    """
    given: list[FixedIp] = []
    try:
        for fixed in _chosen(network_id, subnets, wanted, random):
            given.append(fixed)  # noqa: PERF402 - what is there when one fails is taken back
    except (BadRequest, Conflict):
        take_back(subnets, given)
        raise
    return given


def take_back(subnets: Iterable[Subnet], given: Iterable[FixedIp]) -> None:
    """Let addresses be free again."""
    by_id = {subnet.id: subnet for subnet in subnets}
    for fixed in given:
        by_id[fixed.subnet_id].taken.discard(fixed.address)


def _chosen(
    network_id: str, subnets: Sequence[Subnet], wanted: Sequence[WantedIp] | None, random: Random
) -> Iterator[FixedIp]:
    if wanted is not None:
        for each in wanted:
            yield _wanted(network_id, subnets, each, random)
        return
    for version in (4, 6):
        if candidates := [subnet for subnet in subnets if subnet.cidr.version == version]:
            yield _any_of(network_id, candidates, random)


def _wanted(network_id: str, subnets: Sequence[Subnet], wanted: WantedIp, random: Random) -> FixedIp:
    candidates = [subnet for subnet in subnets if wanted.subnet_id in {None, subnet.id}]
    if wanted.subnet_id is not None and not candidates:
        raise InvalidInput(
            f"Failed to create port on network {network_id}, "
            f"because fixed_ips included invalid subnet {wanted.subnet_id}"
        )
    if wanted.ip_address is None:
        return _any_of(network_id, candidates, random)
    address = read_address(wanted.ip_address, "fixed_ips")
    for subnet in candidates:
        if address in usable(subnet.cidr):
            return _take(subnet, address)
    raise InvalidIpForNetwork(address) if wanted.subnet_id is None else InvalidIpForSubnet(address)


def _any_of(network_id: str, subnets: Iterable[Subnet], random: Random) -> FixedIp:
    for subnet in subnets:
        address = _free(subnet, random)
        if address is not None:
            return _take(subnet, address)
    raise IpAddressGenerationFailure(network_id)


def _take(subnet: Subnet, address: Address) -> FixedIp:
    if address in subnet.taken:
        raise IpAddressAlreadyAllocated(address, subnet.id)
    subnet.taken.add(address)
    return FixedIp(subnet.id, address)


def _free(subnet: Subnet, random: Random) -> Address | None:
    """A free address: the next one after a random place, since what is random need not know who came first."""
    count = sum(pool.size for pool in subnet.pools)
    begin = random.randrange(count) if count else 0
    for offset in range(count):
        address = _nth(subnet, (begin + offset) % count)
        if address not in subnet.taken:
            return address
    return None


def _nth(subnet: Subnet, place: int) -> Address:
    for pool in subnet.pools:
        if place < pool.size:
            return pool.first + place
        place -= pool.size
    raise IndexError(place)

"""Provider networks: which types there are, which numbers each has, and that no two networks have the same."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Literal

from msgspec import Meta

from emulator.runtime.errors import ApiError, Conflict
from emulator.services.neutron.cidrs import InvalidInput
from emulator.services.neutron.models import Network

__all__ = ["NetworkType", "SegmentationId", "check_renumbering", "reserve"]

NetworkType = Literal["local", "flat", "vlan", "vxlan", "gre", "geneve"]
SegmentationId = int | Annotated[str, Meta(pattern=r"^-?[0-9]{1,20}$")]
"""A number, or its text: that is what the `openstack` command sends."""

TYPE, PHYSICAL, NUMBER = "provider:network_type", "provider:physical_network", "provider:segmentation_id"

ON_PHYSICAL = ("flat", "vlan")
"""Types that are on a physical network, by its name; the others may not name one."""

NUMBERS = {
    "vlan": range(1, 2**12 - 1),
    "vxlan": range(1, 2**24),
    "geneve": range(1, 2**24),
    "gre": range(1, 2**32),
}
"""The numbers of each type's segments; the other types have none."""


class VlanIdInUse(Conflict):
    """Another network has the VLAN."""

    error_type = "neutron.VlanIdInUse"

    def __init__(self, network: Network) -> None:
        super().__init__(
            f"Unable to create the network. The VLAN {network.segmentation_id} "
            f"on physical network {network.physical_network} is in use."
        )


class FlatNetworkInUse(Conflict):
    """Another flat network is on the physical network, which has room for one."""

    error_type = "neutron.FlatNetworkInUse"

    def __init__(self, network: Network) -> None:
        super().__init__(f"Unable to create the flat network. Physical network {network.physical_network} is in use.")


class TunnelIdInUse(Conflict):
    """Another network of this type has the number."""

    error_type = "neutron.TunnelIdInUse"

    def __init__(self, network: Network) -> None:
        super().__init__(f"Unable to create the network. The tunnel ID {network.segmentation_id} is in use.")


class NoNetworkAvailable(ApiError):
    """All numbers are taken."""

    error_type = "neutron.NoNetworkAvailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self) -> None:
        super().__init__("Unable to create the network. No tenant network is available for allocation.")


def reserve(words: Mapping[str, Any], others: Iterable[Network]) -> dict[str, Any]:
    """Return type, physical network and number of a new network, whose number is free if none is named.

    Raises BadRequest for what does not go together, Conflict for what one of the others has.
    """
    said = {name: words[name] for name in (TYPE, PHYSICAL, NUMBER) if words.get(name) not in {None, ""}}
    if said and TYPE not in said:
        raise InvalidInput(f"{TYPE} required")
    kind, physical, number = said.get(TYPE, "vxlan"), said.get(PHYSICAL), said.get(NUMBER)
    _check_physical(kind, physical)
    _check_number(kind, number)
    alike = [other for other in others if (other.network_type, other.physical_network) == (kind, physical)]
    if number is None and kind in NUMBERS:
        number = _free_number(kind, alike)
    _check_free(kind, number, alike)
    return {TYPE: kind, PHYSICAL: physical, NUMBER: number}


def check_renumbering(network: Network, number: int | None, others: Iterable[Network]) -> None:
    """Raise BadRequest or Conflict where a network cannot get another number. Only VLANs can, as in neutron."""
    if number == network.segmentation_id:
        return
    if network.network_type != "vlan" or number is None:
        raise InvalidInput(f"{NUMBER} can be changed only for a VLAN network, and to a number")
    _check_number("vlan", number)
    key = (network.network_type, network.physical_network)
    _check_free("vlan", number, [o for o in others if (o.network_type, o.physical_network) == key])


def _check_physical(kind: str, physical: str | None) -> None:
    if kind in ON_PHYSICAL and physical is None:
        raise InvalidInput(f"{PHYSICAL} required for {kind} provider network")
    if kind not in ON_PHYSICAL and physical is not None:
        raise InvalidInput(f"{PHYSICAL} prohibited for {kind} provider network")


def _check_number(kind: str, number: int | None) -> None:
    if number is None:
        return
    if kind not in NUMBERS:
        raise InvalidInput(f"{NUMBER} prohibited for {kind} provider network")
    if number not in NUMBERS[kind]:
        numbers = NUMBERS[kind]
        raise InvalidInput(f"{NUMBER} out of range ({numbers[0]} through {numbers[-1]})")


def _free_number(kind: str, alike: Iterable[Network]) -> int:
    taken = {network.segmentation_id for network in alike}
    for number in NUMBERS[kind]:
        if number not in taken:
            return number
    raise NoNetworkAvailable


IN_USE = {"flat": FlatNetworkInUse, "vlan": VlanIdInUse}


def _check_free(kind: str, number: int | None, alike: Iterable[Network]) -> None:
    """Any number of networks are local: each is on a host of its own."""
    for other in alike:
        if kind != "local" and other.segmentation_id == number:
            raise IN_USE.get(kind, TunnelIdInUse)(other)

"""Provider attributes of networks: their type, physical network and segmentation id, which no two networks share.

Source: https://docs.openstack.org/api-ref/network/v2/#provider-extended-attributes
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Literal

from msgspec import Meta

from emulator.runtime.errors import ApiError, Conflict
from emulator.services.neutron.cidrs import InvalidInput
from emulator.services.neutron.models import Network

__all__ = ["NetworkType", "SegmentationId", "assign_provider_attributes", "check_segmentation_id_change"]

NetworkType = Literal["local", "flat", "vlan", "vxlan", "gre", "geneve"]
SegmentationId = int | Annotated[str, Meta(pattern=r"^-?[0-9]{1,20}$")]
"""A number, or its text, which is what the `openstack` command sends."""

TYPE, PHYSICAL, NUMBER = "provider:network_type", "provider:physical_network", "provider:segmentation_id"

ON_PHYSICAL = ("flat", "vlan")
"""The types that need a physical network; the others may not have one."""

NUMBERS = {
    "vlan": range(1, 2**12 - 1),
    "vxlan": range(1, 2**24),
    "geneve": range(1, 2**24),
    "gre": range(1, 2**32),
}
"""The segmentation ids of each type; the other types have none."""


class VlanIdInUse(Conflict):
    """Another network has the VLAN id."""

    error_type = "neutron.VlanIdInUse"

    def __init__(self, network: Network) -> None:
        super().__init__(
            f"Unable to create the network. The VLAN {network.segmentation_id} "
            f"on physical network {network.physical_network} is in use."
        )


class FlatNetworkInUse(Conflict):
    """Another flat network is on the physical network, which can have only one."""

    error_type = "neutron.FlatNetworkInUse"

    def __init__(self, network: Network) -> None:
        super().__init__(f"Unable to create the flat network. Physical network {network.physical_network} is in use.")


class TunnelIdInUse(Conflict):
    """Another network of this type has the segmentation id."""

    error_type = "neutron.TunnelIdInUse"

    def __init__(self, network: Network) -> None:
        super().__init__(f"Unable to create the network. The tunnel ID {network.segmentation_id} is in use.")


class NoNetworkAvailable(ApiError):
    """All segmentation ids are in use."""

    error_type = "neutron.NoNetworkAvailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self) -> None:
        super().__init__("Unable to create the network. No tenant network is available for allocation.")


def assign_provider_attributes(attributes: Mapping[str, Any], others: Iterable[Network]) -> dict[str, Any]:
    """Return the provider attributes of a new network, with a free segmentation id if the request has none.

    Raises BadRequest for attributes that contradict each other, Conflict for values that another network has.
    """
    requested = {name: attributes[name] for name in (TYPE, PHYSICAL, NUMBER) if attributes.get(name) not in {None, ""}}
    if requested and TYPE not in requested:
        raise InvalidInput(f"{TYPE} required")
    kind, physical, number = requested.get(TYPE, "vxlan"), requested.get(PHYSICAL), requested.get(NUMBER)
    _check_physical(kind, physical)
    _check_number(kind, number)
    alike = [other for other in others if (other.network_type, other.physical_network) == (kind, physical)]
    if number is None and kind in NUMBERS:
        number = _free_number(kind, alike)
    _check_free(kind, number, alike)
    return {TYPE: kind, PHYSICAL: physical, NUMBER: number}


def check_segmentation_id_change(network: Network, number: int | None, others: Iterable[Network]) -> None:
    """Raise BadRequest or Conflict if a network cannot get another segmentation id. As in neutron, only VLANs can."""
    if number == network.segmentation_id:
        return
    if network.network_type != "vlan" or number is None:
        raise InvalidInput(f"{NUMBER} can be changed only for a VLAN network, and to a number")
    _check_number("vlan", number)
    key = (network.network_type, network.physical_network)
    _check_free("vlan", number, [other for other in others if (other.network_type, other.physical_network) == key])


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
    used = {network.segmentation_id for network in alike}
    for number in NUMBERS[kind]:
        if number not in used:
            return number
    raise NoNetworkAvailable


IN_USE = {"flat": FlatNetworkInUse, "vlan": VlanIdInUse}


def _check_free(kind: str, number: int | None, alike: Iterable[Network]) -> None:
    """Raise Conflict if a network of this type has the number. Local networks never conflict: each is on one host."""
    for other in alike:
        if kind != "local" and other.segmentation_id == number:
            raise IN_USE.get(kind, TunnelIdInUse)(other)

"""MAC addresses of ports: no two on a network are the same."""

import re

from emulator.runtime.errors import BadRequest, Conflict
from emulator.services.neutron.database import Database
from emulator.services.neutron.models import Port

__all__ = ["check_unique", "free_mac_address", "read_mac_address"]

FORM = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
GROUP = 0x01
"""This bit of the first byte says that an address is of many devices, or of all."""
OURS = 1 << 24
"""How many there are in OpenStack's range, fa:16:3e."""


class MacAddressInUse(Conflict):
    """Another port on the network has the MAC address."""

    error_type = "neutron.MacAddressInUse"

    def __init__(self, network_id: str, mac_address: str) -> None:
        super().__init__(
            f"Unable to complete operation for network {network_id}. The mac address {mac_address} is in use."
        )


def free_mac_address(database: Database, network_id: str, port_id: str) -> str:
    """Return a MAC address that no port on the network has: the one that follows from the port's id, or the next."""
    taken = {port.mac_address for port in database.ports_of(network_id)}
    number = int(port_id.replace("-", "")[:6], 16)
    while (mac_address := _written(number)) in taken:
        number = (number + 1) % OURS
    return mac_address


def read_mac_address(text: str, field: str = "mac_address") -> str:
    """Return what a caller calls a MAC address as neutron writes it. Raises BadRequest that names the field."""
    mac_address = text.lower().replace("-", ":")
    if not FORM.fullmatch(mac_address) or int(mac_address[:2], 16) & GROUP or not mac_address.strip("0:"):
        raise BadRequest(f"Invalid input for {field}. Reason: '{text}' is not a valid MAC address.")
    return mac_address


def check_unique(database: Database, network_id: str, mac_address: str, port: Port | None) -> None:
    """Raise MacAddressInUse if another port than this one has the MAC address on the network."""
    if any(other.mac_address == mac_address and other is not port for other in database.ports_of(network_id)):
        raise MacAddressInUse(network_id, mac_address)


def _written(number: int) -> str:
    return "fa:16:3e:" + number.to_bytes(3, "big").hex(":")

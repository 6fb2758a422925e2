"""MAC addresses of ports, which are unique on a network."""

import re

from emulator.runtime.errors import BadRequest, Conflict
from emulator.services.neutron.database import Database
from emulator.services.neutron.models import Port

__all__ = ["check_unique", "free_mac_address", "read_mac_address"]

FORMS = [
    re.compile("[:-]".join(["([0-9a-f]{1,2})"] * 6)),  # 00:00:5e:00:53:1, 00-00-5E-00-53-01
    re.compile("[:.-]".join(["([0-9a-f]{1,4})"] * 3)),  # 0000.5e00.5301, as Cisco writes it
    re.compile("[:-]".join(["([0-9a-f]{5,6})"] * 2)),  # 00005e-005301, as PostgreSQL does
    re.compile("([0-9a-f]{12})"),
]
"""The forms of a MAC address that netaddr, and therefore neutron, accepts."""
ZERO = "00:00:00:00:00:00"
MULTICAST_BIT = 0x01
"""In the first byte: the address is a multicast or the broadcast address. No interface can have it."""
RANGE_SIZE = 1 << 24
"""How many addresses neutron's default `base_mac`, fa:16:3e:00:00:00, leaves."""


class MacAddressInUse(Conflict):
    """Another port on the network has the MAC address."""

    error_type = "neutron.MacAddressInUse"

    def __init__(self, network_id: str, mac_address: str) -> None:
        super().__init__(
            f"Unable to complete operation for network {network_id}. The mac address {mac_address} is in use."
        )


def free_mac_address(database: Database, network_id: str, port_id: str) -> str:
    """Return a MAC address that is free on the network: the one derived from the port's id, or the next free one."""
    taken = {port.mac_address for port in database.ports_of(network_id)}
    number = int(port_id.replace("-", "")[:6], 16)
    while (mac_address := _format(number)) in taken:
        number = (number + 1) % RANGE_SIZE
    return mac_address


def read_mac_address(text: str, field: str = "mac_address") -> str:
    """Parse a MAC address and return it in neutron's notation. Raises BadRequest, which names the field."""
    for form in FORMS:
        if match := form.fullmatch(text.lower()):
            width = 12 // len(match.groups())
            digits = "".join(group.zfill(width) for group in match.groups())
            address = bytes.fromhex(digits)
            if address.hex(":") != ZERO and not address[0] & MULTICAST_BIT:
                return address.hex(":")
    raise BadRequest(f"Invalid input for {field}. Reason: '{text}' is not a valid MAC address.")


def check_unique(database: Database, network_id: str, mac_address: str, port: Port | None) -> None:
    """Raise MacAddressInUse if another port on the network has the MAC address. `port` is the one to be updated."""
    if any(other.mac_address == mac_address and other is not port for other in database.ports_of(network_id)):
        raise MacAddressInUse(network_id, mac_address)


def _format(number: int) -> str:
    return "fa:16:3e:" + number.to_bytes(3, "big").hex(":")

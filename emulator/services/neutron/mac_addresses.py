"""MAC addresses as callers write them: a device can have those that are of one device."""

import re

from emulator.plumbing.errors import BadRequest

__all__ = ["read_mac_address"]

FORM = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
GROUP = 0x01
"""This bit of the first byte says that an address is of many devices, or of all."""


def read_mac_address(text: str, field: str = "mac_address") -> str:
    """Return a MAC address in neutron's form. Raises BadRequest that names the field."""
    mac_address = text.lower().replace("-", ":")
    if not FORM.fullmatch(mac_address) or int(mac_address[:2], 16) & GROUP or not mac_address.strip("0:"):
        raise BadRequest(f"Invalid input for {field}. Reason: '{text}' is not a valid MAC address.")
    return mac_address

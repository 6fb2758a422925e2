"""Addresses that a port may use besides its own: `allowed_address_pairs`."""

from collections.abc import Sequence
from ipaddress import ip_network

from msgspec import Struct

from emulator.runtime.errors import BadRequest
from emulator.services.neutron.mac_addresses import read_mac_address
from emulator.services.neutron.request_bodies import Text

__all__ = ["AddressPair", "read_pairs"]

FIELD = "allowed_address_pairs"
MOST = 10
"""How many a port may have, as in neutron."""


class AllowedAddressPairExhausted(BadRequest):
    """There are too many."""

    error_type = "neutron.AllowedAddressPairExhausted"

    def __init__(self) -> None:
        super().__init__(f"Invalid input for {FIELD}. Reason: The number of allowed address pair exceeds {MOST}.")


class DuplicateAddressPairInRequest(BadRequest):
    """One is there twice."""

    error_type = "neutron.DuplicateAddressPairInRequest"

    def __init__(self, pair: "AddressPair") -> None:
        super().__init__(
            f"Invalid input for {FIELD}. Reason: Request contains duplicate address pair: "
            f"mac_address {pair.mac_address} ip_address {pair.ip_address}."
        )


class AddressPair(Struct, forbid_unknown_fields=True):
    """An address or a range of them, and the MAC address that it goes with: the port's if none is named."""

    ip_address: Text
    mac_address: Text | None = None


def read_pairs(wanted: Sequence[AddressPair]) -> list[dict[str, str]]:
    """Return pairs as a port keeps them, without the MAC addresses that follow its own. Raises BadRequest."""
    if len(wanted) > MOST:
        raise AllowedAddressPairExhausted
    read: list[dict[str, str]] = []
    for pair in wanted:
        if (one := _read(pair)) in read:
            raise DuplicateAddressPairInRequest(pair)
        read.append(one)
    return read


def _read(pair: AddressPair) -> dict[str, str]:
    try:
        ip_network(pair.ip_address)
    except ValueError:
        why = f"'{pair.ip_address}' is not a valid IP address or subnet"
        raise BadRequest(f"Invalid input for {FIELD}.ip_address. Reason: {why}.") from None
    if pair.mac_address is None:
        return {"ip_address": pair.ip_address}
    mac_address = read_mac_address(pair.mac_address, f"{FIELD}.mac_address")
    return {"ip_address": pair.ip_address, "mac_address": mac_address}

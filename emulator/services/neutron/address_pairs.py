"""`allowed_address_pairs`: addresses that a port may use besides its own."""

from collections.abc import Sequence
from ipaddress import ip_network

from msgspec import Struct

from emulator.runtime.errors import BadRequest
from emulator.services.neutron.mac_addresses import read_mac_address
from emulator.services.neutron.request_bodies import Text

__all__ = ["AddressPair", "read_address_pairs"]

FIELD = "allowed_address_pairs"
MAX_PAIRS = 10
"""How many a port may have: neutron's default for `max_allowed_address_pair`."""


class AllowedAddressPairExhausted(BadRequest):
    """The request has too many pairs."""

    error_type = "neutron.AllowedAddressPairExhausted"

    def __init__(self) -> None:
        super().__init__(f"Invalid input for {FIELD}. Reason: The number of allowed address pair exceeds {MAX_PAIRS}.")


class DuplicateAddressPairInRequest(BadRequest):
    """The request has a pair twice."""

    error_type = "neutron.DuplicateAddressPairInRequest"

    def __init__(self, pair: "AddressPair") -> None:
        super().__init__(
            f"Invalid input for {FIELD}. Reason: Request contains duplicate address pair: "
            f"mac_address {pair.mac_address} ip_address {pair.ip_address}."
        )


class AddressPair(Struct, forbid_unknown_fields=True):
    """An address or a CIDR, and its MAC address; None means that of the port."""

    ip_address: Text
    mac_address: Text | None = None


def read_address_pairs(pairs: Sequence[AddressPair]) -> list[dict[str, str]]:
    """Return pairs as a port stores them. A pair without a MAC address has that of the port. Raises BadRequest."""
    if len(pairs) > MAX_PAIRS:
        raise AllowedAddressPairExhausted
    stored: list[dict[str, str]] = []
    for pair in pairs:
        entry = _read(pair)
        if entry in stored:
            raise DuplicateAddressPairInRequest(pair)
        stored.append(entry)
    return stored


def _read(pair: AddressPair) -> dict[str, str]:
    try:
        ip_network(pair.ip_address, strict=False)
    except ValueError:
        reason = f"'{pair.ip_address}' is not a valid IP address or subnet"
        raise BadRequest(f"Invalid input for {FIELD}.ip_address. Reason: {reason}.") from None
    if pair.mac_address is None:
        return {"ip_address": pair.ip_address}
    mac_address = read_mac_address(pair.mac_address, f"{FIELD}.mac_address")
    return {"ip_address": pair.ip_address, "mac_address": mac_address}

"""Types of fields that several requests to nova-api have: what says yes or no, host names, addresses."""

import ipaddress
from typing import Annotated, Literal

import msgspec

from emulator.runtime.errors import BadRequest
from emulator.services.oslo.strutils import bool_from_string

__all__ = ["Boolean", "DiskConfig", "HostName", "Tag", "check_addresses", "truth_of"]

DiskConfig = Literal["AUTO", "MANUAL"]
HostName = Annotated[str, msgspec.Meta(max_length=255, pattern=r"^[a-zA-Z0-9._-]+$")]
Tag = Annotated[str, msgspec.Meta(min_length=1, max_length=60, pattern=r"^[^/,]*$")]

Yes = Literal["1", "true", "True", "TRUE", "on", "On", "ON", "yes", "Yes", "YES"]
No = Literal["0", "false", "False", "FALSE", "off", "Off", "OFF", "no", "No", "NO"]
Boolean = bool | Yes | No
"""Nova takes words for it, too."""


def truth_of(said: Boolean | None) -> bool:
    """Return whether it is a yes."""
    return bool_from_string(str(said))


def check_addresses(ipv4: str | msgspec.UnsetType, ipv6: str | msgspec.UnsetType) -> None:
    """Raise BadRequest, which names the field, for what is no address of its version; "" is none at all."""
    if ipv4 and not _is_address(ipv4, ipaddress.IPv4Address):
        raise BadRequest(f"Invalid input for field server.accessIPv4: {ipv4!r} is not an IPv4 address.")
    if ipv6 and not _is_address(ipv6, ipaddress.IPv6Address):
        raise BadRequest(f"Invalid input for field server.accessIPv6: {ipv6!r} is not an IPv6 address.")


def _is_address(said: str, version: type[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> bool:
    try:
        version(said)
    except ValueError:
        return False
    return True

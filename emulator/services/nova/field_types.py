"""Types of request fields that several of nova-api's resources share, as `nova.api.validation.parameter_types` has."""

import ipaddress
from typing import Annotated, Literal

import msgspec

from emulator.runtime.errors import BadRequest
from emulator.services.oslo.strutils import bool_from_string

__all__ = ["ZONE", "Boolean", "DiskConfig", "HostName", "Tag", "as_bool", "canonical_address", "check_addresses"]

ZONE = "nova"
"""The availability zone of every compute host: nova's `default_availability_zone`."""

DiskConfig = Literal["AUTO", "MANUAL"]
HostName = Annotated[str, msgspec.Meta(max_length=255, pattern=r"^[a-zA-Z0-9._-]+$")]
Tag = Annotated[str, msgspec.Meta(min_length=1, max_length=60, pattern=r"^[^/,]*$")]

Yes = Literal["1", "true", "True", "TRUE", "on", "On", "ON", "yes", "Yes", "YES"]
No = Literal["0", "false", "False", "FALSE", "off", "Off", "OFF", "no", "No", "NO"]
Boolean = bool | Yes | No
"""Nova accepts exactly these strings for booleans as well."""


def as_bool(value: Boolean | None) -> bool:
    """Convert a boolean field; None is false."""
    return bool_from_string(str(value))


def canonical_address(text: str) -> str:
    """Return a valid address, or an empty string, as nova stores it: IPv6 in the form of RFC 5952."""
    return str(ipaddress.ip_address(text)) if text else text


def check_addresses(ipv4: str | msgspec.UnsetType, ipv6: str | msgspec.UnsetType) -> None:
    """Raise BadRequest, naming the field, if an address is not of its IP version. An empty string means no address."""
    if ipv4 and not _is_address(ipv4, ipaddress.IPv4Address):
        raise BadRequest(f"Invalid input for field server.accessIPv4: {ipv4!r} is not an IPv4 address.")
    if ipv6 and not _is_address(ipv6, ipaddress.IPv6Address):
        raise BadRequest(f"Invalid input for field server.accessIPv6: {ipv6!r} is not an IPv6 address.")


def _is_address(value: str, version: type[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> bool:
    try:
        version(value)
    except ValueError:
        return False
    return True

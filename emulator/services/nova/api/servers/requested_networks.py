"""The field `networks` of `POST /v2.1/servers`: its validation, and its meaning in each microversion."""

import ipaddress
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from emulator.runtime.errors import BadRequest
from emulator.services.nova.api.microversions import Microversion
from emulator.services.nova.messages import RequestedNetwork
from emulator.services.oslo.uuidutils import is_uuid

__all__ = ["requested_networks"]

AUTO_SINCE = (2, 37)
"""Since this microversion `networks` is required, and may be `auto` or `none`."""

Requested = Sequence[RequestedNetwork] | Literal["auto", "none"] | None


def requested_networks(
    networks: Requested, version: Microversion, servers: int
) -> list[RequestedNetwork] | Literal["auto"]:
    """Return the networks of a new server, or `auto` if nova-compute is to choose one.

    `servers` is the maximum number of servers in the request. Raises BadRequest, naming the field.
    """
    if version >= AUTO_SINCE and networks is None:
        raise BadRequest("Invalid input for field server.networks: it is a required property.")
    if version < AUTO_SINCE and isinstance(networks, str):
        raise BadRequest(f"Invalid input for field server.networks: {networks!r} is not of type 'array'.")
    if networks == "none":
        return []
    if networks == "auto" or (not networks and version < AUTO_SINCE):
        return "auto"
    for number, network in enumerate(networks or ()):
        _check(network, f"server.networks[{number}]", servers)
    _check_distinct(networks or ())
    return list(networks or ())


def _check_distinct(networks: Sequence[RequestedNetwork]) -> None:
    """Check that each port is named once. A network may be named several times."""
    for port, count in Counter(network.port for network in networks if network.port is not None).items():
        if count > 1:
            raise BadRequest(f"Port ID '{port}' was specified twice: you cannot attach a port multiple times.")


def _check(network: RequestedNetwork, field: str, servers: int) -> None:
    for name, value in (("port", network.port), ("uuid", network.uuid)):
        if value is not None and not is_uuid(value):
            raise BadRequest(f"Invalid input for field {field}.{name}: {value!r} is not a UUID.")
    if network.uuid is None and network.port is None:
        raise BadRequest(f"Invalid input for field {field}.uuid: it is required without a port.")
    if network.port is not None and network.fixed_ip is not None:
        raise BadRequest(f"Specified Fixed IP '{network.fixed_ip}' cannot be used with port '{network.port}'.")
    if network.port is not None and servers > 1:
        raise BadRequest(
            "Unable to launch multiple instances with a single configured port ID. "
            "Please launch your instance one by one with different ports."
        )
    if network.fixed_ip is not None:
        _check_address(network.fixed_ip, f"{field}.fixed_ip", servers)


def _check_address(address: str, field: str, servers: int) -> None:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise BadRequest(f"Invalid input for field {field}: {address!r} is not an IP address.") from None
    if servers > 1:
        raise BadRequest("max_count cannot be greater than 1 if an fixed_ip is specified.")

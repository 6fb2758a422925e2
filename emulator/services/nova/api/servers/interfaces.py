"""A server's attachments: `/ips`, `/os-interface` and `/os-volume_attachments`."""

from typing import Any

from aiohttp import web

from emulator.runtime.errors import NotFound
from emulator.runtime.http_server import json_response
from emulator.services.nova.api.servers.views import find_server
from emulator.services.nova.messages import Interface

__all__ = ["INTERFACE_ROUTES"]


class NotAMember(NotFound):
    """The server is not attached to the network."""

    error_type = "nova.NotAMember"

    def __init__(self) -> None:
        super().__init__("Instance is not a member of specified network")


class PortNotFound(NotFound):
    """The server does not have the port."""

    error_type = "nova.PortNotFound"

    def __init__(self, server_id: str, port_id: str) -> None:
        super().__init__(f"Instance {server_id} does not have a port with id {port_id}")


class VolumeNotFound(NotFound):
    """The server does not have the volume: the emulator has no volumes."""

    error_type = "nova.VolumeNotFound"

    def __init__(self, volume_id: str) -> None:
        super().__init__(f"volume_id not found: {volume_id}")


async def list_addresses(request: web.Request) -> web.Response:
    """List the server's addresses by network."""
    addresses = find_server(request).all_addresses
    return json_response({"addresses": {network: _without_type(listed) for network, listed in addresses.items()}})


async def list_addresses_on(request: web.Request) -> web.Response:
    """List the server's addresses on the network with this name."""
    addresses, network = find_server(request).all_addresses, request.match_info["network"]
    if network not in addresses:
        raise NotAMember
    return json_response({network: _without_type(addresses[network])})


def _without_type(addresses: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"version": address["version"], "addr": address["addr"]} for address in addresses]


async def list_interfaces(request: web.Request) -> web.Response:
    """List the server's ports."""
    interfaces = find_server(request).interfaces
    return json_response({"interfaceAttachments": [_describe(interface) for interface in interfaces]})


async def show_interface(request: web.Request) -> web.Response:
    """Show one of the server's ports."""
    server, port_id = find_server(request), request.match_info["port_id"]
    for interface in server.interfaces:
        if interface.port_id == port_id:
            return json_response({"interfaceAttachment": _describe(interface)})
    raise PortNotFound(server.id, port_id)


def _describe(interface: Interface) -> dict[str, Any]:
    return {
        "port_state": "ACTIVE",
        "port_id": interface.port_id,
        "net_id": interface.network_id,
        "mac_addr": interface.mac_address,
        "fixed_ips": interface.fixed_ips,
    }


async def list_volumes(request: web.Request) -> web.Response:
    """List the server's volumes: the emulator has none."""
    find_server(request)
    return json_response({"volumeAttachments": []})


async def show_volume(request: web.Request) -> web.Response:
    """Answer 404: the emulator has no volumes."""
    find_server(request)
    raise VolumeNotFound(request.match_info["volume_id"])


INTERFACE_ROUTES = (
    web.get("/v2.1/servers/{server_id}/ips", list_addresses),
    web.get("/v2.1/servers/{server_id}/ips/{network}", list_addresses_on),
    web.get("/v2.1/servers/{server_id}/os-interface", list_interfaces),
    web.get("/v2.1/servers/{server_id}/os-interface/{port_id}", show_interface),
    web.get("/v2.1/servers/{server_id}/os-volume_attachments", list_volumes),
    web.get("/v2.1/servers/{server_id}/os-volume_attachments/{volume_id}", show_volume),
)

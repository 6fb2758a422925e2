"""Ports over HTTP: list, show, create, update and delete them.

Source: https://docs.openstack.org/api-ref/network/v2/#ports
"""

from http import HTTPStatus
from typing import Any, Literal

from aiohttp import web
from msgspec import UNSET, Struct, UnsetType, field

from emulator.runtime.errors import BadRequest, Conflict
from emulator.runtime.http_server import IDENTITY, read_json
from emulator.runtime.request_context import annotate, current_request
from emulator.runtime.service import SERVICE_CONTEXT
from emulator.services.neutron.address_pairs import AddressPair, read_address_pairs
from emulator.services.neutron.addresses import RequestedIp, allocate, release
from emulator.services.neutron.creation import creates
from emulator.services.neutron.database import DATABASE
from emulator.services.neutron.dhcp_options import DhcpOption, merge_dhcp_options
from emulator.services.neutron.floating_ip_association import (
    check_associated_addresses_kept,
    disassociate,
)
from emulator.services.neutron.listing import answer_list, answer_one
from emulator.services.neutron.mac_addresses import check_unique, free_mac_address, read_mac_address
from emulator.services.neutron.models import Network, Port
from emulator.services.neutron.policy import may_use_network, not_authorized, project_for
from emulator.services.neutron.quotas import check_quota
from emulator.services.neutron.request_bodies import (
    apply_attributes,
    check_read_only,
    read_attributes,
    required,
)
from emulator.services.neutron.security_groups import SecurityGroupNotFound, default_group, find_group
from emulator.services.neutron.server_notifications import notify_servers, server_of

__all__ = ["PORT_ROUTES"]

RECORD_FIELDS = {
    **{
        name: name
        for name in (
            "name",
            "description",
            "admin_state_up",
            "device_id",
            "device_owner",
            "port_security_enabled",
            "allowed_address_pairs",
            "extra_dhcp_opts",
            "security_groups",
            "mac_address",
        )
    },
    "binding:vnic_type": "vnic_type",
    "binding:host_id": "host_id",
    "binding:profile": "profile",
}
READ_ONLY = ("network_id", "project_id", "tenant_id")
SERVICE_ONLY = ("binding:host_id", "binding:profile")

VnicType = Literal[
    "normal",
    "direct",
    "direct-physical",
    "macvtap",
    "baremetal",
    "virtio-forwarder",
    "smart-nic",
    "vdpa",
    "accelerator-direct",
    "accelerator-direct-physical",
    "remote-managed",
]


class PortInUse(Conflict):
    """The port belongs to another device."""

    error_type = "neutron.PortInUse"

    def __init__(self, port: Port) -> None:
        super().__init__(
            f"Unable to complete operation on port {port.id} for network {port.network_id}. "
            f"Port already has an attached device {port.device_id}."
        )


class PortAttributes(Struct):
    """The attributes of a port in a request."""

    network_id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    admin_state_up: bool | UnsetType = UNSET
    fixed_ips: list[RequestedIp] | UnsetType = UNSET
    mac_address: str | UnsetType = UNSET
    device_id: str | UnsetType = UNSET
    device_owner: str | UnsetType = UNSET
    security_groups: list[str] | UnsetType = UNSET
    port_security_enabled: bool | UnsetType = UNSET
    allowed_address_pairs: list[AddressPair] | UnsetType | None = UNSET
    extra_dhcp_opts: list[DhcpOption] | UnsetType | None = UNSET
    vnic_type: VnicType | UnsetType = field(name="binding:vnic_type", default=UNSET)
    host_id: str | UnsetType | None = field(name="binding:host_id", default=UNSET)
    profile: dict[str, Any] | UnsetType = field(name="binding:profile", default=UNSET)
    project_id: str | UnsetType = UNSET
    tenant_id: str | UnsetType = UNSET


class PortBody(Struct):
    """The body of a request that updates a port."""

    port: PortAttributes


async def list_ports(request: web.Request) -> web.Response:
    """List the ports that the caller may see."""
    devices = request.query.getall("device_id", [])  # filtered first, for speed: most requests are for one device
    found = request.app[DATABASE].ports_for(request[IDENTITY])
    described = (port.describe() for port in found if not devices or port.device_id in devices)
    return answer_list(request, "ports", described)


async def show_port(request: web.Request) -> web.Response:
    """Show a port."""
    return answer_one(request, "port", _find(request).describe())


def create_port(request: web.Request, body: PortAttributes) -> dict[str, Any]:
    """Create a port with the requested addresses, or with one of every IP version that the network has; describe it."""
    attributes = read_attributes(body)
    database, caller, rng = request.app[DATABASE], request[IDENTITY], request.app[SERVICE_CONTEXT].rng
    project_id = project_for(caller, attributes)
    network = _usable_network(request, attributes)
    _validate(request, "create_port", attributes, network, project_id)
    check_quota(database, project_id, "port")
    port_id = rng.uuid("port", network.id, current_request().request_id)
    random = rng.draw("address", network.id, port_id)
    fixed_ips = allocate(network.id, database.subnets_of(network.id), attributes.get("fixed_ips"), random)
    groups = [default_group(project_id)] if attributes.get("port_security_enabled", True) else []
    mac_address = free_mac_address(database, network.id, port_id)
    port = Port(port_id, "", project_id, network.id, mac_address, fixed_ips, groups)
    apply_attributes(port, attributes, RECORD_FIELDS)
    database.ports[port.id] = port
    annotate(server__id=port.device_id or None)
    return port.describe()


async def update_port(request: web.Request) -> web.Response:
    """Update a port. A `device_id` attaches it to a device, and "" detaches it."""
    attributes = read_attributes((await read_json(request, PortBody)).port)
    database, port = request.app[DATABASE], _find(request)
    check_read_only(attributes, READ_ONLY)
    _validate(request, "update_port", attributes, database.networks[port.network_id], port.project_id, port)
    # Nothing is awaited between this check and the change: of several devices that claim the port, one gets it.
    _check_device(port, attributes.get("device_id", ""))
    device, groups = server_of(port), port.security_groups
    if "fixed_ips" in attributes:
        check_associated_addresses_kept(database, port, attributes["fixed_ips"])
        _change_addresses(request, port, attributes["fixed_ips"])
    apply_attributes(port, attributes, RECORD_FIELDS)
    port.revision.bump()
    annotate(server__id=port.device_id or None)
    if database.floating_ips_of(port.id):
        await notify_servers(request.app, device, server_of(port))
    elif port.security_groups != (groups if device == server_of(port) else [default_group(port.project_id)]):
        await notify_servers(request.app, server_of(port))
    return answer_one(request, "port", port.describe())


async def delete_port(request: web.Request) -> web.Response:
    """Delete a port, release its addresses and disassociate its floating IPs."""
    database, port = request.app[DATABASE], _find(request)
    annotate(server__id=port.device_id or None)
    release(database.subnets.values(), port.fixed_ips)
    del database.ports[port.id]
    if disassociate(database.floating_ips_of(port.id)):
        await notify_servers(request.app, server_of(port))
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _remove(request: web.Request, port_id: str) -> None:
    database = request.app[DATABASE]
    release(database.subnets.values(), database.ports.pop(port_id).fixed_ips)


def _find(request: web.Request) -> Port:
    """Return the port in the path. Every caller that may see a port may change it."""
    return request.app[DATABASE].port(request.match_info["port_id"], request[IDENTITY])


def _usable_network(request: web.Request, attributes: dict[str, Any]) -> Network:
    network = request.app[DATABASE].network(required(attributes, "network_id"), request[IDENTITY])
    if not (request[IDENTITY].sees_all or may_use_network(request[IDENTITY].project_id, network)):
        raise not_authorized("create_port")
    return network


def _validate(
    request: web.Request,
    action: str,
    attributes: dict[str, Any],
    network: Network,
    project_id: str,
    port: Port | None = None,
) -> None:
    """Check that the caller may set the attributes and that they are valid; normalize them as neutron does."""
    service_only = [name for name in SERVICE_ONLY if name in attributes]
    if service_only and not request[IDENTITY].sees_all:
        raise not_authorized(action, *service_only)
    if attributes.get("binding:host_id", "") is None:
        attributes["binding:host_id"] = ""
    if "mac_address" in attributes:
        attributes["mac_address"] = read_mac_address(attributes["mac_address"])
        check_unique(request.app[DATABASE], network.id, attributes["mac_address"], port)
    if "allowed_address_pairs" in attributes:
        attributes["allowed_address_pairs"] = read_address_pairs(attributes["allowed_address_pairs"] or ())
    if "extra_dhcp_opts" in attributes:
        options = port.extra_dhcp_opts if port else []
        attributes["extra_dhcp_opts"] = merge_dhcp_options(options, attributes["extra_dhcp_opts"] or ())
    for group in attributes.get("security_groups", ()):
        if find_group(request.app[DATABASE], group, request[IDENTITY]).project_id != project_id:
            raise SecurityGroupNotFound(group)


def _check_device(port: Port, device_id: str) -> None:
    if device_id and port.device_id not in {"", device_id}:
        raise PortInUse(port)


def _change_addresses(request: web.Request, port: Port, requested: list[RequestedIp]) -> None:
    """Replace the addresses of a port. If that fails it keeps those that it had."""
    database, rng = request.app[DATABASE], request.app[SERVICE_CONTEXT].rng
    subnets = database.subnets_of(port.network_id)
    release(subnets, port.fixed_ips)
    try:
        port.fixed_ips = allocate(port.network_id, subnets, requested, rng.draw("address", port.network_id, port.id))
    except (BadRequest, Conflict):
        for fixed in port.fixed_ips:
            database.subnets[fixed.subnet_id].allocated.add(fixed.address)
        raise


PORT_ROUTES = (
    web.get("/v2.0/ports", list_ports),
    web.post("/v2.0/ports", creates("port", PortAttributes, create_port, undo=_remove)),
    web.get("/v2.0/ports/{port_id}", show_port),
    web.put("/v2.0/ports/{port_id}", update_port),
    web.delete("/v2.0/ports/{port_id}", delete_port),
)

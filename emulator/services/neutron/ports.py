"""Ports over HTTP: list, show, create, change and delete them."""

from http import HTTPStatus
from typing import Any, Literal

from aiohttp import web
from msgspec import UNSET, Struct, UnsetType, field

from emulator.runtime.errors import BadRequest, Conflict
from emulator.runtime.http_server import IDENTITY, read_json
from emulator.runtime.request_context import annotate, current_request
from emulator.runtime.service import SERVICE_CONTEXT
from emulator.services.neutron.address_pairs import AddressPair, read_pairs
from emulator.services.neutron.addresses import WantedIp, give, take_back
from emulator.services.neutron.database import DATABASE
from emulator.services.neutron.dhcp_options import DhcpOption, merge_options
from emulator.services.neutron.floating_ip_association import check_keeps, device_of, disassociate, tell
from emulator.services.neutron.listing import answer_list, answer_one
from emulator.services.neutron.mac_addresses import check_unique, free_mac_address, read_mac_address
from emulator.services.neutron.models import Network, Port
from emulator.services.neutron.policy import check_project, may_use_network, refuse
from emulator.services.neutron.quotas import check_quota
from emulator.services.neutron.request_bodies import check_fixed, given, needed, put
from emulator.services.neutron.security_groups.defaults import SecurityGroupNotFound, default_group, find_group

__all__ = ["PORT_ROUTES"]

NAMES = {
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
FIXED = ("network_id", "project_id", "tenant_id")
OF_SERVICES = ("binding:host_id", "binding:profile")

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
    """Another device has the port."""

    error_type = "neutron.PortInUse"

    def __init__(self, port: Port) -> None:
        super().__init__(
            f"Unable to complete operation on port {port.id} for network {port.network_id}. "
            f"Port already has an attached device {port.device_id}."
        )


class PortWords(Struct):
    """What a caller may say of a port."""

    network_id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    admin_state_up: bool | UnsetType = UNSET
    fixed_ips: list[WantedIp] | UnsetType = UNSET
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
    """The body of a request."""

    port: PortWords


async def list_ports(request: web.Request) -> web.Response:
    """List the ports that the caller may see."""
    devices = request.query.getall("device_id", [])  # looked at first: each boot asks for those of one device
    found = request.app[DATABASE].ports_for(request[IDENTITY])
    described = (port.describe() for port in found if not devices or port.device_id in devices)
    return answer_list(request, "ports", described)


async def show_port(request: web.Request) -> web.Response:
    """Show a port."""
    return answer_one(request, "port", _find(request).describe())


async def create_port(request: web.Request) -> web.Response:
    """Make a port, with an address of every IP version that the network has, or with those that are wanted."""
    words = given((await read_json(request, PortBody)).port)
    database, who, rng = request.app[DATABASE], request[IDENTITY], request.app[SERVICE_CONTEXT].rng
    project_id = check_project(who, words.get("project_id") or words.get("tenant_id"))
    network = _usable_network(request, words)
    _check(request, "create_port", words, network, project_id)
    check_quota(database, project_id, "port")
    port_id = rng.uuid("port", network.id, current_request().request_id)
    random = rng.draw("address", network.id, port_id)
    fixed_ips = give(network.id, database.subnets_of(network.id), words.get("fixed_ips"), random)
    groups = [default_group(project_id)] if words.get("port_security_enabled", True) else []
    mac_address = free_mac_address(database, network.id, port_id)
    port = Port(port_id, "", project_id, network.id, mac_address, fixed_ips, groups)
    put(port, words, NAMES)
    database.ports[port.id] = port
    annotate(server__id=port.device_id or None)
    return answer_one(request, "port", port.describe(), HTTPStatus.CREATED)


async def update_port(request: web.Request) -> web.Response:
    """Change what was named: `device_id` says who has the port, "" that nobody has.

    Of devices that want the port at once one gets it: from the first check to the last change nothing is awaited.
    """
    words = given((await read_json(request, PortBody)).port)
    database, port = request.app[DATABASE], _find(request)
    check_fixed(words, FIXED)
    _check(request, "update_port", words, database.networks[port.network_id], port.project_id, port)
    _check_device(port, words.get("device_id", ""))
    device = device_of(port)
    if "fixed_ips" in words:
        check_keeps(database, port, words["fixed_ips"])
        _readdress(request, port, words["fixed_ips"])
    put(port, words, NAMES)
    port.stamp.touch()
    annotate(server__id=port.device_id or None)
    if database.floating_ips_to(port.id):
        await tell(request.app, device, device_of(port))
    return answer_one(request, "port", port.describe())


async def delete_port(request: web.Request) -> web.Response:
    """Delete a port; its addresses are free again, and floating IPs lead there no more."""
    database, port = request.app[DATABASE], _find(request)
    annotate(server__id=port.device_id or None)
    take_back(database.subnets.values(), port.fixed_ips)
    del database.ports[port.id]
    if disassociate(database.floating_ips_to(port.id)):
        await tell(request.app, device_of(port))
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _find(request: web.Request) -> Port:
    """Who may see a port may change it."""
    return request.app[DATABASE].port(request.match_info["port_id"], request[IDENTITY])


def _usable_network(request: web.Request, words: dict[str, Any]) -> Network:
    network = request.app[DATABASE].network(needed(words, "network_id"), request[IDENTITY])
    if not (request[IDENTITY].sees_all or may_use_network(request[IDENTITY].project_id, network)):
        raise refuse("create_port")
    return network


def _check(
    request: web.Request,
    action: str,
    words: dict[str, Any],
    network: Network,
    project_id: str,
    port: Port | None = None,
) -> None:
    """Raise an error where the words are not the caller's to say, or make no sense; bring them into neutron's form."""
    held = [name for name in OF_SERVICES if name in words]
    if held and not request[IDENTITY].sees_all:
        raise refuse(action, *held)
    words.update({name: "" for name in ("binding:host_id",) if words.get(name, "") is None})
    if "mac_address" in words:
        words["mac_address"] = read_mac_address(words["mac_address"])
        check_unique(request.app[DATABASE], network.id, words["mac_address"], port)
    if "allowed_address_pairs" in words:
        words["allowed_address_pairs"] = read_pairs(words["allowed_address_pairs"] or ())
    if "extra_dhcp_opts" in words:
        options = port.extra_dhcp_opts if port else []
        words["extra_dhcp_opts"] = merge_options(options, words["extra_dhcp_opts"] or ())
    for group in words.get("security_groups", ()):
        if find_group(request.app[DATABASE], group, request[IDENTITY]).project_id != project_id:
            raise SecurityGroupNotFound(group)


def _check_device(port: Port, device_id: str) -> None:
    if device_id and port.device_id not in {"", device_id}:
        raise PortInUse(port)


def _readdress(request: web.Request, port: Port, wanted: list[WantedIp]) -> None:
    """Give a port other addresses; it keeps those that it had, if that fails."""
    database, rng = request.app[DATABASE], request.app[SERVICE_CONTEXT].rng
    subnets = database.subnets_of(port.network_id)
    take_back(subnets, port.fixed_ips)
    try:
        port.fixed_ips = give(port.network_id, subnets, wanted, rng.draw("address", port.network_id, port.id))
    except (BadRequest, Conflict):
        for fixed in port.fixed_ips:
            database.subnets[fixed.subnet_id].taken.add(fixed.address)
        raise


PORT_ROUTES = (
    web.get("/v2.0/ports", list_ports),
    web.post("/v2.0/ports", create_port),
    web.get("/v2.0/ports/{port_id}", show_port),
    web.put("/v2.0/ports/{port_id}", update_port),
    web.delete("/v2.0/ports/{port_id}", delete_port),
)

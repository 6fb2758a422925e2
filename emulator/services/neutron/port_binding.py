"""Steps (3) and (4) of Figure 1.8: nova-compute requests a network, and gets it with a port for its server."""

import re

from aiohttp import web

from emulator.runtime.errors import BadRequest
from emulator.runtime.http_server import IDENTITY
from emulator.runtime.request_context import OWN_HOST, annotate
from emulator.runtime.service import SERVICE_CONTEXT
from emulator.runtime.simulated_work import simulated_delay
from emulator.services.neutron.addresses import IpAddressGenerationFailure, RequestedIp, allocate
from emulator.services.neutron.database import DATABASE, NetworkNotFound
from emulator.services.neutron.listing import answer_one
from emulator.services.neutron.mac_addresses import free_mac_address
from emulator.services.neutron.models import Network, Port
from emulator.services.neutron.policy import may_bind_devices, may_use_network
from emulator.services.neutron.quotas import check_quota
from emulator.services.neutron.security_groups import SecurityGroupNotFound, default_group, find_group
from emulator.services.neutron.server_notifications import notify_servers

__all__ = ["show_network"]

INTERFACE = re.compile(r"[0-9]{1,4}")


class NetworkRequiresSubnet(BadRequest):
    """A server on the network would have no address. The message is nova's."""

    error_type = "neutron.NetworkRequiresSubnet"

    def __init__(self, network_id: str) -> None:
        super().__init__(f"Network {network_id} requires a subnet in order to boot instances on.")


async def show_network(request: web.Request) -> web.Response:
    """Show a network. For a service that sends a `device_id`, also create a port for that device and show it.

    These query parameters are the emulator's own: Figure 1.8 has one exchange with neutron, in which nova-compute both
    finds the network and gets an address. A repeated request for an `interface` of a device (a number, by default 0)
    gets the same port, so that it can be retried. The port belongs to the project `project_id`, by default the
    caller's, has the address `fixed_ip`, by default any, and each `security_group`, by default the project's `default`.
    It is bound to the caller's host. If the caller is not a service the parameters are ignored, as neutron ignores
    unknown ones.
    """
    network_id = request.match_info["network_id"]
    await simulated_delay("find network", fails=lambda: NetworkNotFound(network_id))
    network = request.app[DATABASE].network(network_id, request[IDENTITY])
    described = request.app[DATABASE].describe_network(network)
    device_id = request.query.get("device_id")
    if device_id and may_bind_devices(request[IDENTITY]):
        annotate(server__id=device_id)
        project_id = request.query.get("project_id") or request[IDENTITY].project_id
        if not may_use_network(project_id, network):
            raise NetworkNotFound(network_id)
        await simulated_delay("allocate address", fails=lambda: IpAddressGenerationFailure(network_id))
        port = _find_port(request, network, device_id, project_id)
        if port is None:
            port = _create_port(request, network, device_id, project_id)
            if port.security_groups != [default_group(project_id)]:
                await notify_servers(request.app, device_id)
        port.host_id = request.headers.get(OWN_HOST, "")
        described["port"] = port.describe()
    return answer_one(request, "network", described)


def _interface(request: web.Request) -> int:
    text = request.query.get("interface", "0")
    if not INTERFACE.fullmatch(text):
        raise BadRequest(f"Invalid input for interface. Reason: '{text}' is not the number of an interface.")
    return int(text)


def _find_port(request: web.Request, network: Network, device_id: str, project_id: str) -> Port | None:
    """Return the port that an earlier request has created for this interface of the device, or None."""
    wanted = (device_id, network.id, project_id, _interface(request))
    for port in request.app[DATABASE].ports.values():
        if (port.device_id, port.network_id, port.project_id, port.interface) == wanted:
            return port
    return None


def _create_port(request: web.Request, network: Network, device_id: str, project_id: str) -> Port:
    database, rng, interface = request.app[DATABASE], request.app[SERVICE_CONTEXT].rng, _interface(request)
    subnets = database.subnets_of(network.id)
    if not subnets:
        raise NetworkRequiresSubnet(network.id)
    groups = request.query.getall("security_group", [default_group(project_id)])
    for group in groups:
        if find_group(database, group, request[IDENTITY]).project_id != project_id:
            raise SecurityGroupNotFound(group)
    check_quota(database, project_id, "port")
    fixed_ip = request.query.get("fixed_ip")
    requested = None if fixed_ip is None else [RequestedIp(ip_address=fixed_ip)]
    names = (network.id, device_id, *([interface] if interface else []))
    fixed_ips = allocate(network.id, subnets, requested, rng.draw("address", *names))
    port_id = rng.uuid("port", *names)
    mac_address = free_mac_address(database, network.id, port_id)
    port = Port(port_id, "", project_id, network.id, mac_address, fixed_ips, groups, device_id)
    port.device_owner, port.interface = "compute:nova", interface
    database.ports[port.id] = port
    return port

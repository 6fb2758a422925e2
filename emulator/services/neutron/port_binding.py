"""Steps (3) and (4) of Figure 1.8: a device asks whether a network is there, and gets its port on it."""

from aiohttp import web

from emulator.runtime.errors import BadRequest
from emulator.runtime.http_server import IDENTITY
from emulator.runtime.request_context import annotate
from emulator.runtime.service import SERVICE_CONTEXT
from emulator.runtime.simulated_work import simulated_delay
from emulator.services.neutron.addresses import IpAddressGenerationFailure, WantedIp, give
from emulator.services.neutron.database import DATABASE, NetworkNotFound
from emulator.services.neutron.listing import answer_one
from emulator.services.neutron.mac_addresses import free_mac_address
from emulator.services.neutron.models import Network, Port
from emulator.services.neutron.policy import may_attach, may_use_network
from emulator.services.neutron.quotas import check_quota
from emulator.services.neutron.security_groups.defaults import default_group

__all__ = ["show_network"]


class NetworkRequiresSubnet(BadRequest):
    """A server on the network would have no address. The words are nova's."""

    error_type = "neutron.NetworkRequiresSubnet"

    def __init__(self, network_id: str) -> None:
        super().__init__(f"Network {network_id} requires a subnet in order to boot instances on.")


async def show_network(request: web.Request) -> web.Response:
    """Show a network. A service that names a `device_id` attaches it to that device: the answer then holds its port.

    The attaching query is ours: Figure 1.8 has one exchange with neutron, so the question whether the network is there
    and the allocation of an address on it are one. Asked twice for the same device, it gives the same port. The port is
    of the project `project_id`, the caller's if none is named, and has the address `fixed_ip`, or any. To callers that
    are no service all of these keys are unknown, as they are to neutron.
    """
    network_id = request.match_info["network_id"]
    await simulated_delay("find network", fails=lambda: NetworkNotFound(network_id))
    network = request.app[DATABASE].network(network_id, request[IDENTITY])
    described = request.app[DATABASE].describe_network(network)
    device_id = request.query.get("device_id")
    if device_id and may_attach(request[IDENTITY]):
        annotate(server__id=device_id)
        project_id = request.query.get("project_id") or request[IDENTITY].project_id
        if not may_use_network(project_id, network):
            raise NetworkNotFound(network_id)
        await simulated_delay("allocate address", fails=lambda: IpAddressGenerationFailure(network_id))
        port = _attach(request, network, device_id, project_id)
        described["port"] = port.describe()
    return answer_one(request, "network", described)


def _attach(request: web.Request, network: Network, device_id: str, project_id: str) -> Port:
    """Return the port that the device has in this project, made now if it has none."""
    database, rng = request.app[DATABASE], request.app[SERVICE_CONTEXT].rng
    for port in database.ports.values():
        if (port.device_id, port.network_id, port.project_id) == (device_id, network.id, project_id):
            return port
    subnets = database.subnets_of(network.id)
    if not subnets:
        raise NetworkRequiresSubnet(network.id)
    check_quota(database, project_id, "port")
    fixed_ip = request.query.get("fixed_ip")
    wanted = None if fixed_ip is None else [WantedIp(ip_address=fixed_ip)]
    fixed_ips = give(network.id, subnets, wanted, rng.draw("address", network.id, device_id))
    port_id = rng.uuid("port", network.id, device_id)
    groups = [default_group(project_id)]
    mac_address = free_mac_address(database, network.id, port_id)
    port = Port(port_id, "", project_id, network.id, mac_address, fixed_ips, groups, device_id)
    port.device_owner = "compute:nova"
    database.ports[port.id] = port
    return port

"""All that neutron knows, by id, and what a fresh cloud has of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from emulator.runtime.errors import NotFound
from emulator.services.auth import Identity
from emulator.services.neutron.cidrs import gateway_of, pools_of
from emulator.services.neutron.models import FloatingIp, Network, Port, Subnet
from emulator.services.neutron.policy import may_see_network
from emulator.services.neutron.security_groups.models import SecurityGroup
from emulator.services.seed_data import NETWORKS, PROJECTS, resource_id

__all__ = ["DATABASE", "Database", "FloatingIPNotFound", "NetworkNotFound", "PortNotFound", "SubnetNotFound", "fresh"]


class NetworkNotFound(NotFound):
    """No network has this id, or none that the caller may see."""

    error_type = "neutron.NetworkNotFound"

    def __init__(self, network_id: str) -> None:
        super().__init__(f"Network {network_id} could not be found.")


class SubnetNotFound(NotFound):
    """No subnet has this id, or none that the caller may see."""

    error_type = "neutron.SubnetNotFound"

    def __init__(self, subnet_id: str) -> None:
        super().__init__(f"Subnet {subnet_id} could not be found.")


class PortNotFound(NotFound):
    """No port has this id, or none that the caller may see."""

    error_type = "neutron.PortNotFound"

    def __init__(self, port_id: str) -> None:
        super().__init__(f"Port {port_id} could not be found.")


class FloatingIPNotFound(NotFound):
    """No floating IP has this id, or none that the caller may see."""

    error_type = "neutron.FloatingIPNotFound"

    def __init__(self, floating_id: str) -> None:
        super().__init__(f"Floating IP {floating_id} could not be found")


@dataclass(slots=True)
class Database:
    """All records by id. `limits` are the quotas that were set, by project and resource."""

    networks: dict[str, Network] = field(default_factory=dict)
    subnets: dict[str, Subnet] = field(default_factory=dict)
    ports: dict[str, Port] = field(default_factory=dict)
    floating_ips: dict[str, FloatingIp] = field(default_factory=dict)
    security_groups: dict[str, SecurityGroup] = field(default_factory=dict)
    limits: dict[str, dict[str, int]] = field(default_factory=dict)

    def subnets_of(self, network_id: str) -> list[Subnet]:
        """Return a network's subnets, the first that was made first."""
        return [subnet for subnet in self.subnets.values() if subnet.network_id == network_id]

    def ports_of(self, network_id: str) -> list[Port]:
        """Return the ports on a network."""
        return [port for port in self.ports.values() if port.network_id == network_id]

    def floating_ips_to(self, port_id: str) -> list[FloatingIp]:
        """Return the floating IPs that lead to a port."""
        return [floating for floating in self.floating_ips.values() if floating.port_id == port_id]

    def describe_network(self, network: Network) -> dict[str, Any]:
        """Return a network as neutron answers it, with its subnets."""
        return {**network.describe(), "subnets": [subnet.id for subnet in self.subnets_of(network.id)]}

    def describe_floating_ip(self, floating: FloatingIp) -> dict[str, Any]:
        """Return a floating IP as neutron answers it, with the details of its port."""
        details = None if floating.port_id is None else self.ports[floating.port_id].describe()
        return {**floating.describe(), "port_details": details and {name: details[name] for name in OF_PORT}}

    def networks_for(self, who: Identity) -> Iterator[Network]:
        """Yield the networks that somebody may see."""
        return (network for network in self.networks.values() if may_see_network(who, network))

    def subnets_for(self, who: Identity) -> Iterator[Subnet]:
        """Yield the subnets that somebody may see: those of the networks that they may see."""
        return (subnet for subnet in self.subnets.values() if self._may_see(who, subnet))

    def ports_for(self, who: Identity) -> Iterator[Port]:
        """Yield the ports that somebody may see: those of their project, and those on its networks."""
        return (port for port in self.ports.values() if self._may_see_port(who, port))

    def floating_ips_for(self, who: Identity) -> Iterator[FloatingIp]:
        """Yield the floating IPs that somebody may see: those of their project."""
        return (each for each in self.floating_ips.values() if who.sees_all or each.project_id == who.project_id)

    def network(self, network_id: str, who: Identity) -> Network:
        """Return a network. Raises NetworkNotFound."""
        network = self.networks.get(network_id)
        if network is None or not may_see_network(who, network):
            raise NetworkNotFound(network_id)
        return network

    def subnet(self, subnet_id: str, who: Identity) -> Subnet:
        """Return a subnet. Raises SubnetNotFound."""
        subnet = self.subnets.get(subnet_id)
        if subnet is None or not self._may_see(who, subnet):
            raise SubnetNotFound(subnet_id)
        return subnet

    def port(self, port_id: str, who: Identity) -> Port:
        """Return a port. Raises PortNotFound."""
        port = self.ports.get(port_id)
        if port is None or not self._may_see_port(who, port):
            raise PortNotFound(port_id)
        return port

    def floating_ip(self, floating_id: str, who: Identity) -> FloatingIp:
        """Return a floating IP. Raises FloatingIPNotFound."""
        floating = self.floating_ips.get(floating_id)
        if floating is None or not (who.sees_all or floating.project_id == who.project_id):
            raise FloatingIPNotFound(floating_id)
        return floating

    def _may_see(self, who: Identity, subnet: Subnet) -> bool:
        return who.project_id == subnet.project_id or may_see_network(who, self.networks[subnet.network_id])

    def _may_see_port(self, who: Identity, port: Port) -> bool:
        return who.sees_all or who.project_id in {port.project_id, self.networks[port.network_id].project_id}


OF_PORT = ("name", "network_id", "mac_address", "admin_state_up", "status", "device_id", "device_owner")
"""What a floating IP tells of its port."""

MOST = 500
"""How many ports neutron's own default is. Projects that have more servers, and that of services, have no limit."""

UNLIMITED = {"port": -1, "floatingip": -1}
"""What those have: a port for each server, and a floating IP, which stock clients want for each."""

DATABASE = web.AppKey("database", Database)


def fresh() -> Database:
    """Return what a fresh cloud has: networks of the admin's that all may use, each with a subnet."""
    unlimited = [project.id for project in PROJECTS if project.instances not in range(1, MOST)]
    database = Database(limits={project_id: dict(UNLIMITED) for project_id in unlimited})
    admin = next(project.id for project in PROJECTS if project.name == "admin")
    for number, each in enumerate(NETWORKS, 1):
        network = Network(each.id, each.name, admin, shared=True, external=each.external, segmentation_id=number)
        if each.external:
            network.network_type, network.physical_network, network.segmentation_id = "flat", each.name, None
            network.mtu = 1500
        database.networks[network.id] = network
        subnet_id, gateway = resource_id("subnet", each.name), gateway_of(each.cidr)
        pools = pools_of(each.cidr, gateway)
        subnet = Subnet(subnet_id, f"{each.name}-subnet", admin, network.id, each.cidr, gateway, pools)
        database.subnets[subnet.id] = subnet
    return database
